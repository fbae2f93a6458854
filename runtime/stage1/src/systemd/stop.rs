//! `stop`: has the pod end in order, or at once.

use super::beside::ended;
use super::processes;
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

/// How long systemd of a pod that starts has until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// How long nspawn has to notice that its container has ended.
const NSPAWN_LIMIT: Duration = Duration::from_secs(5);

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = StopArgs::decode(program, arguments)?;
    let dir = working_directory()?;
    let nspawn = nspawn(&dir)?;
    if args.force {
        end(&dir, nspawn.as_ref())?;
    } else {
        ask(nspawn.as_ref())?;
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

/// nspawn hands it on to systemd as the order to shut down, and only once: while systemd does not listen yet the order would be
/// lost, as signals to a first process are, and the pod would run on.
fn ask(nspawn: Option<&(Pid, OwnedFd)>) -> Result<(), Failure> {
    let Some((pid, pidfd)) = nspawn else {
        return Err(Failure::new("systemd-nspawn of the pod has ended")
            .hint("rkt stop --force ends what it may have left"));
    };
    let begun = Instant::now();
    while !processes::only_child(*pid).is_some_and(processes::listens) && begun.elapsed() < START_LIMIT {
        if ended(pidfd, PAUSE) {
            return Ok(());
        }
    }
    match rustix::process::pidfd_send_signal(pidfd, Signal::TERM) {
        Err(Errno::SRCH) => Ok(()),
        sent => sent.map_err(|errno| refused(*pid, errno)),
    }
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
