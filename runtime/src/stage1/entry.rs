//! The entry points of a stage1 image: annotations of its manifest that name programs inside it.

use std::path::{Path, PathBuf};

use appc::ImageManifest;
use pod::protocol::annotation;

use crate::error::{Context as _, Failure};
use crate::pod::inside::{Inside, is_executable};

/// What stage0 can ask of stage1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryPoint {
    /// Start the pod.
    Run,
    /// Run a command in an app.
    Enter,
    /// Clean up after the pod.
    Gc,
    /// End the pod.
    Stop,
    /// Make an app known that was put into the running pod.
    AppAdd,
    /// Start such an app.
    AppStart,
    /// Stop it.
    AppStop,
    /// Forget it.
    AppRm,
    /// Connect the caller with the streams of an app.
    Attach,
}

impl EntryPoint {
    /// The annotation that names the program.
    pub fn annotation(self) -> &'static str {
        match self {
            Self::Run => annotation::RUN,
            Self::Enter => annotation::ENTER,
            Self::Gc => annotation::GC,
            Self::Stop => annotation::STOP,
            Self::AppAdd => annotation::APP_ADD,
            Self::AppStart => annotation::APP_START,
            Self::AppStop => annotation::APP_STOP,
            Self::AppRm => annotation::APP_RM,
            Self::Attach => annotation::ATTACH,
        }
    }

    /// What messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Enter => "enter",
            Self::Gc => "gc",
            Self::Stop => "stop",
            Self::AppAdd => "app/add",
            Self::AppStart => "app/start",
            Self::AppStop => "app/stop",
            Self::AppRm => "app/rm",
            Self::Attach => "attach",
        }
    }

    /// Whether every stage1 image must have it.
    fn is_mandatory(self) -> bool {
        matches!(self, Self::Run | Self::Enter | Self::Gc)
    }
}

/// Refuses an image whose pods cannot change while they run.
pub fn require_mutable(manifest: &ImageManifest) -> Result<(), Failure> {
    let needed = [EntryPoint::AppRm, EntryPoint::AppStart, EntryPoint::AppStop];
    let missing: Vec<_> = needed
        .into_iter()
        .filter(|entry| declared(manifest, *entry).is_none())
        .map(EntryPoint::name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "stage1 does not support mutable pods: image \"{}\" has no entry points {}",
        manifest.name,
        missing.join(", ")
    ))
    .hint("choose a stage1 image with systemd; fly runs one app as long as the pod lives"))
}

/// Path of an entry point below the image's root, as its manifest says; none if the image has no such entry point.
pub fn declared(manifest: &ImageManifest, entry: EntryPoint) -> Option<&str> {
    manifest.annotation(entry.annotation()).filter(|path| !path.is_empty())
}

/// The program of an entry point in the tree at `rootfs`, as a path of the host.
///
/// # Errors
/// If the manifest names none, or what it names is not a program inside the tree.
pub fn locate(manifest: &ImageManifest, rootfs: &Path, entry: EntryPoint) -> Result<PathBuf, Failure> {
    let name = entry.name();
    let hint = || format!("`rkt-build lint` checks stage1 images; \"{}\" is not a usable one", manifest.name);
    let hint_of_absence = || {
        if entry.is_mandatory() {
            hint()
        } else {
            "pods of other stage1 images may be able to do it".to_owned()
        }
    };
    let Some(path) = declared(manifest, entry) else {
        return Err(Failure::new(format!(
            "stage1 image \"{}\" has no '{name}' entrypoint: annotation {} is missing",
            manifest.name,
            entry.annotation()
        ))
        .hint(hint_of_absence()));
    };
    let found = Inside::open(rootfs)
        .and_then(|tree| tree.stat_strictly(path))
        .context(format!(
            "'{name}' entrypoint {path} of stage1 image \"{}\" is missing or leads out of it",
            manifest.name
        ))
        .map_err(|failure| failure.hint(hint()))?;
    if !is_executable(&found) {
        return Err(Failure::new(format!(
            "'{name}' entrypoint {path} of stage1 image \"{}\" is not an executable file",
            manifest.name
        ))
        .at(rootfs)
        .hint(hint()));
    }
    Ok(rootfs.join(path.trim_start_matches('/')))
}

/// The interface version that an image declares; 1 without the annotation.
pub fn interface_version(manifest: &ImageManifest) -> Result<u32, Failure> {
    match manifest.annotation(annotation::INTERFACE_VERSION) {
        None => Ok(1),
        Some(text) => text.parse().map_err(|_| {
            Failure::new(format!(
                "stage1 image \"{}\" has \"{text}\" as its interface version, which is not a number",
                manifest.name
            ))
            .hint("`rkt-build lint` checks stage1 images")
        }),
    }
}

/// Whether the pods of this image share the network of the host whatever is asked for.
pub fn shares_host_network(manifest: &ImageManifest) -> bool {
    // There is no annotation for it; the fly images of the original and ours end so.
    manifest.name.as_str().rsplit('/').next().is_some_and(|name| name.starts_with("stage1-fly"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn manifest(annotations: &[(&str, &str)]) -> ImageManifest {
        let mut manifest = ImageManifest::new("example.com/stage1-fly".parse().unwrap());
        for (name, value) in annotations {
            manifest.annotations.push(appc::Annotation::new(name.parse().unwrap(), *value));
        }
        manifest
    }

    #[test]
    fn versions() {
        for (text, expected) in
            [(None, Some(1)), (Some("5"), Some(5)), (Some("five"), None), (Some("-1"), None)]
        {
            let annotations: Vec<_> =
                text.iter().map(|&text| (annotation::INTERFACE_VERSION, text)).collect();
            assert_eq!(interface_version(&manifest(&annotations)).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn all_of_a_mutable_pod_s_entry_points_are_needed() {
        let all =
            [(annotation::APP_RM, "/rm"), (annotation::APP_START, "/start"), (annotation::APP_STOP, "/stop")];
        require_mutable(&manifest(&all)).unwrap();
        let failure = require_mutable(&manifest(&all[..1])).unwrap_err();
        assert!(failure.what.starts_with("stage1 does not support mutable pods"), "{}", failure.what);
        assert!(failure.what.ends_with("app/start, app/stop"), "{}", failure.what);
    }

    #[test]
    fn programs_are_inside_and_executable() {
        let tree = tempfile::tempdir().unwrap();
        let program = tree.path().join("stage1");
        std::fs::write(&program, "").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(tree.path().join("plain"), "").unwrap();
        symlink("stage1", tree.path().join("run")).unwrap();
        symlink("/bin/sh", tree.path().join("shell")).unwrap();
        for (path, expected) in [
            ("/run", "ok"),
            ("run", "ok"),
            ("/shell", "leads out"),
            ("/../../../../../../bin/sh", "leads out"),
            ("/plain", "not an executable"),
            ("/", "missing"),
            ("/none", "missing"),
            ("", "has no 'run' entrypoint"),
        ] {
            match locate(&manifest(&[(annotation::RUN, path)]), tree.path(), EntryPoint::Run) {
                Ok(found) => assert_eq!((expected, found), ("ok", tree.path().join("run")), "{path}"),
                Err(failure) => assert!(failure.what.contains(expected), "{path}: {}", failure.what),
            }
        }
    }
}
