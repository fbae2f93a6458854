//! Seeing to it that a pod starts: a process beside nspawn that waits for the first sign of life from the container, and
//! ends the pod, saying why, when none comes.

use crate::failure::{Failure, warn};
use crate::system;
use pod::layout;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long systemd in the container has until it runs the first unit.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// How long nspawn has to end the container when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// What [`layout::SUPERVISOR_STATUS`] says from the first unit on.
pub(crate) const BOOTED: &str = "booted";

/// Starts watching the process that is about to become nspawn. The watcher ends when the pod has started, or has ended.
pub(crate) fn start(nspawn: Pid, lock: BorrowedFd<'_>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot watch the start of the pod: {error}"));
    let pidfd =
        rustix::process::pidfd_open(nspawn, PidfdFlags::empty()).map_err(|errno| failed(errno.into()))?;
    system::detached(|| {
        // What it inherits must not look like the pod itself, nor keep the caller's pipes open.
        system::close(lock.as_raw_fd());
        if let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
            let _ = rustix::stdio::dup2_stdin(&null);
            let _ = rustix::stdio::dup2_stdout(&null);
        }
        watch(nspawn, &pidfd);
    })
    .map_err(failed)
}

fn watch(nspawn: Pid, pidfd: &OwnedFd) {
    let status = Path::new(layout::STAGE1_ROOTFS).join(layout::SUPERVISOR_STATUS);
    let begun = Instant::now();
    while begun.elapsed() < START_LIMIT {
        if ended(pidfd, PAUSE) || fs::read_link(&status).is_ok() {
            return;
        }
    }
    let seconds = START_LIMIT.as_secs();
    let child = super::processes::only_child(nspawn);
    let what = match child {
        None => format!(
            "systemd-nspawn (process {}) has not made the container within {seconds} s",
            nspawn.as_raw_nonzero()
        ),
        Some(child) => format!(
            "systemd of the pod (process {}) has not started a unit within {seconds} s",
            child.as_raw_nonzero()
        ),
    };
    warn(format_args!(
        "stage1: the pod does not start, so it is ended: {what}\nstage1: hint: rkt --debug run shows what systemd says; rkt check-host tells whether this host fits"
    ));
    let _ = rustix::process::pidfd_send_signal(pidfd, Signal::TERM);
    if ended(pidfd, STOP_LIMIT) {
        return;
    }
    if let Some(child) = super::processes::only_child(nspawn) {
        let _ = rustix::process::kill_process(child, Signal::KILL);
    }
    if !ended(pidfd, STOP_LIMIT) {
        let _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
    }
}

/// Waits for a process to end, at most so long; whether it has.
pub(crate) fn ended(pidfd: impl AsFd, limit: Duration) -> bool {
    let limit = Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: limit.subsec_nanos().into() };
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    matches!(rustix::event::poll(&mut fds, Some(&limit)), Ok(count) if count > 0)
}
