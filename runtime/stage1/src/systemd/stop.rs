//! `stop`: has the pod end in order, or at once.

use super::beside::ended;
use super::{processes, watch};
use crate::failure::{Failure, at};
use crate::pod_dir::working_directory;
use crate::process::{belongs, process_id};
use pod::layout;
use pod::protocol::StopArgs;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};
use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Pause between two looks whether the pod has started.
const PAUSE: Duration = Duration::from_millis(20);
/// How long nspawn has to notice that its container has ended.
const NSPAWN_LIMIT: Duration = Duration::from_secs(5);

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = StopArgs::decode(program, arguments)?;
    let dir = working_directory()?;
    let nspawn = nspawn(&dir)?;
    if args.force {
        end(&dir, nspawn.as_ref())?;
    } else {
        ask(&dir, nspawn.as_ref())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The process that stands for the pod, while it runs.
fn nspawn(dir: &Path) -> Result<Option<(Pid, OwnedFd)>, Failure> {
    let path = dir.join(layout::PPID);
    let text = fs::read_to_string(&path).map_err(|error| {
        at("read", &path)(error).hint("the pod has not been started yet; look at rkt status")
    })?;
    let text = text.trim();
    let Some(pid) = process_id(text) else {
        return Err(Failure::new(format!("{}: \"{text}\" is not a process ID", path.display())));
    };
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        // Looked at after it was opened: the answer holds for what was opened.
        Ok(pidfd) => Ok(belongs(pid, dir, &dir.join(layout::STAGE1_ROOTFS)).then_some((pid, pidfd))),
        Err(Errno::SRCH) => Ok(None),
        Err(errno) => Err(Failure::new(format!("cannot look at process {text}: {errno}"))),
    }
}

/// nspawn hands it on to systemd as the order to shut down, which is lost on one that has not started yet.
fn ask(dir: &Path, nspawn: Option<&(Pid, OwnedFd)>) -> Result<(), Failure> {
    let Some((pid, pidfd)) = nspawn else {
        return Err(Failure::new("systemd-nspawn of the pod has ended")
            .hint("rkt stop --force ends what it may have left"));
    };
    let begun = Instant::now();
    while !has_started(dir) && !ended(pidfd, PAUSE) && begun.elapsed() < watch::DEFAULT_START_LIMIT {}
    match rustix::process::pidfd_send_signal(pidfd, Signal::TERM) {
        Err(Errno::SRCH) => Ok(()),
        sent => sent.map_err(|errno| refused(*pid, errno)),
    }
}

/// Whether systemd of the pod has got to run a unit. Where the pod's root is not mounted, only its upper layer tells.
fn has_started(dir: &Path) -> bool {
    let upper = fs::read_to_string(dir.join(layout::STAGE1_TREE_STORE_ID))
        .ok()
        .filter(|id| !id.contains('/'))
        .map(|id| layout::overlay_upper(id.trim()));
    let roots = [Some(layout::STAGE1_ROOTFS.into()), upper];
    roots.iter().flatten().any(|root| fs::read_link(dir.join(root).join(layout::SUPERVISOR_STATUS)).is_ok())
}

/// Ends the container first, which nspawn notices, and nspawn where it does not.
fn end(dir: &Path, nspawn: Option<&(Pid, OwnedFd)>) -> Result<(), Failure> {
    if let Some((pid, _)) = nspawn
        && let Some(first) = processes::only_child(*pid)
    {
        rustix::process::kill_process(first, Signal::KILL)
            .or_else(|errno| if errno == Errno::SRCH { Ok(()) } else { Err(errno) })
            .map_err(|errno| refused(first, errno))?;
    }
    if let Some((pid, pidfd)) = nspawn
        && !ended(pidfd, NSPAWN_LIMIT)
    {
        match rustix::process::pidfd_send_signal(pidfd, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(errno) => return Err(refused(*pid, errno)),
        }
        ended(pidfd, NSPAWN_LIMIT);
    }
    processes::end_container(dir)?;
    Ok(())
}

fn refused(pid: Pid, errno: Errno) -> Failure {
    Failure::new(format!("cannot signal process {}: {errno}", pid.as_raw_nonzero()))
        .hint("stop the pod as root, or as the user who runs it")
}
