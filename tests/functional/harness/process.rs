//! What `/proc` tells of processes.

use std::fs;
use std::path::PathBuf;

/// The children of a process, oldest first.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// The name of a process's program, cut by the kernel after 15 characters; empty when the process is gone.
pub(crate) fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}

/// One line of `/proc/PID/status`.
pub(crate) fn status(pid: u32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.unwrap_or_default().trim().to_owned()
}

/// Whether a process exists and has not ended: a zombie has.
pub(crate) fn lives(pid: u32) -> bool {
    let state = status(pid, "State");
    !state.is_empty() && !state.starts_with('Z') && !state.starts_with('X')
}

/// A namespace of a process.
pub(crate) fn namespace(pid: u32, kind: &str) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap()
}
