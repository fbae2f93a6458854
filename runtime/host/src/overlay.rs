//! Whether pods can be made of overlay mounts.

use rustix::fs::{FileType, Mode, OFlags};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why overlay mounts are not used.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The kernel has no overlay file system.
    #[error("overlay is not in /proc/filesystems and modprobe could not load it")]
    Kernel,
    /// The data directory is on a file system that cannot be below an overlay.
    #[error("{} is on {file_system}, which cannot be the lower directory of an overlay", path.display())]
    FileSystem {
        /// The data directory.
        path: PathBuf,
        /// The file system's name.
        file_system: &'static str,
    },
    /// The file system does not say what kind each directory entry is.
    #[error("the file system of {} does not tell the types of directory entries (d_type)", path.display())]
    EntryTypes {
        /// The data directory.
        path: PathBuf,
    },
    /// A question could not be answered.
    #[error("cannot examine {}: {source}", path.display())]
    Io {
        /// What was examined.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

const FILE_SYSTEMS: &str = "/proc/filesystems";

const AUFS: u64 = 0x6175_6673;
const ZFS: u64 = 0x2fc1_2fc1;

/// Finds out whether images below this directory, which must exist, can be parts of overlay mounts.
///
/// # Errors
/// [`Reason`] when they cannot.
pub fn support(data_dir: &Path) -> Result<(), Reason> {
    let failed = |source: io::Error| Reason::Io { path: data_dir.to_path_buf(), source };
    if !kernel_has_overlay()? {
        // Whether this worked is seen in the list of file systems.
        let _ = Command::new("modprobe")
            .arg("overlay")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !kernel_has_overlay()? {
            return Err(Reason::Kernel);
        }
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(data_dir, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    let stat = rustix::fs::fstatfs(&fd).map_err(|errno| failed(errno.into()))?;
    let file_system = match u64::try_from(stat.f_type) {
        Ok(AUFS) => Some("AUFS"),
        Ok(ZFS) => Some("ZFS"),
        _ => None,
    };
    if let Some(file_system) = file_system {
        return Err(Reason::FileSystem { path: data_dir.to_path_buf(), file_system });
    }
    for entry in rustix::fs::Dir::new(fd).map_err(|errno| failed(errno.into()))? {
        let entry = entry.map_err(|errno| failed(errno.into()))?;
        // `.` and `..` are always there, so an empty directory answers too.
        if entry.file_type() == FileType::Unknown {
            return Err(Reason::EntryTypes { path: data_dir.to_path_buf() });
        }
    }
    Ok(())
}

fn kernel_has_overlay() -> Result<bool, Reason> {
    match file_systems() {
        Ok(names) => Ok(names.iter().any(|name| name == "overlay")),
        Err(source) => Err(Reason::Io { path: FILE_SYSTEMS.into(), source }),
    }
}

/// The file systems that the kernel has and that are not in modules yet to be loaded.
pub(crate) fn file_systems() -> io::Result<Vec<String>> {
    let text = std::fs::read(FILE_SYSTEMS)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter_map(|line| line.split('\t').next_back()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::{Reason, support};
    use std::path::Path;

    #[test]
    fn a_missing_directory_is_named() {
        match support(Path::new("/does/not/exist")) {
            Err(Reason::Io { path, .. }) => assert_eq!(path, Path::new("/does/not/exist")),
            other => panic!("{other:?}"),
        }
    }
}
