//! Choosing the stage1 image of a pod.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use appc::{AcIdentifier, ImageId, ImageManifest, Label};
use grammar::Stage1Args;

use crate::defaults;
use crate::error::{Context as _, Failure};
use crate::fetch::{Finder, PullPolicy, Purpose, add_host_labels};
use crate::pod::assemble::AppImage;
use crate::session::Session;
use crate::store::{Store, StoredName};

/// What the user said about stage1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: the default of the configuration or of the build.
    Default,
    /// `--stage1-url`.
    Url(String),
    /// `--stage1-path`.
    Path(String),
    /// `--stage1-name`.
    Name(String),
    /// `--stage1-hash`.
    Hash(String),
    /// `--stage1-from-dir`.
    FromDir(String),
}

impl Choice {
    /// Reads the five flags, of which one may be given once.
    pub fn new(args: &Stage1Args) -> Result<Self, Failure> {
        let mut given = Vec::new();
        given.extend(args.stage1_url.iter().cloned().map(Self::Url));
        given.extend(args.stage1_path.iter().cloned().map(Self::Path));
        given.extend(args.stage1_name.iter().cloned().map(Self::Name));
        given.extend(args.stage1_hash.iter().cloned().map(Self::Hash));
        given.extend(args.stage1_from_dir.iter().cloned().map(Self::FromDir));
        let Some(choice) = given.pop() else { return Ok(Self::Default) };
        if !given.is_empty() {
            return Err(Failure::new("only one of the --stage1-* flags can be given, and once").hint(
                "leave one of --stage1-url, --stage1-path, --stage1-name, --stage1-hash, --stage1-from-dir",
            ));
        }
        match &choice {
            Self::Url(value)
            | Self::Path(value)
            | Self::Name(value)
            | Self::Hash(value)
            | Self::FromDir(value)
                if value.is_empty() =>
            {
                Err(Failure::new("the value of a --stage1-* flag is empty"))
            }
            _ => Ok(choice),
        }
    }
}

/// Finds the image, taking it into the store if it is a file.
pub fn select(session: &Session, store: &Store, choice: &Choice) -> Result<AppImage, Failure> {
    let selector = Selector { session, store };
    let id = match choice {
        Choice::Default => return selector.default_image(),
        Choice::Hash(hash) => selector.finder(false).find(hash, Purpose::Run)?,
        Choice::Name(name) | Choice::Url(name) => selector.finder(false).find(name, Purpose::Run)?,
        Choice::Path(path) => {
            return selector.import(Path::new(path)).map_err(|failure| failure.hint(remedy()));
        }
        Choice::FromDir(name) => {
            let path = selector.images_dir()?.join(name);
            return selector.import(&path).map_err(|failure| failure.hint(remedy()));
        }
    };
    selector.stored(id)
}

#[derive(Debug, Clone, Copy)]
struct Selector<'a> {
    session: &'a Session,
    store: &'a Store,
}

