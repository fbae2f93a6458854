//! Telling processes of an app from others: numbers are used again when a process has ended.

use rustix::process::Pid;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A process ID; groups and "all" are none.
pub(crate) fn process_id(text: &str) -> Option<Pid> {
    text.parse().ok().filter(|&number: &i32| number > 0).and_then(Pid::from_raw)
}

/// Whether a process belongs to a pod: its root is the app's or below it, or it has the pod's directory
/// open, which is the lock that it inherited. A process that we may not look at is taken for one, and
/// what is done to it then fails or is right.
pub(crate) fn belongs(pid: Pid, pod_dir: &Path, rootfs: &Path) -> bool {
    let of_process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    match fs::read_link(of_process.join("root")) {
        Ok(root) if root.starts_with(rootfs) => return true,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return true,
        _ => {}
    }
    let Ok(pod) = fs::metadata(pod_dir) else { return false };
    let Ok(open) = fs::read_dir(of_process.join("fd")) else { return false };
    open.flatten().any(|entry| {
        fs::metadata(entry.path()).is_ok_and(|file| (file.dev(), file.ino()) == (pod.dev(), pod.ino()))
    })
}
