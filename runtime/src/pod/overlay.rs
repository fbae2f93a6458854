//! Overlay mounts of stage1 and of the apps.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::MountFlags;

use super::inside::Inside;
use crate::error::{Context as _, Failure};

/// One overlay: what is below, where changes go, and where all of it appears.
#[derive(Debug)]
pub struct Overlay<'paths> {
    /// Root of the rendered image.
    pub lower: &'paths Path,
    /// Directory of the changes; made if it is missing.
    pub upper: &'paths Path,
    /// Directory of the kernel's own; made if it is missing.
    pub work: &'paths Path,
}

impl Overlay<'_> {
    /// Mounts it on the directory that `place` has open. Upper directory and place get the mode and the owner of the
    /// lower one, since the root of an overlay shows those of its upper directory.
    pub fn mount(&self, place: &OwnedFd) -> Result<(), Failure> {
        let failed = || format!("cannot mount an overlay of {}", self.lower.display());
        let lower = rustix::fs::stat(self.lower).map_err(|errno| at(errno, self.lower)).context(failed())?;
        let mode = Mode::from_raw_mode(lower.st_mode & 0o7777);
        make_dir(self.upper, mode).context(failed())?;
        make_dir(self.work, Mode::from_raw_mode(0o750)).context(failed())?;
        let owner = (lower.st_uid, lower.st_gid);
        if owner != (0, 0) {
            let (uid, gid) = (rustix::fs::Uid::from_raw(owner.0), rustix::fs::Gid::from_raw(owner.1));
            rustix::fs::chownat(CWD, self.upper, Some(uid), Some(gid), rustix::fs::AtFlags::empty())
                .map_err(|errno| at(errno, self.upper))
                .context(failed())?;
        }
        let options = self.options().map_err(|errno| at(errno, self.upper)).context(failed())?;
        let target = Inside::handle(place.as_fd());
        rustix::mount::mount(
            c"overlay",
            target.as_path(),
            c"overlay",
            MountFlags::empty(),
            Some(options.as_c_str()),
        )
        .map_err(io::Error::from)
        .context(failed())
        .map_err(|failure| failure.hint("--no-overlay copies the images instead"))
    }

    fn options(&self) -> Result<CString, Errno> {
        let mut text = Vec::with_capacity(512);
        for (key, path) in [("lowerdir=", self.lower), (",upperdir=", self.upper), (",workdir=", self.work)] {
            text.extend_from_slice(key.as_bytes());
            for &byte in path.as_os_str().as_bytes() {
                // Each would end the path otherwise.
                if matches!(byte, b'\\' | b':' | b',') {
                    text.push(b'\\');
                }
                text.push(byte);
            }
        }
        CString::new(text).map_err(|_| Errno::INVAL)
    }
}

/// Opens the directory of the host on which something is to be mounted.
pub fn open_place(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| at(errno, path))
}

/// Makes a directory with exactly this mode; one that is there stays as it is.
pub fn make_dir(path: &Path, mode: Mode) -> io::Result<()> {
    match rustix::fs::mkdir(path, mode) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(at(errno, path)),
    }
}

fn at(errno: Errno, path: &Path) -> io::Error {
    let error = io::Error::from(errno);
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