impl<'a> Selector<'a> {
    fn finder(self, trusted: bool) -> Finder<'a> {
        Finder {
            store: self.store,
            insecure: self.session.insecure,
            policy: PullPolicy::New,
            trusted,
            debug: self.session.global.debug,
        }
    }

    fn stored(self, id: ImageId) -> Result<AppImage, Failure> {
        Ok(AppImage { id, manifest: self.store.manifest(&id)? })
    }

    /// Directory of stage1 images: as configured, or as compiled in.
    fn images_dir(self) -> Result<PathBuf, Failure> {
        let configured = self.session.config()?.paths.stage1_images.clone();
        Ok(configured.unwrap_or_else(|| PathBuf::from(defaults::STAGE1_IMAGES_DIR)))
    }

    /// Takes a file into the store. One in the compiled images directory needs no signature, and if another image was
    /// stored under its name, the file counts all the same: a distribution may have patched it.
    fn import(self, path: &Path) -> Result<AppImage, Failure> {
        let path = std::path::absolute(path).map_err(|error| Failure::from(error).at(path))?;
        let imported = self.finder(is_trusted(&path)).import(&path)?;
        let image = AppImage { id: imported.id, manifest: imported.manifest };
        if imported.new
            && let Some(other) = self.other_of_the_same_name(&image)?
        {
            tell_that_the_file_wins(&path, &image, other);
        }
        Ok(image)
    }

    /// Another stored image with the name and the version of this one.
    fn other_of_the_same_name(self, image: &AppImage) -> Result<Option<ImageId>, Failure> {
        let ids =
            self.store.find_all(&image.manifest.name, &version_label(image.manifest.label("version")))?;
        Ok(ids.into_iter().find(|id| *id != image.id))
    }

    fn default_image(self) -> Result<AppImage, Failure> {
        let wanted = self.wanted()?;
        let mut tried = Vec::new();
        let stored = if wanted.version.ends_with("-dirty") {
            tried.push(format!(
                "{} in the store: versions ending in -dirty are always read from a file",
                wanted.text()
            ));
            None
        } else {
            let found = self.store.find(&wanted.name, &wanted.labels())?;
            if found.is_none() {
                tried.push(format!("{} in the store: not there", wanted.text()));
            }
            found
        };
        for candidate in &wanted.files {
            if !candidate.path.exists() {
                tried.push(format!("{}: no such file", candidate.path.display()));
                continue;
            }
            match self.finder(candidate.trusted).import(&candidate.path) {
                Ok(imported) => {
                    let image = AppImage { id: imported.id, manifest: imported.manifest };
                    match stored {
                        Some(other) if other != image.id && wanted.fits(&image.manifest) => {
                            tell_that_the_file_wins(&candidate.path, &image, other);
                        }
                        Some(other) if other != image.id => continue,
                        _ => {}
                    }
                    return Ok(image);
                }
                Err(error) => {
                    if stored.is_some() {
                        eprintln!("stage1: warning: {} cannot be used: {error}", candidate.path.display());
                    }
                    tried.push(format!("{}: {error}", candidate.path.display()));
                }
            }
        }
        if let Some(id) = stored {
            let name = wanted.text();
            self.finder(false).tell(format_args!("using image from local store for image name {name}"));
            return self.stored(id);
        }
        if let Some(url) = &wanted.url {
            match self.finder(false).find(url, Purpose::Run) {
                Ok(id) => return self.stored(id),
                Err(error) => tried.push(format!("{url}: {error}")),
            }
        }
        Err(not_found(&wanted, &tried))
    }

    /// What the default is, and where its file may be.
    fn wanted(self) -> Result<Wanted, Failure> {
        let config = &self.session.config()?.stage1;
        let (name, version) = match (&config.name, &config.version) {
            (Some(name), Some(version)) => (name.as_str(), version.as_str()),
            _ => (defaults::STAGE1_NAME, defaults::STAGE1_VERSION),
        };
        let (location, file) = match &config.location {
            Some(location) if location.starts_with('/') => {
                let file = Path::new(location).file_name().map(|name| name.to_string_lossy().into_owned());
                (location.as_str(), file.unwrap_or_default())
            }
            Some(location) => (location.as_str(), String::new()),
            None => (defaults::STAGE1_LOCATION, defaults::STAGE1_FILE.to_owned()),
        };
        let mut wanted = Wanted {
            name: AcIdentifier::new(name).context("the name of the default stage1 image is wrong")?,
            version: version.to_owned(),
            files: Vec::new(),
            url: None,
        };
        if location.starts_with('/') {
            let path = PathBuf::from(location);
            wanted.files.push(Candidate { trusted: is_trusted(&path), path });
        } else if !location.is_empty() {
            wanted.url = Some(location.to_owned());
        }
        if !file.is_empty() {
            let path = self.images_dir()?.join(&file);
            wanted.files.push(Candidate { trusted: is_trusted(&path), path });
            if let Some(dir) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
                wanted.files.push(Candidate { path: dir.join(&file), trusted: true });
            }
            let mut seen = Vec::new();
            wanted.files.retain(|candidate| {
                let new = !seen.contains(&candidate.path);
                seen.push(candidate.path.clone());
                new
            });
        }
        if wanted.files.is_empty() && wanted.url.is_none() {
            return Err(Failure::new(
                "neither the location of the default stage1 image nor its filename are set",
            )
            .hint("use --stage1-path, --stage1-url, --stage1-name, --stage1-hash or --stage1-from-dir"));
        }
        Ok(wanted)
    }
}

/// The default stage1 image.
#[derive(Debug)]
struct Wanted {
    name: AcIdentifier,
    version: String,
    files: Vec<Candidate>,
    url: Option<String>,
}

