//! Finding and taking away the mounts below a directory.

use crate::mountinfo::{self, Mount};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How many mounts may lie on one another, or appear while we work, before we give up.
const ROUNDS: usize = 256;

/// A mount that could not be taken away.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}: {source}", path.display())]
pub struct Error {
    /// What was tried, as it follows "cannot".
    pub what: &'static str,
    /// Where.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// The mounts strictly below a directory, in the kernel's order (a parent before its children).
///
/// # Errors
/// When the list of mounts cannot be read.
pub fn mounts_below(directory: &Path) -> io::Result<Vec<Mount>> {
    let mut mounts = mountinfo::read()?;
    mounts.retain(|mount| is_below(&mount.mount_point, directory));
    Ok(mounts)
}

/// Whether something is mounted exactly there. The path must be absolute and free of symlinks.
///
/// # Errors
/// When the list of mounts cannot be read.
pub fn is_mount_point(path: &Path) -> io::Result<bool> {
    Ok(mountinfo::read()?.iter().any(|mount| mount.mount_point == path))
}

fn is_below(path: &Path, directory: &Path) -> bool {
    path != directory && path.starts_with(directory)
}

/// Takes away every mount below a directory, and of several on the directory itself all but the lowest;
/// returns how many were detached, not counting what was mounted on them.
///
/// Each topmost mount is first cut off from its peers, with all that is mounted on it, so that taking
/// away our view of `/dev` does not take `/dev/pts` from the host; then it is detached with all that
/// is mounted on it, busy or not. No symlink is followed on the way, and a name that meanwhile leads
/// elsewhere is left alone.
///
/// # Errors
/// [`Error`] for the first mount that resists, after all others have been tried.
pub fn detach_below(directory: &Path) -> Result<usize, Error> {
    detach_above(directory, 1)
}

/// The same, leaving the `keep` lowest mounts on the directory itself.
///
/// # Errors
/// As [`detach_below`].
pub fn detach_above(directory: &Path, keep: usize) -> Result<usize, Error> {
    // The kernel lists real paths.
    match directory.canonicalize() {
        Ok(path) => detach_really_above(&path, keep),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(Error { what: "list the mounts below", path: directory.to_path_buf(), source }),
    }
}

/// As [`detach_above`], of a directory whose path is known to be absolute and free of symlinks: for places that
/// somebody else could turn into symlinks meanwhile.
///
/// # Errors
/// As [`detach_below`].
pub fn detach_really_above(directory: &Path, keep: usize) -> Result<usize, Error> {
    let failed =
        |source: io::Error| Error { what: "list the mounts below", path: directory.to_path_buf(), source };
    let mut count = 0;
    let mut resisting = BTreeSet::new();
    let mut first_error = None;
    for _ in 0..ROUNDS {
        let mut mounts = mountinfo::read().map_err(failed)?;
        // What lies on the directory itself hides the rest: it goes first.
        let on_it = mounts.iter().filter(|mount| mount.mount_point == directory).count();
        if on_it > keep {
            detach(directory)?;
            count += 1;
            if on_it > keep + 1 {
                continue;
            }
            mounts = mountinfo::read().map_err(failed)?;
        }
        mounts.retain(|mount| is_below(&mount.mount_point, directory));
        let ids: BTreeSet<u64> = mounts.iter().map(|mount| mount.id).collect();
        let mut done = 0;
        // What is mounted on another of them goes with it. Of several on the same place only the last
        // can be reached, and it is a child of the one that it covers: that is why there are rounds.
        for mount in mounts.iter().filter(|mount| !ids.contains(&mount.parent)) {
            if resisting.contains(&mount.id) {
                continue;
            }
            match detach(&mount.mount_point) {
                Ok(()) => done += 1,
                Err(error) => {
                    resisting.insert(mount.id);
                    first_error.get_or_insert(error);
                }
            }
        }
        count += done;
        if done == 0 {
            break;
        }
    }
    match first_error {
        Some(error) => Err(error),
        None => Ok(count),
    }
}

/// Cuts the mount at this place off from its peers and detaches it with all that is mounted on it.
fn detach(path: &Path) -> Result<(), Error> {
    let error = |what: &'static str| {
        move |errno: Errno| Error { what, path: path.to_path_buf(), source: errno.into() }
    };
    let fd = open(path).map_err(error("reach the mount on"))?;
    // Through the open file it is certain that both calls mean the same mount.
    let handle = format!("/proc/self/fd/{}", fd.as_raw_fd());
    rustix::mount::mount_change(handle.as_str(), MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(error("make private the mount on"))?;
    rustix::mount::unmount(handle.as_str(), UnmountFlags::DETACH).map_err(error("unmount"))
}

/// Opens a place without following a symlink anywhere on the way.
fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}
