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

/// Flag of a process that has begun to end, `PF_EXITING` of the kernel.
const EXITING: u64 = 0x4;
/// Bit of SIGKILL in sets of signals.
const KILL: u64 = 1 << 8;

/// Whether a process is about to end: it is being taken apart, or will be as soon as it gets to know that it was killed.
/// One that is gone is not.
pub fn is_ending(pid: u32) -> bool {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let stat = read("stat");
    // The second field may hold anything; flags are the ninth.
    let flags =
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(6)?.parse().ok());
    let killed = |line: &str| {
        let pending = line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:"));
        let pending = pending.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        pending.is_some_and(|set| set & KILL != 0)
    };
    flags.is_some_and(|flags: u64| flags & EXITING != 0) || read("status").lines().any(killed)
}

#[cfg(test)]
mod tests {
    use super::{Identity, is_ending, rooted_in};
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

    #[test]
    fn a_process_ends_from_when_it_is_killed_until_it_is_waited_for() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().expect("start sleep");
        assert!(!is_ending(child.id()));
        child.kill().expect("kill");
        // At every moment from here on.
        for _ in 0..100 {
            assert!(is_ending(child.id()));
        }
        child.wait().expect("wait");
        assert!(!is_ending(child.id()) && !is_ending(std::process::id()));
    }
}
