//! `iomux`: the service behind the standard streams of an app.

use super::channel::Channel;
use super::endpoints::{self, Published};
use super::log::Log;
use super::serve::Service;
use super::sockets::Listener;
use super::turns::Unit;
use super::{END_SIGNALS, ENV_STAGE1_DEBUG, is_true};
use crate::failure::{Failure, at};
use crate::notify;
use crate::signals::Signals;
use appc::AcName;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::env;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The streams, and the environment variables that choose them.
const STREAMS: [(&str, &str); 3] =
    [("stdin", "STAGE2_STDIN"), ("stdout", "STAGE2_STDOUT"), ("stderr", "STAGE2_STDERR")];

/// Environment variable with the kind of log.
const LOG_MODE: &str = "STAGE1_LOGMODE";

/// The one kind of log that there is.
const K8S_PLAIN: &str = "k8s-plain";

/// Environment variable with the path of the log.
const LOG_PATH: &str = "KUBERNETES_LOG_PATH";

/// Serves the streams of an app until it ends.
pub(super) fn serve(app: &AcName) -> Result<(), Failure> {
    let signals = Signals::catch(END_SIGNALS).map_err(|error| super::no_signals(&error))?;
    let directory = endpoints::directory(app);
    let chosen: Vec<_> = STREAMS.iter().filter(|(_, variable)| is_true(variable)).collect();
    if chosen.is_empty() {
        let variables: Vec<_> = STREAMS.iter().map(|(_, variable)| *variable).collect();
        return Err(Failure::new(format!("no stream of app \"{app}\" is to be served"))
            .hint(format!("one of {} must be true in the environment", variables.join(", "))));
    }
    // The log first: without it nothing may be read from the app.
    let log = log(app)?;
    let mut channels = Vec::new();
    let mut ours = Vec::new();
    for (name, _) in &chosen {
        let pipe = pipe(&directory.join(format!("stage2-{name}")), &mut ours)?;
        let path = directory.join(endpoints::socket(name));
        let listener = Listener::bind(&path).map_err(at("listen at", &path))?;
        let (output, input) = if *name == "stdin" { (None, Some(pipe)) } else { (Some(pipe), None) };
        channels.push(Channel::new(name, listener, output, input, Unit::Line));
    }
    let names: Vec<&str> = chosen.iter().map(|(name, _)| *name).collect();
    let published = Some(Published::publish(app, &names)?);
    notify::ready()
        .map_err(|error| Failure::new(format!("cannot tell systemd that we are ready: {error}")))?;
    Service { debug: is_true(ENV_STAGE1_DEBUG), signals, channels, log, published }.serve()
}

/// A pipe that was made, to be taken away when it is dropped.
struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Opens one of the app's pipes. It is made here, unless a socket unit has made it.
///
/// It is opened both ways: so nobody who opens the other end waits, and it does not end between a program that runs before
/// the app and the app itself.
fn pipe(path: &Path, ours: &mut Vec<Made>) -> Result<OwnedFd, Failure> {
    // Whoever has the stream may open it again, as `/dev/stdout`. The directory is for nobody else.
    let mode = Mode::from_raw_mode(0o666);
    match rustix::fs::mknodat(CWD, path, FileType::Fifo, mode, 0) {
        Ok(()) => {
            ours.push(Made(path.to_path_buf()));
            // Whatever the mask says.
            rustix::fs::chmod(path, mode).map_err(at("set the mode of", path))?;
        }
        Err(Errno::EXIST) => {}
        Err(errno) => return Err(at("make the pipe", path)(errno)),
    }
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let pipe = rustix::fs::open(path, flags, Mode::empty()).map_err(at("open the pipe", path))?;
    let stat = rustix::fs::fstat(&pipe).map_err(at("look at", path))?;
    if !FileType::from_raw_mode(stat.st_mode).is_fifo() {
        return Err(Failure::new(format!("{} is not a pipe", path.display())));
    }
    Ok(pipe)
}

/// Opens the log of the app's output if one is asked for.
fn log(app: &AcName) -> Result<Option<Log>, Failure> {
    let mode = env::var_os(LOG_MODE).unwrap_or_default();
    if mode.is_empty() {
        return Ok(None);
    }
    if mode != K8S_PLAIN {
        let mode = mode.to_string_lossy();
        return Err(Failure::new(format!("there is no log mode \"{mode}\"")).hint(format!(
            "the annotation coreos.com/rkt/experiment/logmode of the pod can be {K8S_PLAIN}"
        )));
    }
    let path = env::var_os(LOG_PATH).filter(|path| !path.is_empty()).ok_or_else(|| {
        Failure::new(format!("app \"{app}\" has no path for its log"))
            .hint("give the app the annotation coreos.com/rkt/experiment/kubernetes-log-path")
    })?;
    Log::open(&PathBuf::from(path)).map(Some)
}
