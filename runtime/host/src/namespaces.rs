//! Namespaces: which kinds the kernel has, and whether user namespaces can be made.
#![expect(unsafe_code, reason = "code between fork and exec, for a trial that must not change this process")]

use rustix::thread::UnshareFlags;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What the trial ends with when it went well: a number that `unshare` never fails with.
const WENT_WELL: i32 = libc::ECANCELED;

/// The kinds that the kernel has, by their names in `/proc/PID/ns`, sorted.
///
/// # Errors
/// When `/proc` is not mounted; a kernel without namespaces has none to list.
pub fn kinds() -> io::Result<Vec<String>> {
    let mut kinds = Vec::new();
    for entry in std::fs::read_dir("/proc/self/ns")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // Beside `pid` and `time` is the one that children will be in.
        if !name.ends_with("_for_children") {
            kinds.push(name);
        }
    }
    kinds.sort();
    Ok(kinds)
}

/// How many user namespaces each user may make.
///
/// # Errors
/// When the kernel has no such limit, thus no user namespaces, or it cannot be read.
pub fn user_limit() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/sys/user/max_user_namespaces")?;
    text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not a number"))
}

/// Makes a user namespace in a child that then ends.
///
/// # Errors
/// Why it could not be made.
pub fn try_user() -> io::Result<()> {
    let mut child = Command::new("/");
    // SAFETY: one system call, no allocation and no lock; the child has one thread, so that none shares
    // what is unshared.
    unsafe {
        child.pre_exec(|| {
            rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER)?;
            Err(io::Error::from_raw_os_error(WENT_WELL))
        });
    }
    match child.spawn() {
        Err(error) if error.raw_os_error() == Some(WENT_WELL) => Ok(()),
        Err(error) => Err(error),
        Ok(mut child) => {
            // It never comes to executing a directory.
            child.wait()?;
            Err(io::Error::other("the trial was not run"))
        }
    }
}

/// Whether the text of `/proc/PID/uid_map` is that of the first user namespace of the machine.
pub fn is_first(uid_map: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(uid_map) else { return false };
    let all = u32::MAX.to_string();
    text.split_ascii_whitespace().eq(["0", "0", all.as_str()])
}

/// Whether this process is in the first user namespace of the machine.
///
/// # Errors
/// When `/proc/self/uid_map` is there and cannot be read.
pub fn in_first() -> io::Result<bool> {
    match std::fs::read("/proc/self/uid_map") {
        Ok(text) => Ok(is_first(&text)),
        // A kernel without user namespaces.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::{in_first, is_first, kinds, try_user, user_limit};
    use std::process::Command;

    #[test]
    fn maps_of_user_ids() {
        let table: &[(&[u8], bool)] = &[
            (b"         0          0 4294967295\n", true),
            (b"         0       1000          1\n", false),
            (b"         0          0      65536\n         65536 1 1\n", false),
            (b"0 0 4294967295\n1 1 1\n", false),
            (b"", false),
            (b"\xff", false),
        ];
        for (text, expected) in table {
            assert_eq!(is_first(text), *expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_trial_agrees_with_unshare_and_leaves_this_process_alone() {
        let before = std::fs::read_link("/proc/self/ns/user").unwrap();
        let tried = try_user();
        assert_eq!(std::fs::read_link("/proc/self/ns/user").unwrap(), before);
        let unshare = Command::new("unshare").args(["--user", "true"]).output().unwrap();
        assert_eq!(tried.is_ok(), unshare.status.success(), "{tried:?}");
        if tried.is_ok() {
            assert!(user_limit().unwrap() > 0);
            let output =
                Command::new("unshare").args(["--user", "cat", "/proc/self/uid_map"]).output().unwrap();
            assert!(!is_first(&output.stdout));
        }
        in_first().unwrap();
    }

    #[test]
    fn kinds_are_those_that_lsns_has() {
        let kinds = kinds().unwrap();
        assert!(kinds.iter().any(|kind| kind == "mnt"), "{kinds:?}");
        assert!(kinds.is_sorted() && !kinds.iter().any(|kind| kind.contains("children")));
    }
}
