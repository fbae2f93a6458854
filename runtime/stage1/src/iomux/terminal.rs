//! `ttymux`: the service behind the terminal of an app.

use super::channel::Channel;
use super::endpoints::{self, Published};
use super::serve::Service;
use super::sockets::Listener;
use super::turns::Unit;
use super::{END_SIGNALS, ENV_STAGE1_DEBUG, is_true};
use crate::failure::{Failure, at};
use crate::notify;
use crate::signals::Signals;
use appc::AcName;
use host::bind::Tree;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Name of the one channel.
const NAME: &str = "tty";

/// Where the app's side of its terminal is.
pub(super) fn app_side(app: &AcName) -> PathBuf {
    endpoints::directory(app).join("stage2-pts")
}

/// Serves the terminal of an app until it ends.
pub(super) fn serve(app: &AcName) -> Result<(), Failure> {
    let signals = Signals::catch(END_SIGNALS).map_err(|error| super::no_signals(&error))?;
    let terminal = Terminal::open(app_side(app))?;
    let path = endpoints::directory(app).join(endpoints::socket(NAME));
    let listener = Listener::bind(&path).map_err(at("listen at", &path))?;
    let (output, input) = terminal.our_side()?;
    let channels = vec![Channel::new(NAME, listener, Some(output), Some(input), Unit::Key)];
    let published = Some(Published::publish(app, &[NAME])?);
    let told = notify::ready();
    if !told.is_ok_and(|told| told) {
        return Err(Failure::new("cannot tell systemd that the terminal is ready")
            .hint("this is started by ttymux@.service of the pod, which must have Type=notify"));
    }
    Service { debug: is_true(ENV_STAGE1_DEBUG), signals, channels, log: None, published }.serve()
}

/// A pseudo terminal whose app side lies at a path that is known beforehand.
struct Terminal {
    our_side: OwnedFd,
    /// Held so that the terminal does not hang up before the app has opened it.
    _app_side: OwnedFd,
    path: PathBuf,
}

impl Terminal {
    fn open(path: PathBuf) -> Result<Terminal, Failure> {
        let failed = |errno| Failure::new(format!("cannot open a pseudo terminal: {errno}"));
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let our_side = rustix::pty::openpt(flags).map_err(failed)?;
        rustix::pty::grantpt(&our_side).map_err(failed)?;
        rustix::pty::unlockpt(&our_side).map_err(failed)?;
        rustix::io::ioctl_fionbio(&our_side, true).map_err(failed)?;
        let name = rustix::pty::ptsname(&our_side, Vec::new()).map_err(failed)?;
        let name = PathBuf::from(OsString::from_vec(name.into_bytes()));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let app_side = rustix::fs::open(&name, flags, Mode::empty()).map_err(at("open", &name))?;
        clear(&path).map_err(at("make room at", &path))?;
        let terminal = Terminal { our_side, _app_side: app_side, path };
        terminal.bind(&name).map_err(at("make the terminal available at", &terminal.path))?;
        Ok(terminal)
    }

    fn bind(&self, name: &Path) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let place = rustix::fs::open(&self.path, flags, Mode::from_raw_mode(0o600))?;
        Tree::copy(name, false)?.attach(place)
    }

    /// What reads what the app writes, and what writes what the app reads.
    fn our_side(&self) -> Result<(OwnedFd, OwnedFd), Failure> {
        let copy = || self.our_side.try_clone();
        let both = copy().and_then(|output| Ok((output, copy()?)));
        both.map_err(|error| Failure::new(format!("cannot copy a descriptor: {error}")))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = clear(&self.path);
    }
}

/// Takes away the app's side from its path.
fn clear(path: &Path) -> io::Result<()> {
    host::mounts::detach_above(path, 0).map_err(|error| error.source)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
