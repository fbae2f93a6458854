//! Volumes: what a pod manifest says of them, and the directories of empty ones.

use crate::failure::{Failure, at};
use appc::{Volume, VolumeKind};
use pod::layout;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What a volume is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file or directory of the host.
    Host(PathBuf),
    /// A directory of the pod, empty at first.
    Empty {
        /// Its mode.
        mode: u32,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
    },
}

/// What a volume of a pod manifest is.
pub(crate) fn source(volume: &Volume) -> Result<Source, Failure> {
    let wrong = |what: &str| Failure::new(format!("volume \"{}\" {what}", volume.name.as_str()));
    match volume.kind {
        VolumeKind::Host => match &volume.source {
            Some(source) => Ok(Source::Host(PathBuf::from(source))),
            None => Err(wrong("has no source")),
        },
        VolumeKind::Empty => {
            let (mode, uid, gid) = Volume::EMPTY_DEFAULTS;
            let mode = volume.mode.as_deref().unwrap_or(mode);
            let mode = u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777);
            Ok(Source::Empty {
                mode: mode.ok_or_else(|| wrong("has a mode that is not octal"))?,
                uid: volume.uid.unwrap_or(uid),
                gid: volume.gid.unwrap_or(gid),
            })
        }
    }
}

/// The parts of a path by text, for comparing and sorting.
pub(crate) fn components(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
}

/// The directory of a volume of kind `empty`.
pub(crate) fn empty_directory(
    pod_dir: &Path,
    name: &str,
    mode: u32,
    uid: u32,
    gid: u32,
) -> Result<PathBuf, Failure> {
    let make = |path: &Path, mode: u32| match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(at("make the directory", path)),
    };
    let parent = pod_dir.join(layout::SHARED_VOLUMES);
    make(&parent, 0o755)?;
    let path = pod_dir.join(layout::shared_volume(name));
    make(&path, 0o770)?;
    // The owner first: changing it may clear bits of the mode.
    std::os::unix::fs::lchown(&path, Some(uid), Some(gid)).map_err(at("give away", &path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(at("set the mode of", &path))?;
    Ok(path)
}
