//! Processes of ours that stay beside nspawn: no children of it, and no part of the pod.

use crate::failure::Failure;
use crate::system;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// What such a process does with the standard input of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// Leaves it alone.
    Left,
    /// Reads it.
    Read,
}

/// Starts one, which does `work` and ends. It gets a handle of the process that is about to become nspawn, and has nothing
/// open that would make it look like the pod, or keep somebody waiting who reads what the pod says.
///
/// # Errors
/// With the words of `what` when it cannot be started.
pub(super) fn start(
    what: &str,
    nspawn: Pid,
    lock: BorrowedFd<'_>,
    input: Input,
    work: impl FnOnce(&OwnedFd),
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot {what}: {error}"));
    let pidfd =
        rustix::process::pidfd_open(nspawn, PidfdFlags::empty()).map_err(|errno| failed(errno.into()))?;
    system::detached(lock, || {
        if let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
            let _ = rustix::stdio::dup2_stdout(&null);
            if input == Input::Left {
                let _ = rustix::stdio::dup2_stdin(&null);
            }
        }
        work(&pidfd);
    })
    .map_err(failed)
}

/// Waits for a process to end, at most so long; whether it has.
pub(super) fn ended(pidfd: impl AsFd, limit: Duration) -> bool {
    let limit = Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: limit.subsec_nanos().into() };
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    matches!(rustix::event::poll(&mut fds, Some(&limit)), Ok(count) if count > 0)
}
