//! The processes of a pod.

use crate::error::Error;
use crate::layout;
use crate::pod::Pod;
use crate::state::State;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Pause between two looks for a pod's first process.
const PAUSE: Duration = Duration::from_millis(100);
/// Longer than any helper of `systemd-nspawn` lives while it makes a container.
const HELPER_LIMIT: Duration = Duration::from_secs(10);

impl Pod {
    /// The process ID that stage1 left: the pod's first process, or the process above it. `None`
    /// before it did.
    ///
    /// # Errors
    /// When the file cannot be read or holds no number.
    pub fn pid(&self) -> Result<Option<u32>, Error> {
        match self.number(layout::PID)? {
            Some(pid) => Ok(Some(pid)),
            None => self.number(layout::PPID),
        }
    }

    /// Waits until the pod's first process is known: the process that stage1 names, or the only child of the one that it
    /// names as parent. Of engines without process namespaces that is any child that stays; one that is about to make a
    /// namespace is a helper of `systemd-nspawn`, and gone in a moment.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when the pod is not running, or no longer.
    pub fn wait_container_pid1(&mut self) -> Result<u32, Error> {
        let mut staying: Option<(u32, Instant)> = None;
        loop {
            if let Some(pid) = self.number(layout::PID)? {
                return Ok(pid);
            }
            let child = self.number(layout::PPID)?.map(only_child).transpose()?.flatten();
            if let Some(child) = child {
                let (_, since) =
                    staying.filter(|(pid, _)| *pid == child).unwrap_or_else(|| (child, Instant::now()));
                if is_first(child) || since.elapsed() > HELPER_LIMIT {
                    return Ok(child);
                }
                staying = Some((child, since));
            }
            if self.refresh()? != State::Running {
                return Err(Error::NotRunning(self.uuid()));
            }
            thread::sleep(PAUSE);
        }
    }

    fn number(&self, name: &str) -> Result<Option<u32>, Error> {
        let Some(text) = self.read_text(name)? else { return Ok(None) };
        // The writer may be between creating the file and filling it.
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse() {
            Ok(0) | Err(_) => Err(Error::Malformed {
                path: self.dir().join(name),
                what: format!("\"{text}\" is not a process ID"),
            }),
            Ok(pid) => Ok(Some(pid)),
        }
    }
}

/// Whether a process is the first of its process namespace. While `systemd-nspawn` makes a container, its child is a
/// helper that is in none of the pod's namespaces yet.
fn is_first(pid: u32) -> bool {
    let status = std::fs::read(format!("/proc/{pid}/status")).unwrap_or_default();
    innermost_pid(&status).is_none_or(|innermost| innermost == 1)
}

/// The number of a process in its own namespace, from the text of `/proc/PID/status`; kernels before 4.1 do not tell.
fn innermost_pid(status: &[u8]) -> Option<u32> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"NSpid:"))?;
    str::from_utf8(line).ok()?.split_ascii_whitespace().next_back()?.parse().ok()
}

/// The one child of a process; `None` when it has none yet, or is gone.
fn only_child(parent: u32) -> Result<Option<u32>, Error> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    match std::fs::read_to_string(&path) {
        Ok(list) => {
            let mut children = list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
            match (children.next(), children.next()) {
                (_, Some(_)) => Err(Error::TooManyChildren(parent)),
                (child, None) => Ok(child),
            }
        }
        // Either the process is gone, or the kernel is built without this file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => scan_for_child(parent),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(None),
        Err(error) => Err(Error::io("read", Path::new(&path))(error)),
    }
}

/// Looks through all processes for the one child.
fn scan_for_child(parent: u32) -> Result<Option<u32>, Error> {
    let proc = Path::new("/proc");
    let mut child = None;
    for entry in std::fs::read_dir(proc).map_err(Error::io("read the directory", proc))? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process that ends meanwhile is not the one.
        let Ok(stat) = std::fs::read(entry.path().join("stat")) else { continue };
        if parent_of(&stat) == Some(parent) && child.replace(pid).is_some() {
            return Err(Error::TooManyChildren(parent));
        }
    }
    Ok(child)
}

/// The parent in a `/proc/PID/stat` line. The second field may hold anything, parentheses too.
fn parent_of(stat: &[u8]) -> Option<u32> {
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = str::from_utf8(stat.get(end + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{innermost_pid, is_first, only_child, parent_of, scan_for_child};
    use std::process::{Command, Stdio};

    #[test]
    fn the_parent_is_found_behind_odd_names() {
        assert_eq!(parent_of(b"12 (sh) S 7 12 12 0"), Some(7));
        assert_eq!(parent_of(b"12 (a) S 9 (b)) S 7 12"), Some(7));
        assert_eq!(parent_of(b"12 (\xff)) R 1"), Some(1));
        for broken in [&b""[..], b"12 sh S 7", b"12 (sh", b"12 (sh)", b"12 (sh) S", b"12 (sh) S x"] {
            assert_eq!(parent_of(broken), None);
        }
    }

    #[test]
    fn the_first_of_a_namespace_is_told_from_others() {
        assert_eq!(innermost_pid(b"Name:\tx\nNSpid:\t12\t7\t1\nNSsid:\t9\n"), Some(1));
        assert_eq!(innermost_pid(b"Name:\tNSpid: 3\nNSpid:\t12\n"), Some(12));
        for unknown in [&b""[..], b"Name:\tx\n", b"NSpid:\n", b"NSpid:\tx\n"] {
            assert_eq!(innermost_pid(unknown), None);
        }
        assert!(is_first(1));
        let mut other = Command::new("sleep").arg("60").spawn().expect("start sleep");
        assert!(!is_first(other.id()));
        other.kill().expect("kill sleep");
        other.wait().expect("end of sleep");
    }

    #[test]
    fn both_ways_find_the_same_child() {
        // A shell that waits for its one child.
        let mut shell = Command::new("/bin/sh")
            .args(["-c", "cat; true"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("start a shell");
        let mut child = None;
        for _ in 0..500 {
            child = only_child(shell.id()).expect("children of the shell");
            if child.is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(child.is_some());
        assert_eq!(scan_for_child(shell.id()).expect("scan"), child);
        drop(shell.stdin.take());
        shell.wait().expect("end of the shell");
        assert_eq!(only_child(shell.id()).expect("children of a process that is gone"), None);
    }
}
