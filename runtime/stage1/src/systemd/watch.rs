//! Seeing to it that a pod starts: a process beside nspawn that waits for the first sign of life from the container, and
//! ends the pod, saying why, when none comes.

use super::beside::{self, Input, ended};
use super::cgroup::Maker;
use crate::failure::{Failure, warn};
use crate::pod_dir;
use pod::layout;
use rustix::process::{Pid, Signal};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Variable with the seconds that systemd in the container has until it runs the first unit, for slow machines.
const START_LIMIT: &str = "RKT_STAGE1_START_LIMIT";
/// What it has without that.
pub(crate) const DEFAULT_START_LIMIT: Duration = Duration::from_secs(60);
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
pub(crate) fn start(nspawn: Pid, lock: BorrowedFd<'_>, limit: Duration, maker: Maker) -> Result<(), Failure> {
    beside::start("watch the start of the pod", nspawn, lock, Input::Left, |pidfd| {
        if watch(nspawn, pidfd, limit) && maker == Maker::Machined {
            let _ = record_group(nspawn);
        }
    })
}

/// Writes down in which group the pod really is. The host's systemd has made it, under a name that depends on its version.
fn record_group(nspawn: Pid) -> Option<()> {
    let first = super::processes::only_child(nspawn)?;
    let text = fs::read(format!("/proc/{}/cgroup", first.as_raw_nonzero())).ok()?;
    let memberships = host::cgroup::memberships(&text);
    let layout = host::cgroup::layout(Path::new(host::cgroup::ROOT)).ok()?;
    let group = pod_group(host::systemd::cgroup_of(&memberships, layout)?);
    if super::processes::subcgroup(Path::new("."))? != group {
        pod_dir::write(Path::new(layout::SUBCGROUP), group.as_os_str().as_bytes()).ok()?;
    }
    Some(())
}

/// The group of a pod whose first process is in this one: without what nspawn and the pod's systemd have made below it.
fn pod_group(of_first: &Path) -> &Path {
    let mut group = of_first;
    for name in ["init.scope", "payload"] {
        if group.ends_with(name) {
            group = group.parent().unwrap_or(group);
        }
    }
    group
}

/// Watches the start; whether the pod has got to run its first unit.
fn watch(nspawn: Pid, pidfd: &OwnedFd, limit: Duration) -> bool {
    let status = Path::new(layout::STAGE1_ROOTFS).join(layout::SUPERVISOR_STATUS);
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if ended(pidfd, PAUSE) {
            return false;
        }
        if fs::read_link(&status).is_ok() {
            return true;
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
        return false;
    }
    if let Some(child) = super::processes::only_child(nspawn) {
        let _ = rustix::process::kill_process(child, Signal::KILL);
    }
    if !ended(pidfd, STOP_LIMIT) {
        let _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{parse_limit, pod_group};
    use std::ffi::OsStr;
    use std::path::Path;
    use std::time::Duration;

    #[test]
    fn the_group_of_a_pod_is_above_that_of_its_first_process() {
        for (first, pod) in [
            ("/machine.slice/a.scope/payload/init.scope", "/machine.slice/a.scope"),
            ("/machine.slice/a.scope/init.scope", "/machine.slice/a.scope"),
            ("/machine.slice/a.scope/payload", "/machine.slice/a.scope"),
            ("/machine.slice/a.scope", "/machine.slice/a.scope"),
            ("/", "/"),
        ] {
            assert_eq!(pod_group(Path::new(first)), Path::new(pod), "{first}");
        }
    }

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
