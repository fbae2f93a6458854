//! Seeing to it that a pod starts: a process beside nspawn that waits for the first sign of life from the container, and
//! ends the pod, saying why, when none comes.

use super::beside::{self, Input, ended};
use crate::failure::{Failure, warn};
use pod::layout;
use rustix::process::{Pid, Signal};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// Variable with the seconds that systemd in the container has until it runs the first unit, for slow machines.
const START_LIMIT: &str = "RKT_STAGE1_START_LIMIT";
/// What it has without that.
const DEFAULT_START_LIMIT: Duration = Duration::from_secs(60);
/// The longest time that can be asked for.
const LONGEST_START_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// How long nspawn has to end the container when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// What [`layout::SUPERVISOR_STATUS`] says from the first unit on.
pub(crate) const BOOTED: &str = "booted";

/// How long a pod has to start: as the environment says, else a minute.
///
/// # Errors
/// When the environment says something that is no number of seconds, or too many.
pub(crate) fn limit() -> Result<Duration, Failure> {
    let Some(value) = env::var_os(START_LIMIT) else { return Ok(DEFAULT_START_LIMIT) };
    parse_limit(&value).ok_or_else(|| {
        Failure::new(format!("{START_LIMIT}={} in the environment is no time to wait for", value.display()))
            .hint(format!(
                "give whole seconds, from 1 to {}; without the variable a pod has {} s to start",
                LONGEST_START_LIMIT.as_secs(),
                DEFAULT_START_LIMIT.as_secs()
            ))
    })
}

fn parse_limit(value: &OsStr) -> Option<Duration> {
    let limit = Duration::from_secs(value.to_str()?.parse().ok()?);
    (!limit.is_zero() && limit <= LONGEST_START_LIMIT).then_some(limit)
}

/// Starts watching the process that is about to become nspawn, which has until `limit` to start the pod. The watcher ends
/// when the pod has started, or has ended.
pub(crate) fn start(nspawn: Pid, lock: BorrowedFd<'_>, limit: Duration) -> Result<(), Failure> {
    beside::start("watch the start of the pod", nspawn, lock, Input::Left, |pidfd| {
        watch(nspawn, pidfd, limit);
    })
}

fn watch(nspawn: Pid, pidfd: &OwnedFd, limit: Duration) {
    let status = Path::new(layout::STAGE1_ROOTFS).join(layout::SUPERVISOR_STATUS);
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if ended(pidfd, PAUSE) || fs::read_link(&status).is_ok() {
            return;
        }
    }
    let seconds = limit.as_secs();
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
        "stage1: the pod does not start, so it is ended: {what}\nstage1: hint: rkt --debug run shows what systemd says; rkt check-host tells whether this host fits; {START_LIMIT}=SECONDS in the environment gives it more time"
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

#[cfg(test)]
mod tests {
    use super::parse_limit;
    use std::ffi::OsStr;
    use std::time::Duration;

    #[test]
    fn limits_are_whole_seconds() {
        for (text, seconds) in [
            ("1", Some(1)),
            ("060", Some(60)),
            ("86400", Some(86400)),
            ("86401", None),
            ("0", None),
            ("-1", None),
            ("1.5", None),
            ("1s", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_limit(OsStr::new(text)), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