/// A file that may be the default stage1 image.
#[derive(Debug)]
struct Candidate {
    path: PathBuf,
    /// Needs no signature.
    trusted: bool,
}

impl Wanted {
    fn text(&self) -> String {
        format!("{}:{}", self.name, self.version)
    }

    fn labels(&self) -> Vec<Label> {
        let mut name = StoredName { name: self.name.clone(), labels: version_label(Some(&self.version)) };
        add_host_labels(&mut name);
        name.labels
    }

    fn fits(&self, manifest: &ImageManifest) -> bool {
        manifest.name == self.name && manifest.label("version") == Some(&self.version)
    }
}

fn version_label(version: Option<&str>) -> Vec<Label> {
    let name = AcIdentifier::new("version").ok();
    name.zip(version).map(|(name, version)| Label::new(name, version)).into_iter().collect()
}

/// Whether a file is the compiled default or lies in the compiled images directory, links resolved.
fn is_trusted(path: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let inside = |dir: &str| !dir.is_empty() && real(path).starts_with(real(Path::new(dir)));
    let is_default = !defaults::STAGE1_LOCATION.is_empty() && path == Path::new(defaults::STAGE1_LOCATION);
    is_default || inside(defaults::STAGE1_IMAGES_DIR)
}

fn tell_that_the_file_wins(path: &Path, image: &AppImage, other: ImageId) {
    eprintln!(
        "stage1: {} ({}) is not the image that was stored as {}{} ({}); using the file",
        path.display(),
        image.id.short(12),
        image.manifest.name,
        image.manifest.label("version").map(|version| format!(":{version}")).unwrap_or_default(),
        other.short(12)
    );
}

/// The flavor of a stage1 image with this name, when it is one that `rkt-build` gives: `coreos.com/rkt/stage1-fly`.
fn flavor_of(name: &str) -> Option<&str> {
    name.rsplit('/').next()?.strip_prefix("stage1-")
}

/// The flavor of the default stage1 image, when its name tells one.
pub fn default_flavor(session: &Session) -> Result<Option<String>, Failure> {
    let configured = session.config()?.stage1.name.as_deref();
    Ok(flavor_of(configured.unwrap_or(defaults::STAGE1_NAME)).map(str::to_owned))
}

fn remedy() -> String {
    let flavor = flavor_of(defaults::STAGE1_NAME).unwrap_or("fly");
    format!("`rkt-build --with-stage1-flavors={flavor}` builds and installs a stage1 image")
}

fn not_found(wanted: &Wanted, tried: &[String]) -> Failure {
    let mut what = format!("cannot find the stage1 image {}; looked for", wanted.text());
    for place in tried {
        let _ = write!(what, "\n  {place}");
    }
    Failure::new(what)
        .hint(format!("{}; --stage1-path=FILE and --stage1-from-dir=NAME choose another", remedy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flag_once() {
        let flag = |path: &[&str], hash: &[&str]| {
            Choice::new(&Stage1Args {
                stage1_path: path.iter().map(|&text| text.to_owned()).collect(),
                stage1_hash: hash.iter().map(|&text| text.to_owned()).collect(),
                ..Stage1Args::default()
            })
        };
        assert_eq!(flag(&[], &[]), Ok(Choice::Default));
        assert_eq!(flag(&["/x"], &[]), Ok(Choice::Path("/x".to_owned())));
        assert!(flag(&["/x", "/y"], &[]).is_err());
        assert!(flag(&["/x"], &["sha512-00"]).is_err());
        assert!(flag(&[""], &[]).is_err());
    }

    #[test]
    fn flavors_of_names() {
        assert_eq!(flavor_of("coreos.com/rkt/stage1-fly"), Some("fly"));
        assert_eq!(flavor_of("stage1-my-own"), Some("my-own"));
        assert_eq!(flavor_of("example.com/stage1-x/image"), None);
        assert_eq!(flavor_of("example.com/stage1"), None);
    }

    #[test]
    fn only_the_compiled_directory_is_trusted() {
        let dir = Path::new(defaults::STAGE1_IMAGES_DIR);
        assert!(is_trusted(&dir.join("stage1-fly.aci")));
        assert!(!is_trusted(Path::new("/tmp/stage1-fly.aci")));
        let beside = dir.with_file_name(format!("{}-other", dir.file_name().unwrap().to_string_lossy()));
        assert!(!is_trusted(&beside.join("stage1-fly.aci")));
    }
}
