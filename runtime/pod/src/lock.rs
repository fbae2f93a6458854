//! Locks between processes: `flock(2)` on files and directories.
//!
//! A lock belongs to the open file: it survives renames, is inherited over `exec`, and ends with the
//! last process that has the file open.

use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Whether others may hold the lock too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Together with other shared ones.
    Shared,
    /// Alone.
    Exclusive,
}

/// Takes a lock, waiting for it; replaces one that this open file already holds.
///
/// # Errors
/// When the kernel refuses.
pub fn lock(fd: impl AsFd, kind: Kind) -> io::Result<()> {
    let operation = match kind {
        Kind::Shared => FlockOperation::LockShared,
        Kind::Exclusive => FlockOperation::LockExclusive,
    };
    loop {
        match rustix::fs::flock(&fd, operation) {
            Err(Errno::INTR) => {}
            other => return other.map_err(Into::into),
        }
    }
}

/// Takes a lock if that is possible at once; `false` when somebody else holds one.
///
/// # Errors
/// When the kernel refuses for another reason.
pub fn try_lock(fd: impl AsFd, kind: Kind) -> io::Result<bool> {
    let operation = match kind {
        Kind::Shared => FlockOperation::NonBlockingLockShared,
        Kind::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    match rustix::fs::flock(fd, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Gives a lock back.
///
/// # Errors
/// When the kernel refuses.
pub fn unlock(fd: impl AsFd) -> io::Result<()> {
    rustix::fs::flock(fd, FlockOperation::Unlock).map_err(Into::into)
}

/// A held lock on a file or directory; given back when dropped.
#[derive(Debug)]
pub struct FileLock {
    fd: OwnedFd,
}

impl FileLock {
    /// Opens a file or directory that exists, and locks it.
    ///
    /// # Errors
    /// When it cannot be opened or locked.
    pub fn take(path: &Path, kind: Kind) -> io::Result<FileLock> {
        let fd = open(path)?;
        lock(&fd, kind)?;
        Ok(FileLock { fd })
    }

    /// The same without waiting: `None` when somebody else holds it.
    ///
    /// # Errors
    /// When it cannot be opened or locked.
    pub fn try_take(path: &Path, kind: Kind) -> io::Result<Option<FileLock>> {
        let fd = open(path)?;
        Ok(try_lock(&fd, kind)?.then_some(FileLock { fd }))
    }
}

impl AsFd for FileLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// How often a lock file may be replaced under our hands before we give up.
const REPLACED_LIMIT: usize = 16;

/// A held lock on a name: an empty file in a directory of locks.
///
/// Who holds it exclusively may remove the file ([`KeyLock::remove`]); who waited for it meanwhile
/// notices, by comparing what it has locked with what the name now stands for, and starts again.
#[derive(Debug)]
pub struct KeyLock {
    fd: OwnedFd,
    path: PathBuf,
}

impl KeyLock {
    /// Locks `key` in the directory `dir`, which must exist; waits for it.
    ///
    /// # Errors
    /// When the key is not a file name, or the file cannot be made, opened or locked.
    pub fn take(dir: &Path, key: &str, kind: Kind) -> io::Result<KeyLock> {
        match Self::acquire(dir, key, kind, true)? {
            Some(lock) => Ok(lock),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// The same without waiting: `None` when somebody else holds it.
    ///
    /// # Errors
    /// As [`KeyLock::take`].
    pub fn try_take(dir: &Path, key: &str, kind: Kind) -> io::Result<Option<KeyLock>> {
        Self::acquire(dir, key, kind, false)
    }

    fn acquire(dir: &Path, key: &str, kind: Kind, wait: bool) -> io::Result<Option<KeyLock>> {
        if key.is_empty() || key.contains('/') || key == "." || key == ".." {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("\"{key}\" cannot name a lock in {}", dir.display()),
            ));
        }
        let path = dir.join(key);
        for _ in 0..REPLACED_LIMIT {
            let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let fd = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o660))?;
            if wait {
                lock(&fd, kind)?;
            } else if !try_lock(&fd, kind)? {
                return Ok(None);
            }
            let held = rustix::fs::fstat(&fd)?;
            match rustix::fs::statat(CWD, &path, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
                Ok(named) if (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino) => {
                    return Ok(Some(KeyLock { fd, path }));
                }
                Ok(_) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(io::Error::other(format!("{} was replaced again and again while waiting for it", path.display())))
    }

    /// Removes the lock file, then gives the lock back. Only for who holds it exclusively.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

impl AsFd for KeyLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
