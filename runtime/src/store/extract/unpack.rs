//! Making files of archive entries below one directory.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, XattrFlags};
use rustix::io::Errno;

use super::OwnerShift;
use crate::open_dirs::{OpenDirs, split};

/// What an entry says about itself besides its content.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Attributes<'a> {
    /// Permission bits with set-id and sticky bits.
    pub(in crate::store) mode: u32,
    pub(in crate::store) uid: u32,
    pub(in crate::store) gid: u32,
    /// Seconds since 1970.
    pub(in crate::store) mtime: i64,
    pub(in crate::store) xattrs: &'a BTreeMap<Vec<u8>, Vec<u8>>,
}

/// A directory whose attributes are set when everything in it is there.
#[derive(Debug)]
struct LateDir {
    path: Vec<u8>,
    mode: u32,
    owner: (u32, u32),
    times: Timestamps,
}

/// Unpacks entries below one directory.
#[derive(Debug)]
pub(in crate::store) struct Unpacker {
    dirs: OpenDirs,
    /// For targets of hard links, which are elsewhere in the tree.
    targets: OpenDirs,
    late: Vec<LateDir>,
    /// Only root may give files away.
    root: bool,
    shift: OwnerShift,
    buffer: Vec<u8>,
}

impl Unpacker {
    pub(in crate::store) fn new(root: OwnedFd, shift: OwnerShift) -> io::Result<Unpacker> {
        let dirs = OpenDirs::new(root);
        let targets = dirs.another()?;
        let root = rustix::process::geteuid().is_root();
        Ok(Unpacker { dirs, targets, late: Vec::new(), root, shift, buffer: vec![0; 256 << 10] })
    }

    fn owner(&self, of: &Attributes<'_>) -> io::Result<(u32, u32)> {
        Ok((self.shift.apply(of.uid)?, self.shift.apply(of.gid)?))
    }

    /// A directory; `path` may be empty for the root itself.
    pub(in crate::store) fn directory(&mut self, path: &[u8], of: &Attributes<'_>) -> io::Result<()> {
        let owner = self.owner(of)?;
        self.dirs.enter(path, true)?;
        self.late.push(LateDir { path: path.to_vec(), mode: of.mode, owner, times: times(of) });
        Ok(())
    }

    /// A regular file; returns its size in bytes.
    pub(in crate::store) fn file(
        &mut self,
        path: &[u8],
        of: &Attributes<'_>,
        content: &mut dyn Read,
    ) -> io::Result<u64> {
        let (uid, gid) = self.owner(of)?;
        let (parent, name) = split(path);
        let parent = self.dirs.enter(parent, true)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file =
            std::fs::File::from(rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o600))?);
        let mut size = 0;
        loop {
            match content.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => {
                    file.write_all(&self.buffer[..count])?;
                    size += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.root {
            rustix::fs::fchown(&file, Some(uid_of(uid)), Some(gid_of(gid)))?;
        }
        // After the owner: changing that takes set-id bits and capabilities away.
        rustix::fs::fchmod(&file, Mode::from_raw_mode(of.mode & 0o7777))?;
        for (name, value) in of.xattrs {
            if name.starts_with(b"user.") || (name == b"security.capability" && self.root) {
                rustix::fs::fsetxattr(&file, name.as_slice(), value, XattrFlags::empty()).map_err(
                    |error| {
                        said(
                            error,
                            &format!("cannot set the extended attribute {}", String::from_utf8_lossy(name)),
                        )
                    },
                )?;
            }
        }
        rustix::fs::futimens(&file, &times(of))?;
        Ok(size)
    }

    /// Another name of a file that is already there; `target` counts from the root.
    pub(in crate::store) fn hard_link(&mut self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let missing = |error| said(error, &format!("cannot link to {}", String::from_utf8_lossy(target)));
        let (target_parent, target_name) = split(target);
        let (parent, name) = split(path);
        let target_parent = self.targets.enter(target_parent, false).map_err(missing)?;
        let parent = self.dirs.enter(parent, true)?;
        rustix::fs::linkat(target_parent, target_name, parent, name, AtFlags::empty()).map_err(missing)
    }

    pub(in crate::store) fn symlink(
        &mut self,
        path: &[u8],
        of: &Attributes<'_>,
        target: &[u8],
    ) -> io::Result<()> {
        let (parent, name) = split(path);
        rustix::fs::symlinkat(target, self.dirs.enter(parent, true)?, name)?;
        self.finish_special(path, of, None)
    }

    /// A device or fifo.
    pub(in crate::store) fn node(
        &mut self,
        path: &[u8],
        of: &Attributes<'_>,
        kind: FileType,
        device: (u32, u32),
    ) -> io::Result<()> {
        let (parent, name) = split(path);
        let parent = self.dirs.enter(parent, true)?;
        rustix::fs::mknodat(
            parent,
            name,
            kind,
            Mode::from_raw_mode(0o600),
            rustix::fs::makedev(device.0, device.1),
        )
        .map_err(|error| said(error, "cannot make the device (only root may)"))?;
        self.finish_special(path, of, Some(of.mode))
    }

    /// Owner, mode and time of what cannot be opened.
    fn finish_special(&mut self, path: &[u8], of: &Attributes<'_>, mode: Option<u32>) -> io::Result<()> {
        let (uid, gid) = self.owner(of)?;
        let (parent, name) = split(path);
        let root = self.root;
        let parent = self.dirs.enter(parent, false)?;
        if root {
            rustix::fs::chownat(
                parent,
                name,
                Some(uid_of(uid)),
                Some(gid_of(gid)),
                AtFlags::SYMLINK_NOFOLLOW,
            )?;
        }
        if let Some(mode) = mode {
            // Not a link: made a moment ago in a directory that nobody else writes to.
            rustix::fs::chmodat(parent, name, Mode::from_raw_mode(mode & 0o7777), AtFlags::empty())?;
        }
        rustix::fs::utimensat(parent, name, &times(of), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    /// Sets the attributes of the directories, which writing into them would have changed.
    pub(in crate::store) fn finish(mut self) -> io::Result<()> {
        let mut late = std::mem::take(&mut self.late);
        // Children before parents: a directory may lose its search bit.
        late.sort_by(|a, b| b.path.cmp(&a.path));
        for dir in late {
            let fd = self.dirs.enter(&dir.path, false)?;
            if self.root {
                rustix::fs::fchown(fd, Some(uid_of(dir.owner.0)), Some(gid_of(dir.owner.1)))?;
            }
            rustix::fs::fchmod(fd, Mode::from_raw_mode(dir.mode & 0o7777))?;
            rustix::fs::futimens(fd, &dir.times)?;
        }
        Ok(())
    }
}

fn uid_of(id: u32) -> rustix::fs::Uid {
    rustix::fs::Uid::from_raw(id)
}

fn gid_of(id: u32) -> rustix::fs::Gid {
    rustix::fs::Gid::from_raw(id)
}

fn times(of: &Attributes<'_>) -> Timestamps {
    let time = Timespec { tv_sec: of.mtime, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

fn said(error: Errno, what: &str) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
