//! What the files of a pod say.

use crate::error::Error;
use crate::layout;
use crate::lock::{FileLock, Kind};
use crate::pod::Pod;
use crate::state::Directory;
use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Largest file that is read from a pod, in bytes. Manifests of pods with hundreds of apps stay far below.
const FILE_LIMIT: u64 = 16 << 20;

/// The right to change a pod's manifest.
#[derive(Debug)]
pub struct ManifestLock {
    _lock: FileLock,
}

impl Pod {
    /// Reads a file of the pod; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, is no regular file, or is larger than 16 MiB.
    pub fn read(&self, name: impl AsRef<Path>) -> Result<Option<Vec<u8>>, Error> {
        let name = name.as_ref();
        let path = self.dir().join(name);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = match rustix::fs::openat(self.lock_fd(), name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(Error::io("open", &path)(errno)),
        };
        let mut content = Vec::with_capacity(8 << 10);
        let read = std::fs::File::from(fd).take(FILE_LIMIT + 1).read_to_end(&mut content);
        read.map_err(Error::io("read", &path))?;
        if content.len() as u64 > FILE_LIMIT {
            let what = format!("larger than {FILE_LIMIT} bytes, which no file of a pod is");
            return Err(Error::Malformed { path, what });
        }
        Ok(Some(content))
    }

    /// Reads a file of the pod as text without surrounding white space; `None` when there is none.
    ///
    /// # Errors
    /// As [`Pod::read`], and when it is not UTF-8.
    pub fn read_text(&self, name: impl AsRef<Path>) -> Result<Option<String>, Error> {
        let Some(content) = self.read(&name)? else { return Ok(None) };
        match String::from_utf8(content) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(_) => {
                Err(Error::Malformed { path: self.dir().join(name), what: "not UTF-8 text".to_owned() })
            }
        }
    }

    /// The bytes of the pod manifest.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn manifest_bytes(&self) -> Result<Vec<u8>, Error> {
        self.read(layout::MANIFEST)?.ok_or_else(|| {
            Error::io("open", &self.dir().join(layout::MANIFEST))(std::io::Error::from(Errno::NOENT))
        })
    }

    /// Waits until nobody else changes the pod manifest; nobody else will as long as the lock is held.
    ///
    /// # Errors
    /// When the lock's file is missing, or cannot be locked.
    pub fn lock_manifest(&self) -> Result<ManifestLock, Error> {
        let path = self.dir().join(layout::MANIFEST_LOCK);
        FileLock::take(&path, Kind::Exclusive)
            .map(|lock| ManifestLock { _lock: lock })
            .map_err(Error::io("lock", &path))
    }

    /// Replaces the pod manifest: readers see the old one or the new one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace_manifest(&self, json: &[u8], _held: &ManifestLock) -> Result<(), Error> {
        let beside = format!("{}.new", layout::MANIFEST);
        let path = self.dir().join(&beside);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(self.lock_fd(), &beside, flags, Mode::from_raw_mode(0o640))
            .map_err(Error::io("open", &path))?;
        let mut file = std::fs::File::from(fd);
        let written = file.write_all(json).and_then(|()| file.sync_data());
        written.map_err(Error::io("write", &path))?;
        rustix::fs::renameat(self.lock_fd(), &beside, self.lock_fd(), layout::MANIFEST)
            .map_err(Error::io("replace", &self.dir().join(layout::MANIFEST)))
    }

    /// Whether the pod's images are overlay mounts.
    ///
    /// # Errors
    /// When its directory cannot be read.
    pub fn uses_overlay(&self) -> Result<bool, Error> {
        Ok(self.time(layout::OVERLAY_PREPARED)?.is_some())
    }

    /// Directory in which stage1 keeps its state (`rkt/status` …), relative to the pod: the upper
    /// directory of its overlay, which is there when nothing is mounted, or its root.
    ///
    /// # Errors
    /// When the pod's files cannot be read.
    pub fn stage1_state_root(&self) -> Result<PathBuf, Error> {
        if self.uses_overlay()?
            && let Some(id) = self.read_text(layout::STAGE1_TREE_STORE_ID)?
        {
            if id.is_empty() || id.contains('/') || id == ".." {
                let path = self.dir().join(layout::STAGE1_TREE_STORE_ID);
                return Err(Error::Malformed { path, what: format!("\"{id}\" is no tree store ID") });
            }
            return Ok(layout::overlay_upper(&id));
        }
        Ok(PathBuf::from(layout::STAGE1_ROOTFS))
    }

    /// When the pod was created; `None` while it is being prepared.
    ///
    /// # Errors
    /// When its directory cannot be read.
    pub fn created(&self) -> Result<Option<SystemTime>, Error> {
        match self.time(layout::CREATED)? {
            Some(time) => Ok(Some(time)),
            None => self.time(layout::MANIFEST),
        }
    }

    /// When the pod was started; `None` when it was not, or failed before anything ran.
    ///
    /// # Errors
    /// When its directory cannot be read.
    pub fn started(&self) -> Result<Option<SystemTime>, Error> {
        match self.time(layout::PID)? {
            Some(time) => Ok(Some(time)),
            None => self.time(layout::PPID),
        }
    }

    /// When the directory was last moved: for garbage, when it was marked; for a prepared pod, since
    /// when it waits.
    ///
    /// # Errors
    /// When its directory cannot be read.
    pub fn moved(&self) -> Result<SystemTime, Error> {
        let stat = rustix::fs::fstat(self.lock_fd()).map_err(Error::io("look at", &self.dir()))?;
        Ok(system_time(stat.st_ctime, stat.st_ctime_nsec))
    }

    /// When the pod was marked for deletion; `None` when it is not.
    ///
    /// # Errors
    /// When its directory cannot be read.
    pub fn gc_marked(&self) -> Result<Option<SystemTime>, Error> {
        match self.directory() {
            Directory::ExitedGarbage | Directory::Garbage => self.moved().map(Some),
            _ => Ok(None),
        }
    }

    /// Modification time of a file of the pod; `None` when there is none.
    fn time(&self, name: &str) -> Result<Option<SystemTime>, Error> {
        match rustix::fs::statat(self.lock_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(modified(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io("look at", &self.dir().join(name))(errno)),
        }
    }
}

/// When a file was last modified.
pub fn modified(stat: &Stat) -> SystemTime {
    system_time(stat.st_mtime, stat.st_mtime_nsec)
}

fn system_time(seconds: i64, nanoseconds: impl TryInto<u32>) -> SystemTime {
    let nanos = Duration::from_nanos(u64::from(nanoseconds.try_into().unwrap_or(0)));
    let whole = Duration::from_secs(seconds.unsigned_abs());
    if seconds >= 0 { SystemTime::UNIX_EPOCH + whole + nanos } else { SystemTime::UNIX_EPOCH - whole + nanos }
}
