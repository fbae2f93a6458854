//! The pod manifest, from images and flags.

use std::collections::BTreeMap;

use appc::{
    AcIdentifier, AcName, Annotation, App, EnvironmentVariable, ExposedPort, ImageId, ImageManifest, Mount,
    PodManifest, RuntimeApp, SemVer, Volume, runnable_by_rkt,
};
use grammar::AppArgs;
use pod::protocol::annotation;

use super::environment::{PodEnvironment, parse_variable};
use super::pairs::{parse_annotations, parse_pairs};
use super::{isolation, port, streams, volume};
use crate::cli::TypedApp;
use crate::error::{Context as _, Failure};

/// An image of the store.
#[derive(Debug, Clone)]
pub struct AppImage {
    /// Its ID.
    pub id: ImageId,
    /// Its manifest.
    pub manifest: ImageManifest,
}

/// What holds for all apps of a pod.
#[derive(Debug, Clone, Default)]
pub struct PodSettings {
    /// `--volume`.
    pub volumes: Vec<Volume>,
    /// `--mount` before the first image.
    pub mounts: Vec<Mount>,
    /// Variables for all apps.
    pub environment: PodEnvironment,
    /// `--port`.
    pub ports: Vec<ExposedPort>,
    /// Whether apps will be added and removed.
    pub mutable: bool,
    /// Annotations of the pod.
    pub annotations: Vec<Annotation>,
    /// User annotations of the pod.
    pub user_annotations: BTreeMap<String, String>,
    /// User labels of the pod.
    pub user_labels: BTreeMap<String, String>,
}

/// One app as it was typed, with the flags parsed as far as that is possible without its image.
#[derive(Debug, Clone)]
pub struct WantedApp {
    /// The image as it was typed.
    pub image: String,
    flags: AppArgs,
    args: Vec<String>,
    replaces_arguments: bool,
    name: Option<AcName>,
    mounts: Vec<Mount>,
    environment: Vec<EnvironmentVariable>,
    annotations: Vec<Annotation>,
    streams: Vec<Annotation>,
    supplementary_gids: Vec<u32>,
}

impl WantedApp {
    /// Parses what was typed.
    pub fn new(typed: &TypedApp) -> Result<Self, Failure> {
        let flags = &typed.flags;
        for (name, count) in [("exec", flags.exec.len()), ("signature", flags.signature.len())] {
            if count > 1 {
                return Err(Failure::new(format!("--{name} can be given once for an image")));
            }
        }
        let name =
            flags.name.as_ref().map(|name| AcName::new(name.clone()).context("invalid argument for --name"));
        let mut environment = Vec::<EnvironmentVariable>::new();
        for text in &flags.environment {
            let variable = parse_variable("environment", text)?;
            // The last one counts, in the place of the first.
            match environment.iter_mut().find(|known| known.name == variable.name) {
                Some(known) => *known = variable,
                None => environment.push(variable),
            }
        }
        Ok(Self {
            image: typed.image.clone(),
            name: name.transpose()?,
            mounts: volume::parse_mounts(&flags.mount)?,
            environment,
            annotations: parse_annotations(&flags.annotation)?,
            streams: streams::annotations(flags)?,
            supplementary_gids: gids(&flags.supplementary_gids)?,
            args: typed.args.clone(),
            replaces_arguments: false,
            flags: flags.clone(),
        })
    }

    /// Adds volumes that only this app has.
    pub fn mount_own_volumes(&mut self, mounts: Vec<Mount>) {
        self.mounts.extend(mounts);
    }

    /// Lets what follows `--` replace the arguments that the image gives its program, rather than follow them.
    pub fn replace_image_arguments(&mut self) {
        self.replaces_arguments = !self.args.is_empty();
    }

    /// Volumes that the app mounts.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// Detached signature of the image.
    pub fn signature(&self) -> Option<&std::path::Path> {
        self.flags.signature.first().map(std::path::PathBuf::as_path)
    }

