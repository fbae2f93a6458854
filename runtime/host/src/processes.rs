//! Finding processes by their root directory.

use crate::mountinfo::{self, Mount};
use rustix::fs::{CWD, Mode, OFlags, Stat};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// How many directories up from a root are looked at; no path is longer.
const LEVELS: usize = 4096;

/// Which file or directory something is, whatever path leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of an open file or directory.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn of(file: impl AsFd) -> io::Result<Identity> {
        Ok(Identity::from(&rustix::fs::fstat(file)?))
    }
}

impl From<&Stat> for Identity {
    fn from(stat: &Stat) -> Identity {
        Identity { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// The processes whose root directory is one of these, or lies below one, in whichever mount namespace they are; and
/// those of other mount namespaces for whose root file system `is_root` holds. What may not be looked at is passed over.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn rooted_in(directories: &[Identity], is_root: impl Fn(&Mount) -> bool) -> io::Result<Vec<u32>> {
    let own = fs::read_link("/proc/self/ns/mnt")?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // One that ends meanwhile is none.
        let Ok(root) = open_directory(CWD, &entry.path().join("root")) else { continue };
        if is_below(root, directories) || (is_elsewhere(pid, &own) && has_root(pid, &is_root)) {
            found.push(pid);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn open_directory(at: impl AsFd, path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(at, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Goes up from a directory, out of the root of whoever has it, until there is nothing above.
fn is_below(mut directory: OwnedFd, directories: &[Identity]) -> bool {
    let mut last = None;
    for _ in 0..LEVELS {
        let Ok(here) = Identity::of(&directory) else { return false };
        if directories.contains(&here) {
            return true;
        }
        if last == Some(here) {
            return false;
        }
        last = Some(here);
        match open_directory(&directory, Path::new("..")) {
            Ok(above) => directory = above,
            Err(_) => return false,
        }
    }
    false
}

fn is_elsewhere(pid: u32, own: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/ns/mnt")).is_ok_and(|namespace| namespace != own)
}

fn has_root(pid: u32, is_root: &impl Fn(&Mount) -> bool) -> bool {
    let mounts = mountinfo::read_of(pid).unwrap_or_default();
    // Of several on one another the last counts.
    mounts.iter().rfind(|mount| mount.mount_point == Path::new("/")).is_some_and(is_root)
}

#[cfg(test)]
mod tests {
    use super::{Identity, rooted_in};
    use std::fs::{self, File};

    #[test]
    fn nobody_lives_in_a_new_directory_and_all_in_the_root() {
        let place = std::env::temp_dir().join(format!("rkt-processes-{}", std::process::id()));
        fs::create_dir(&place).expect("directory");
        let empty = Identity::of(File::open(&place).expect("open")).expect("identity");
        assert_eq!(rooted_in(&[empty], |_| false).expect("processes"), [0_u32; 0]);
        fs::remove_dir(&place).expect("remove");
        let root = Identity::of(File::open("/").expect("open")).expect("identity");
        let all = rooted_in(&[root], |_| false).expect("processes");
        assert!(all.contains(&std::process::id()), "{all:?}");
    }
}
