//! `stop`: asks the app to end, or, when only processes that it left behind run on, those.

use crate::failure::{Failure, at};
use crate::pod_dir::{OneAppPod, working_directory};
use pod::layout;
use pod::protocol::StopArgs;
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = StopArgs::decode(program, arguments)?;
    let signal = if args.force { Signal::KILL } else { Signal::TERM };
    let path = working_directory()?.join(layout::PID);
    let text = fs::read_to_string(&path)
        .map_err(|error| at("read", &path)(error).hint("the app has not been started; look at rkt status"))?;
    let pid = process_id(text.trim());
    let Some(pid) = pid else {
        let text = text.trim();
        return Err(Failure::new(format!("{}: \"{text}\" is not a process ID", path.display())));
    };
    match rustix::process::kill_process(pid, signal) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Errno::SRCH) => stop_rest(signal),
        Err(errno) => Err(refused(pid, errno)),
    }
}

/// Signals every process that the app left behind: those that have its root. The process group that
/// the app was started in is no measure, because whoever called `rkt run` may be in it.
fn stop_rest(signal: Signal) -> Result<ExitCode, Failure> {
    let pod = OneAppPod::load()?;
    let rootfs = pod.rootfs();
    let root = fs::metadata(&rootfs).map_err(at("look at", &rootfs))?;
    let root = (root.dev(), root.ino());
    let proc = Path::new("/proc");
    let mut found = false;
    for entry in fs::read_dir(proc).map_err(at("read the directory", proc))? {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(process_id) else { continue };
        // A process that ends meanwhile needs no signal.
        let Ok(stat) = fs::metadata(entry.path().join("root")) else { continue };
        if (stat.dev(), stat.ino()) != root {
            continue;
        }
        match rustix::process::kill_process(pid, signal) {
            Ok(()) => found = true,
            Err(Errno::SRCH) => {}
            Err(errno) => return Err(refused(pid, errno)),
        }
    }
    if found {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::new(format!("no process of app \"{}\" is left to stop", pod.name())).hint(
        "a process outside of the app keeps the pod's lock open; find it with fuser on the pod's directory",
    ))
}

/// A process ID; groups and "all" are none.
fn process_id(text: &str) -> Option<Pid> {
    text.parse().ok().filter(|&number: &i32| number > 0).and_then(Pid::from_raw)
}

fn refused(pid: Pid, errno: Errno) -> Failure {
    Failure::new(format!("cannot signal process {}: {errno}", pid.as_raw_nonzero()))
        .hint("stop the pod as root, or as the user who runs it")
}
