//! Going into the app's root, and becoming its user.

use crate::failure::{Failure, at};
use pod::app::users::Credentials;
use pod::root::Root;
use rustix::fs::{Gid, Mode, OFlags, Uid};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The way back out of the app's root, for cleaning up when its program cannot be started.
#[derive(Debug)]
pub(crate) struct WayBack {
    root: OwnedFd,
    directory: OwnedFd,
}

/// Opens the directory that the app starts in.
pub(crate) fn open_directory(root: &Root, path: &OsStr) -> Result<OwnedFd, Failure> {
    root.open_file(path, OFlags::PATH | OFlags::DIRECTORY).map_err(|error| {
        at("go to the working directory", &root.outside(Path::new(path)))(error)
            .hint("choose another with --working-dir=PATH, or make it when the image is built")
    })
}

/// Makes the app's root the root of this process, and goes to its working directory.
pub(crate) fn go_into(root: impl AsFd, working_directory: impl AsFd) -> io::Result<WayBack> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let way_back = WayBack {
        root: rustix::fs::open("/", flags, Mode::empty())?,
        directory: rustix::fs::open(".", flags, Mode::empty())?,
    };
    rustix::process::fchdir(root)?;
    rustix::process::chroot(".")?;
    rustix::process::fchdir(working_directory)?;
    Ok(way_back)
}

/// Becomes the app's user. The saved user stays root, so that [`WayBack::take`] works; `exec` replaces
/// it by the effective one, and takes all capabilities away from a user that is not root.
pub(crate) fn become_user(who: &Credentials) -> io::Result<()> {
    let gid = Gid::from_raw(who.gid);
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    let groups: Vec<Gid> = who.groups.iter().map(|&gid| Gid::from_raw(gid)).collect();
    rustix::thread::set_thread_groups(&groups)?;
    if who.uid != 0 {
        // These would survive `exec`: the kernel clears them only when the saved user changes too.
        rustix::thread::clear_ambient_capability_set()?;
    }
    let uid = Uid::from_raw(who.uid);
    rustix::thread::set_thread_res_uid(uid, uid, Uid::ROOT)?;
    Ok(())
}

impl WayBack {
    /// Becomes root again, and leaves the app's root.
    pub(crate) fn take(self) -> io::Result<()> {
        rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
        rustix::process::fchdir(&self.root)?;
        rustix::process::chroot(".")?;
        rustix::process::fchdir(&self.directory)?;
        Ok(())
    }
}
