//! Bind mounts from open file to open file: no path is looked up twice, so nobody can change what it
//! means in between.

use crate::attributes;
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// A mount that is not attached anywhere yet. Dropped unattached, it is gone.
#[derive(Debug)]
pub struct Tree(OwnedFd);

impl Tree {
    /// A view of a file or directory of the host, symlinks followed; with all that is mounted below it
    /// if `recursive`. The mounts of the original are not changed; where those are shared, the view is
    /// their peer.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn copy(source: &Path, recursive: bool) -> io::Result<Tree> {
        let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        if recursive {
            flags |= OpenTreeFlags::AT_RECURSIVE;
        }
        Ok(Tree(rustix::mount::open_tree(CWD, source, flags)?))
    }

    /// The same of an open file or directory.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn copy_of(source: impl AsFd, recursive: bool) -> io::Result<Tree> {
        let mut flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
        if recursive {
            flags |= OpenTreeFlags::AT_RECURSIVE;
        }
        Ok(Tree(rustix::mount::open_tree(source, c"", flags)?))
    }

    /// A new, empty file system in memory, open to everybody as `/tmp` is.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn tmpfs() -> io::Result<Tree> {
        let context = rustix::mount::fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        rustix::mount::fsconfig_set_string(context.as_fd(), c"source", c"tmpfs")?;
        rustix::mount::fsconfig_set_string(context.as_fd(), c"mode", c"1777")?;
        rustix::mount::fsconfig_create(context.as_fd())?;
        let flags = FsMountFlags::FSMOUNT_CLOEXEC;
        Ok(Tree(rustix::mount::fsmount(context.as_fd(), flags, MountAttrFlags::empty())?))
    }

    /// A read-only view of several open directories on one another: what an earlier one holds hides what a later one
    /// has at the same place, and an overlay's marks of removed files count.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn overlay(layers: &[BorrowedFd<'_>]) -> io::Result<Tree> {
        let context = rustix::mount::fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        // By number: the kernel takes no more than 256 bytes here, and no special characters.
        let layers: Vec<_> = layers.iter().map(|fd| format!("/proc/self/fd/{}", fd.as_raw_fd())).collect();
        rustix::mount::fsconfig_set_string(context.as_fd(), c"lowerdir", layers.join(":").as_str())?;
        rustix::mount::fsconfig_set_flag(context.as_fd(), c"ro")?;
        rustix::mount::fsconfig_create(context.as_fd())?;
        let flags = FsMountFlags::FSMOUNT_CLOEXEC;
        Ok(Tree(rustix::mount::fsmount(context.as_fd(), flags, MountAttrFlags::MOUNT_ATTR_RDONLY)?))
    }

    /// Makes this view read-only, with all that is mounted on it if `recursive`.
    ///
    /// # Errors
    /// What the kernel says; before Linux 5.12 that it does not know how.
    pub fn read_only(&self, recursive: bool) -> io::Result<()> {
        attributes::set_read_only(self.0.as_fd(), recursive)
    }

    /// Cuts this view off from its peers: what is mounted on it from now on is seen nowhere else. To be
    /// called when it is attached, since a place on a shared mount makes it shared.
    ///
    /// # Errors
    /// What the kernel says; before Linux 5.12 that it does not know how.
    pub fn make_private(&self) -> io::Result<()> {
        attributes::set_private(self.0.as_fd())
    }

    /// Mounts it on an open place: a directory on a directory, a file on a file.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn attach(&self, target: impl AsFd) -> io::Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        Ok(rustix::mount::move_mount(self.0.as_fd(), c"", target.as_fd(), c"", flags)?)
    }

    /// The root of the view as an open place (`O_PATH`). An unattached view ends with it.
    pub fn into_fd(self) -> OwnedFd {
        self.0
    }
}

/// Makes the mount of an open place read-only, without what is mounted on it.
///
/// # Errors
/// What the kernel says; before Linux 5.12 that it does not know how.
pub fn make_read_only(mount: impl AsFd) -> io::Result<()> {
    attributes::set_read_only(mount.as_fd(), false)
}

/// Makes a mount of the host shared, with all that is mounted on it, so that what is mounted there later
/// is seen in views of it and the other way round. `false` when the path is no mount point.
///
/// # Errors
/// What the kernel says.
pub fn share(path: &Path) -> io::Result<bool> {
    match rustix::mount::mount_change(path, MountPropagationFlags::SHARED | MountPropagationFlags::REC) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}