    /// The app in the pod.
    pub fn runtime_app(&self, image: &AppImage, settings: &PodSettings) -> Result<RuntimeApp, Failure> {
        check_platform(&image.manifest)?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => default_name(&image.manifest.name)?,
        };
        check_name_length(&name)?;
        let mut app = self.app(image)?;
        isolation::apply(&mut app.isolators, &self.flags)?;
        settings.environment.apply(&mut app.environment, &self.environment);
        app.check().context(format!("app {name} of image \"{}\" would not be valid", image.manifest.name))?;

        let mut runtime = RuntimeApp::new(name, image.id);
        runtime.image.name = Some(image.manifest.name.clone());
        runtime.image.labels.clone_from(&image.manifest.labels);
        runtime.annotations.clone_from(&image.manifest.annotations);
        for annotation in &self.annotations {
            if !runtime.annotations.iter().any(|known| known.name == annotation.name) {
                runtime.annotations.push(annotation.clone());
            }
        }
        for stream in &self.streams {
            runtime.annotations.retain(|known| known.name != stream.name);
            runtime.annotations.push(stream.clone());
        }
        runtime.mounts = merge_mounts(&self.mounts, &settings.mounts);
        runtime.read_only_rootfs = self.flags.readonly_rootfs.unwrap_or(false);
        runtime.app = Some(app);
        Ok(runtime)
    }

    /// How the app is started.
    fn app(&self, image: &AppImage) -> Result<App, Failure> {
        let exec = self.flags.exec.first();
        let mut app = match (&image.manifest.app, exec) {
            (Some(app), _) => app.clone(),
            (None, Some(_)) => App::new(
                Vec::new(),
                rustix::process::getuid().as_raw().to_string(),
                rustix::process::getgid().as_raw().to_string(),
            ),
            (None, None) => {
                return Err(Failure::new(format!(
                    "no app section in the manifest of image \"{}\" and no program given",
                    image.manifest.name
                ))
                .hint("say what to run with --exec=PROGRAM after the image"));
            }
        };
        if let Some(exec) = exec {
            app.exec = vec![exec.clone()];
        }
        if self.replaces_arguments {
            app.exec.truncate(1);
        }
        app.exec.extend(self.args.iter().cloned());
        let flags = &self.flags;
        let given = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
        if let Some(dir) = given(&flags.working_dir) {
            app.working_directory = dir;
        }
        if let Some(user) = given(&flags.user) {
            app.user = user;
        }
        if let Some(group) = given(&flags.group) {
            app.group = group;
        }
        if !self.supplementary_gids.is_empty() {
            app.supplementary_gids.clone_from(&self.supplementary_gids);
        }
        if !flags.user_annotation.is_empty() {
            app.user_annotations = parse_pairs("user-annotation", &flags.user_annotation)?;
        }
        if !flags.user_label.is_empty() {
            app.user_labels = parse_pairs("user-label", &flags.user_label)?;
        }
        Ok(app)
    }
}

/// The manifest of a pod of these apps and their images.
pub fn pod_manifest(
    apps: &[(&WantedApp, &AppImage)],
    settings: &PodSettings,
) -> Result<PodManifest, Failure> {
    let mut manifest = PodManifest::new(rkt_version());
    for (wanted, image) in apps {
        let app = wanted.runtime_app(image, settings)?;
        if manifest.apps.iter().any(|known| known.name == app.name) {
            return Err(Failure::new(format!("error: multiple apps with name {}", app.name))
                .hint("give each a name of its own with --name=NAME after the image"));
        }
        manifest.apps.push(app);
    }
    manifest.volumes.clone_from(&settings.volumes);
    let mutable = AcIdentifier::new(annotation::MUTABLE)?;
    manifest.annotations.push(Annotation::new(mutable, settings.mutable.to_string()));
    manifest.annotations.extend_from_slice(&settings.annotations);
    manifest.ports.clone_from(&settings.ports);
    manifest.user_annotations.clone_from(&settings.user_annotations);
    manifest.user_labels.clone_from(&settings.user_labels);
    port::check_ports(&manifest.ports, &manifest.apps.iter().filter_map(|app| app.app.as_ref()))?;
    manifest.check().context("the pod manifest would not be valid")?;
    Ok(manifest)
}

/// The version of rkt, which the pods that it makes name as their `acVersion`.
fn rkt_version() -> SemVer {
    env!("CARGO_PKG_VERSION").parse().unwrap_or(SemVer::new(0, 0, 0))
}

