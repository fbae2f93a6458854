//! Processes of a pod: which they are, and ending them.

use crate::failure::Failure;
use pod::layout;
use rustix::process::{Pid, Signal};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The first child of a process, if it has one: of nspawn, the pod's first process.
pub(crate) fn only_child(parent: Pid) -> Option<Pid> {
    let parent = parent.as_raw_nonzero();
    let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    list.split_ascii_whitespace().next()?.parse().ok().and_then(Pid::from_raw)
}

/// Whether the first process of a container takes the order to halt: it waits for the signal, or handles it.
pub(crate) fn listens(first: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", first.as_raw_nonzero())).unwrap_or_default();
    takes_signal(&status, libc::SIGRTMIN() + 3)
}

/// What the text of `/proc/PID/status` says of a signal.
fn takes_signal(status: &str, signal: i32) -> bool {
    let set = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()).unwrap_or(0)
    };
    (set("SigBlk:") | set("SigCgt:")) >> (signal - 1) & 1 == 1
}

/// Reads where the pod in this directory is among control groups; `None` when it was never started.
pub(crate) fn subcgroup(dir: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(dir.join(layout::SUBCGROUP)).ok()?;
    let path = Path::new("/").join(text.trim());
    let plain = path.components().all(|part| !matches!(part, Component::ParentDir));
    (plain && path != Path::new("/")).then_some(path)
}

/// The processes of the container of the pod in this directory, whatever became of nspawn.
pub(crate) fn of_container(dir: &Path) -> Vec<Pid> {
    let Some(group) = subcgroup(dir) else { return Vec::new() };
    let found = super::cgroup::processes(&group);
    found.into_iter().filter_map(|pid| i32::try_from(pid).ok().and_then(Pid::from_raw)).collect()
}

/// This process and those above it, as far up as can be seen: whoever called us may be in the pod's group, and is not of
/// the pod.
fn callers() -> Vec<Pid> {
    let mut callers = vec![rustix::process::getpid()];
    while let Some(parent) = callers.last().copied().and_then(parent_of)
        && !callers.contains(&parent)
    {
        callers.push(parent);
    }
    callers
}

/// The process that is above another.
fn parent_of(pid: Pid) -> Option<Pid> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let number = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    number.trim().parse().ok().and_then(Pid::from_raw)
}

/// How often, and how far apart, processes that are being ended are looked for again.
const ROUNDS: u32 = 250;
const PAUSE: Duration = Duration::from_millis(20);

/// Ends every process of the container at once, and waits until none is left. Who called us is spared.
///
/// # Errors
/// With those that are left.
pub(crate) fn end_container(dir: &Path) -> Result<usize, Failure> {
    let callers = callers();
    let others = || {
        let mut found = of_container(dir);
        found.retain(|pid| !callers.contains(pid));
        found
    };
    let mut ended = 0;
    for round in 0..ROUNDS {
        let left = others();
        if left.is_empty() {
            return Ok(ended);
        }
        if round == 0 {
            ended = left.len();
        }
        for pid in &left {
            // It may have ended meanwhile; what cannot be ended is told in the end.
            let _ = rustix::process::kill_process(*pid, Signal::KILL);
        }
        thread::sleep(PAUSE);
    }
    let left: Vec<String> = others().iter().map(|pid| pid.as_raw_nonzero().to_string()).collect();
    Err(Failure::new(format!("processes of the pod cannot be ended: {}", left.join(", ")))
        .hint("they are stuck in the kernel: look at /proc/PID/stack"))
}

#[cfg(test)]
mod tests {
    use super::takes_signal;

    #[test]
    fn masks_count_from_the_first_signal() {
        let status = "Name:\tsystemd\nSigBlk:\t7fe3c0fe28014a03\nSigIgn:\t0000000000001000\nSigCgt:\t00000000000004ec\n";
        for (signal, taken) in [(37, true), (1, true), (3, true), (9, false), (13, false), (15, true)] {
            assert_eq!(takes_signal(status, signal), taken, "{signal}");
        }
        assert!(!takes_signal("", 37));
    }
}
