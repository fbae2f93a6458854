//! `stop`: asks the app to end, or, when only processes that it left behind run on, those.

use crate::failure::{Failure, at};
use crate::pod_dir::OneAppPod;
use crate::process::{belongs, process_id};
use pod::layout;
use pod::protocol::StopArgs;
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = StopArgs::decode(program, arguments)?;
    let signal = if args.force { Signal::KILL } else { Signal::TERM };
    let pod = OneAppPod::load()?;
    let path = pod.dir.join(layout::PID);
    let text = fs::read_to_string(&path)
        .map_err(|error| at("read", &path)(error).hint("the app has not been started; look at rkt status"))?;
    let text = text.trim();
    let Some(pid) = process_id(text) else {
        return Err(Failure::new(format!("{}: \"{text}\" is not a process ID", path.display())));
    };
    if belongs(pid, &pod.dir, &pod.the_app().rootfs()) {
        match rustix::process::kill_process(pid, signal) {
            Ok(()) => return Ok(ExitCode::SUCCESS),
            Err(Errno::SRCH) => {}
            Err(errno) => return Err(refused(pid, errno)),
        }
    }
    stop_rest(&pod, signal)
}

/// Signals every process that the app left behind. The process group that the app was started in is no
/// measure, because whoever called `rkt run` may be in it.
fn stop_rest(pod: &OneAppPod, signal: Signal) -> Result<ExitCode, Failure> {
    let rootfs = pod.the_app().rootfs();
    let proc = Path::new("/proc");
    let (mut found, mut failure) = (false, None);
    for entry in fs::read_dir(proc).map_err(at("read the directory", proc))? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry.file_name().to_str().and_then(process_id) else { continue };
        // By the root alone: stage0 has the pod's directory open too.
        if !fs::read_link(entry.path().join("root")).is_ok_and(|root| root.starts_with(&rootfs)) {
            continue;
        }
        match rustix::process::kill_process(pid, signal) {
            Ok(()) => found = true,
            // It ended meanwhile.
            Err(Errno::SRCH) => {}
            Err(errno) => failure = Some(refused(pid, errno)),
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None if found => Ok(ExitCode::SUCCESS),
        None => Err(Failure::new(format!("no process of app \"{}\" is left to stop", pod.the_app().name())).hint(
            "a process outside of the app keeps the pod's lock open; find it with fuser on the pod's directory",
        )),
    }
}

fn refused(pid: Pid, errno: Errno) -> Failure {
    Failure::new(format!("cannot signal process {}: {errno}", pid.as_raw_nonzero()))
        .hint("stop the pod as root, or as the user who runs it")
}