/// Refuses an image that is not for this kind of system.
pub fn check_platform(manifest: &ImageManifest) -> Result<(), Failure> {
    let label = |name: &str| {
        manifest.label(name).ok_or_else(|| {
            Failure::new(format!("missing {name} label in the image manifest of \"{}\"", manifest.name))
                .hint("build the image with the labels os and arch")
        })
    };
    let (os, arch) = (label("os")?, label("arch")?);
    if runnable_by_rkt(os, arch) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "image \"{}\" is for os \"{os}\" and arch \"{arch}\", which rkt cannot run",
        manifest.name
    )))
}

/// Longest name of an app, in bytes: there are files of that name.
const LONGEST_NAME: usize = 255;

/// Refuses a name that no file can have.
pub fn check_name_length(name: &AcName) -> Result<(), Failure> {
    let length = name.as_str().len();
    if length <= LONGEST_NAME {
        return Ok(());
    }
    let what = format!(
        "the name of app \"{name}\" is too long: {length} characters, at most {LONGEST_NAME} will do"
    );
    Err(Failure::new(what).hint("give it a shorter one with --name=NAME after the image"))
}

/// The last part of an image's name as a name of an app.
fn default_name(image: &AcIdentifier) -> Result<AcName, Failure> {
    let last = image.as_str().rsplit('/').next().unwrap_or_default();
    AcName::sanitize(last).context(format!("image \"{image}\" gives no name for an app"))
}

/// An app's own mounts, then those for all apps; of two at one path the first counts.
fn merge_mounts(own: &[Mount], shared: &[Mount]) -> Vec<Mount> {
    let mut merged = Vec::<Mount>::new();
    for mount in own.iter().chain(shared) {
        if !merged.iter().any(|known| clean(&known.path) == clean(&mount.path)) {
            merged.push(mount.clone());
        }
    }
    merged
}

