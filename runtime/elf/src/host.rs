//! A directory of the host as the root.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, ResolveFlags};
use rustix::io::Errno;

use crate::root::{Entry, ReadAt, Root};

/// How often a look-up that a concurrent rename disturbed is done again.
const TRIES: usize = 32;

/// A directory of the host; nothing outside of it is reached, also not by somebody who changes links meanwhile.
///
/// The kernel keeps to the directory: `openat2(2)` with `RESOLVE_IN_ROOT`, Linux 5.6 or later.
#[derive(Debug)]
pub struct HostRoot {
    fd: OwnedFd,
}

impl HostRoot {
    /// The host's own root.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn host() -> io::Result<HostRoot> {
        HostRoot::open(Path::new("/"))
    }

    /// Takes a directory as the root. No component of its path may be a symlink.
    ///
    /// # Errors
    /// When it is no directory, or a symlink is on the way.
    pub fn open(path: &Path) -> io::Result<HostRoot> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
        Ok(HostRoot { fd })
    }

    /// Takes an open directory as the root.
    pub fn from_fd(fd: OwnedFd) -> HostRoot {
        HostRoot { fd }
    }

    /// Opens a file inside for reading, links followed: to copy what a closure names.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open_file(&self, path: &Path) -> io::Result<File> {
        // Without blocking: since it was looked at, it may have become a pipe.
        let fd = self.open_inside(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        Ok(File::from(fd))
    }

    fn open_inside(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let mut last = Errno::AGAIN;
        for _ in 0..TRIES {
            match rustix::fs::openat2(&self.fd, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                Err(errno @ (Errno::AGAIN | Errno::INTR)) => last = errno,
                other => return other,
            }
        }
        Err(last)
    }
}

impl Root for HostRoot {
    fn look(&self, path: &Path) -> io::Result<Option<Entry>> {
        let fd = match self.open_inside(path, OFlags::PATH | OFlags::NOFOLLOW) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        Ok(Some(match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
            FileType::Directory => Entry::Directory,
            FileType::RegularFile => Entry::File,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&fd, c"", Vec::new())?;
                Entry::Link(PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes())))
            }
            _ => Entry::Other,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadAt + '_>> {
        Ok(Box::new(self.open_file(path)?))
    }

    fn names(&self, path: &Path, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        let fd = self.open_inside(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut entries = RawDir::new(fd, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." && !each(OsStr::from_bytes(name)) {
                break;
            }
        }
        Ok(())
    }
}
