//! Which flavors are built, and which image is the default one.

use super::Rules;
use super::machines::Machines;
use crate::configure::config::{DefaultStage1, PxeImage, Setup, SystemdSource, VERSION};
use crate::configure::dirs::Directories;
use crate::configure::options::Key;
use crate::failure::Problem;

/// What is built where nothing is said, as far as this version can.
const DEFAULT_FLAVORS: &[&str] = &["coreos", "kvm", "fly"];

/// Schemes of a location that is a URL.
const SCHEMES: &[&str] = &["docker", "https", "http", "file"];

/// Everything about stage1 images, decided.
#[derive(Debug)]
pub(super) struct Stage1 {
    pub(super) flavors: Vec<String>,
    pub(super) flavors_version: String,
    pub(super) overridden: bool,
    pub(super) setup: Setup,
    pub(super) default: DefaultStage1,
    pub(super) systemd: Option<SystemdSource>,
    pub(super) pxe: Option<PxeImage>,
    pub(super) hypervisors: Vec<String>,
}

impl Rules<'_> {
    /// A value that was given; the word `auto` always stood for "not given".
    pub(super) fn given(&self, key: Key) -> Option<&str> {
        self.options.value(key).filter(|value| *value != "auto")
    }

    /// A value that was given and says something.
    pub(super) fn said(&self, key: Key) -> Option<String> {
        self.given(key).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    pub(super) fn stage1(
        &mut self,
        directories: Option<&Directories>,
        machines: Option<&Machines>,
    ) -> Stage1 {
        let setup = self.setup();
        let flavors = self.flavors(setup, machines);
        let override_given = self.said(Key::FlavorsVersion);
        if override_given.is_some() && flavors.is_empty() && setup == Setup::Detailed {
            let place = self.typed(Key::FlavorsVersion);
            self.warn(Problem::new("the version of the flavors is overridden, but none is built").at(place));
        }
        self.version_text(Key::FlavorsVersion);
        let overridden = override_given.is_some();
        let flavors_version = override_given.unwrap_or_else(|| VERSION.to_owned());

        let default = match setup {
            Setup::Flavor => self.default_flavor(&flavors, &flavors_version),
            Setup::Detailed => self.default_details(),
        };
        let default = DefaultStage1 {
            images_directory: self.images_directory(directories),
            ..self.location(default, setup)
        };
        let systemd = self.systemd(&flavors);
        let pxe = self.pxe(&flavors);
        let hypervisors = self.hypervisors(&flavors);
        Stage1 { flavors, flavors_version, overridden, setup, default, systemd, pxe, hypervisors }
    }

    fn setup(&mut self) -> Setup {
        let flavor = self.given(Key::DefaultFlavor).is_some();
        let name = self.given(Key::DefaultName).is_some();
        let version = self.given(Key::DefaultVersion).is_some();
        if flavor && (name || version) {
            let other = if name { Key::DefaultName } else { Key::DefaultVersion };
            let place = format!("{} {}", self.typed(Key::DefaultFlavor), self.typed(other));
            self.error(
                Problem::new("the default image is either a flavor or an image with name and version, not both")
                    .at(place)
                    .hint("give --with-stage1-default-flavor, or --with-stage1-default-name and --with-stage1-default-version"),
            );
            return Setup::Flavor;
        }
        if name || version { Setup::Detailed } else { Setup::Flavor }
    }

    fn working(&self) -> String {
        let names: Vec<_> = self.facts.flavors.iter().filter(|f| f.works).map(|f| f.name.as_str()).collect();
        names.join(", ")
    }

    fn flavors(&mut self, setup: Setup, machines: Option<&Machines>) -> Vec<String> {
        let Some(list) = self.given(Key::Flavors).map(str::to_owned) else {
            return if setup == Setup::Detailed { Vec::new() } else { self.default_flavors() };
        };
        let place = self.typed(Key::Flavors);
        if list.is_empty() {
            if setup == Setup::Flavor {
                let hint = format!("this version builds {}", self.working());
                self.error(Problem::new("the list of flavors is empty").at(place).hint(hint));
            }
            return Vec::new();
        }
        let mut flavors: Vec<String> = Vec::new();
        for item in list.split(',') {
            if let Some(problem) = self.flavor_problem(item, &flavors, machines) {
                self.error(problem.at(&place));
            } else {
                flavors.push(item.to_owned());
            }
        }
        if flavors.iter().any(|flavor| flavor == "fly") {
            self.warn(Problem::new(
                "flavor fly gives little isolation: a pod shares nearly everything with the host",
            ));
        }
        flavors
    }

    fn flavor_problem(&self, name: &str, before: &[String], machines: Option<&Machines>) -> Option<Problem> {
        let known = || self.facts.flavors.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
        if name.is_empty() {
            return Some(
                Problem::new("an empty item in the list of flavors").hint("separate names by single commas"),
            );
        }
        let Some(flavor) = self.facts.flavor(name) else {
            if matches!(name, "yes" | "no") && before.is_empty() {
                let hint = format!(
                    "without a value the option means \"{name}\"; give a list such as {}",
                    self.working()
                );
                return Some(Problem::new("a list of flavors is missing").hint(hint));
            }
            return Some(
                Problem::new(format!("unknown stage1 flavor \"{name}\""))
                    .hint(format!("known are {}", known())),
            );
        };
        if before.iter().any(|other| other == name) {
            return Some(
                Problem::new(format!("flavor \"{name}\" is listed twice")).hint("name each flavor once"),
            );
        }
        if !flavor.works {
            let hint = format!("today this version builds {}", self.working());
            return Some(Problem::new(format!("flavor \"{name}\" cannot be built yet")).hint(hint));
        }
        let arch = &machines?.host.arch;
        if !flavor.arches.is_empty() && !flavor.arches.contains(arch) {
            let hint = format!("it can be built for {}", flavor.arches.join(", "));
            return Some(Problem::new(format!("flavor \"{name}\" cannot be built for {arch}")).hint(hint));
        }
        None
    }

    fn default_flavors(&mut self) -> Vec<String> {
        let works = |name: &&str| self.facts.flavor(name).is_some_and(|flavor| flavor.works);
        let (flavors, missing): (Vec<&str>, Vec<&str>) =
            DEFAULT_FLAVORS.iter().copied().partition(|name| works(name));
        if flavors.is_empty() {
            self.error(
                Problem::new("none of the default flavors can be built")
                    .hint("name flavors with --with-stage1-flavors"),
            );
        } else if !missing.is_empty() {
            let what = format!(
                "only {} of the default flavors is built: this version cannot build {} yet",
                flavors.join(","),
                missing.join(" and ")
            );
            self.warn(
                Problem::new(what)
                    .hint(format!("--with-stage1-flavors={} says so without a warning", flavors.join(","))),
            );
        }
        flavors.into_iter().map(str::to_owned).collect()
    }

    fn default_flavor(&mut self, flavors: &[String], version: &str) -> DefaultStage1 {
        let flavor = match self.given(Key::DefaultFlavor).map(str::to_owned) {
            None => flavors.first().cloned(),
            Some(name) => {
                let place = self.typed(Key::DefaultFlavor);
                if self.facts.flavor(&name).is_none() {
                    let known: Vec<_> = self.facts.flavors.iter().map(|f| f.name.as_str()).collect();
                    let hint = format!("known are {}", known.join(", "));
                    self.error(
                        Problem::new(format!("unknown stage1 flavor \"{name}\"")).at(place).hint(hint),
                    );
                } else if !self.listed(flavors, &name) {
                    let what = format!(
                        "the default flavor \"{name}\" is not among those that are built ({})",
                        flavors.join(",")
                    );
                    self.error(Problem::new(what).at(place).hint("add it to --with-stage1-flavors"));
                }
                Some(name)
            }
        };
        let name = flavor.as_deref().map(|flavor| self.image_name(flavor)).unwrap_or_default();
        let file = flavor.as_deref().map(|flavor| format!("stage1-{flavor}.aci"));
        DefaultStage1 {
            flavor,
            name,
            version: version.to_owned(),
            location: None,
            file,
            images_directory: std::path::PathBuf::new(),
        }
    }

    /// Whether a flavor was asked for, even if it was refused: then one error is enough.
    pub(super) fn listed(&self, flavors: &[String], name: &str) -> bool {
        flavors.iter().any(|flavor| flavor == name)
            || self.given(Key::Flavors).is_some_and(|list| list.split(',').any(|item| item == name))
    }

    fn image_name(&self, flavor: &str) -> String {
        let image = self.facts.flavor(flavor).map(|f| f.image.clone()).unwrap_or_default();
        match self.said(Key::SystemdVersion) {
            Some(version) if flavor == "src" => format!("{image}-{version}"),
            _ => image,
        }
    }

    fn default_details(&mut self) -> DefaultStage1 {
        let mut values = Vec::new();
        for (key, other) in [(Key::DefaultName, Key::DefaultVersion), (Key::DefaultVersion, Key::DefaultName)]
        {
            let value = self.given(key).map(str::to_owned);
            match value.as_deref() {
                None => {
                    let problem =
                        Problem::new(format!("{} is missing", key.spelling())).at(self.typed(other));
                    self.error(problem.hint("a default image from elsewhere needs name and version"));
                }
                Some("") => {
                    let problem = Problem::new("the value is empty").at(self.typed(key));
                    self.error(problem.hint("a default image from elsewhere needs name and version"));
                }
                Some(_) => {}
            }
            values.push(value.unwrap_or_default());
        }
        self.version_text(Key::DefaultVersion);
        let version = values.pop().unwrap_or_default();
        let name = values.pop().unwrap_or_default();
        if !name.is_empty() && !is_image_name(&name) {
            let problem = Problem::new(format!("\"{name}\" is not the name of an image"))
                .at(self.typed(Key::DefaultName));
            self.error(problem.hint("small letters and digits, with single - . _ ~ / between them"));
        }
        DefaultStage1 {
            flavor: None,
            name,
            version,
            location: None,
            file: None,
            images_directory: std::path::PathBuf::new(),
        }
    }

    /// A version goes into a label and into references `name:version`.
    fn version_text(&mut self, key: Key) {
        let Some(value) = self.said(key) else { return };
        let place = self.typed(key);
        if !place.contains('=') {
            let hint =
                format!("without a value the option means \"{value}\"; write {}=VERSION", key.spelling());
            return self.error(Problem::new("a version is missing").at(place).hint(hint));
        }
        if value.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',') {
            let problem =
                Problem::new("a version has no blanks, commas or control characters").at(self.typed(key));
            self.error(problem.hint("such as 1.30.0-2"));
        }
    }

    fn location(&mut self, default: DefaultStage1, setup: Setup) -> DefaultStage1 {
        // An empty value counts as none, as with the other options: packagers pass an empty variable on.
        let Some(location) = self.said(Key::DefaultLocation) else {
            if setup == Setup::Detailed {
                self.warn(
                    Problem::new("rkt does not know where the default image is")
                        .hint("give --with-stage1-default-location, or a --stage1-* option to rkt each time"),
                );
            }
            return default;
        };
        let place = self.typed(Key::DefaultLocation);
        if location.starts_with('/') {
            let file = location.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned);
            if file.is_none() {
                let problem = Problem::new("the location is a directory, not an image").at(place);
                self.error(problem.hint("name the file, such as /usr/lib/rkt/stage1-images/stage1-fly.aci"));
            }
            return DefaultStage1 { location: Some(location), file, ..default };
        }
        let url = location
            .split_once("://")
            .is_some_and(|(scheme, rest)| SCHEMES.contains(&scheme) && !rest.is_empty());
        if !url {
            let problem =
                Problem::new(format!("\"{location}\" is neither an absolute path nor a URL")).at(place);
            self.error(problem.hint("begin it with /, docker://, https://, http:// or file://"));
        }
        DefaultStage1 { location: Some(location), file: None, ..default }
    }

    fn images_directory(&mut self, directories: Option<&Directories>) -> std::path::PathBuf {
        let default = directories.map(|d| d.libdir.join("rkt/stage1-images")).unwrap_or_default();
        let Some(given) = self.given(Key::ImagesDirectory).map(str::to_owned) else {
            return default;
        };
        let place = self.typed(Key::ImagesDirectory);
        match crate::configure::dirs::expand_text(&given, &self.given_directories()) {
            Ok(path) if path.starts_with('/') => return path.into(),
            Ok(_) => {
                let problem =
                    Problem::new(format!("\"{given}\" is not an absolute directory name")).at(place);
                self.error(problem.hint("begin it with / or with a reference such as ${libdir}"));
            }
            Err(what) => self.error(Problem::new(what).at(place).hint(crate::configure::dirs::REFERENCES)),
        }
        default
    }
}

/// Whether a text is an image name in the sense of the App Container specification.
fn is_image_name(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.split(['-', '.', '_', '~', '/']).all(|part| !part.is_empty() && part.bytes().all(letter))
}