/// An absolute path without empty, `.` and `..` parts, by text alone.
fn clean(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

fn gids(lists: &[String]) -> Result<Vec<u32>, Failure> {
    lists
        .iter()
        .flat_map(|list| list.split(','))
        .map(|text| {
            text.trim().parse().map_err(|_| {
                Failure::new(format!(
                    "invalid argument \"{text}\" for --supplementary-gids: not the number of a group"
                ))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busybox() -> AppImage {
        let json = r#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/busy/box",
            "labels":[{"name":"os","value":"linux"},{"name":"arch","value":"amd64"}],
            "app":{"exec":["/bin/sh","-c"],"user":"1","group":"2","environment":[{"name":"A","value":"image"}]}}"#;
        AppImage {
            id: ImageId::from_sha512(&[1; 64]),
            manifest: ImageManifest::parse(json.as_bytes()).unwrap(),
        }
    }

    fn wanted(set: impl FnOnce(&mut AppArgs), args: &[&str]) -> Result<WantedApp, Failure> {
        let mut flags = AppArgs::default();
        set(&mut flags);
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        WantedApp::new(&TypedApp { image: "box".into(), flags, args })
    }

    fn app(set: impl FnOnce(&mut AppArgs), args: &[&str], image: &AppImage) -> Result<RuntimeApp, Failure> {
        let wanted = wanted(set, args)?;
        Ok(pod_manifest(&[(&wanted, image)], &PodSettings::default())?.apps.remove(0))
    }

    #[test]
    fn the_image_says_what_the_flags_do_not() {
        let made = app(|_| {}, &["echo hi"], &busybox()).unwrap();
        assert_eq!(made.name, "box");
        let app = made.app.unwrap();
        assert_eq!(app.exec, ["/bin/sh", "-c", "echo hi"]);
        assert_eq!((app.user.as_str(), app.group.as_str()), ("1", "2"));
    }

    #[test]
    fn flags_override() {
        let made = app(
            |f| {
                f.exec = vec!["/bin/ls".into()];
                f.user = Some("7".into());
                f.name = Some("mine".into());
                f.environment = vec!["A=app".into(), "B=1".into(), "B=2".into()];
                f.user_label = vec!["tier=web".into()];
                f.supplementary_gids = vec!["5,6".into(), "7".into()];
                f.readonly_rootfs = Some(true);
            },
            &["-l"],
            &busybox(),
        )
        .unwrap();
        assert!(made.read_only_rootfs);
        assert_eq!(made.name, "mine");
        let app = made.app.unwrap();
        assert_eq!(app.exec, ["/bin/ls", "-l"]);
        assert_eq!(app.user, "7");
        assert_eq!(app.supplementary_gids, [5, 6, 7]);
        assert_eq!(app.user_labels["tier"], "web");
        let environment: Vec<_> = app.environment.iter().map(|v| format!("{}={}", v.name, v.value)).collect();
        assert_eq!(environment, ["A=app", "B=2"]);
    }

    #[test]
    fn an_image_without_app_needs_a_program() {
        let mut bare = busybox();
        bare.manifest.app = None;
        assert!(app(|_| {}, &[], &bare).unwrap_err().what.contains("no app section"));
        let made = app(|f| f.exec = vec!["/x".into()], &[], &bare).unwrap().app.unwrap();
        assert_eq!(made.exec, ["/x"]);
    }

    #[test]
    fn labels_are_needed() {
        for (os, arch, expected) in [
            (None, Some("amd64"), "missing os label"),
            (Some("linux"), None, "missing arch label"),
            (Some("freebsd"), Some("amd64"), "cannot run"),
        ] {
            let mut image = busybox();
            image.manifest.labels.clear();
            for (name, value) in [("os", os), ("arch", arch)] {
                if let Some(value) = value {
                    image.manifest.labels.push(appc::Label::new(name.parse().unwrap(), value));
                }
            }
            assert!(app(|_| {}, &[], &image).unwrap_err().what.contains(expected), "{expected}");
        }
    }

    #[test]
    fn some_flags_are_given_once() {
        let twice = wanted(|f| f.exec = vec!["/x".into(), "/y".into()], &[]).unwrap_err();
        assert_eq!(twice.what, "--exec can be given once for an image");
    }

    #[test]
    fn arguments_follow_the_image_s_or_replace_them() {
        let image = busybox();
        let mut one = wanted(|_| {}, &["echo"]).unwrap();
        let exec = |one: &WantedApp| {
            one.runtime_app(&image, &PodSettings::default()).unwrap().app.unwrap().exec.join(" ")
        };
        assert_eq!(exec(&one), "/bin/sh -c echo");
        one.replace_image_arguments();
        assert_eq!(exec(&one), "/bin/sh echo");
        let mut none = wanted(|_| {}, &[]).unwrap();
        none.replace_image_arguments();
        assert_eq!(exec(&none), "/bin/sh -c");
    }

    #[test]
    fn names_are_unique() {
        let (one, image) = (wanted(|_| {}, &[]).unwrap(), busybox());
        let failure = pod_manifest(&[(&one, &image), (&one, &image)], &PodSettings::default()).unwrap_err();
        assert_eq!(failure.what, "error: multiple apps with name box");
    }

    #[test]
    fn of_two_mounts_at_one_place_the_app_s_own_counts() {
        let mounts = |texts: &[&str]| {
            volume::parse_mounts(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap()
        };
        let merged = merge_mounts(
            &mounts(&["volume=a,target=/x/../y", "volume=b,target=/z"]),
            &mounts(&["volume=c,target=/y/", "volume=d,target=/w"]),
        );
        assert_eq!(merged.iter().map(|m| m.volume.as_str()).collect::<String>(), "abd");
    }

    #[test]
    fn the_manifest_has_the_original_s_shape() {
        let (one, image) = (wanted(|_| {}, &[]).unwrap(), busybox());
        let json = pod_manifest(&[(&one, &image)], &PodSettings::default()).unwrap().to_json();
        let (head, tail) =
            (&json[..json.find(",\"apps\"").unwrap()], &json[json.find(",\"volumes\"").unwrap()..]);
        assert_eq!(
            head,
            format!("{{\"acVersion\":\"{}\",\"acKind\":\"PodManifest\"", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(
            tail,
            ",\"volumes\":null,\"isolators\":null,\"annotations\":[{\"name\":\"coreos.com/rkt/stage1/mutable\",\"value\":\"false\"}],\"ports\":[]}"
        );
    }
}
