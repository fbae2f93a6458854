//! Writing inside a tree that came from an image, without being led out of it.
//!
//! An image may hold `etc -> /etc`. Whatever stage0, as root, makes inside an image's tree goes through [`Inside`],
//! which has the kernel resolve every path as if the tree were the root of the file system.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use rustix::mount::MountPropagationFlags;

use super::remove::remove_tree;
use crate::store::OwnerShift;

/// Text files of an image that stage0 reads are small.
const TEXT_LIMIT: u64 = 1 << 20;

/// The root of a tree, held open.
#[derive(Debug)]
pub struct Inside {
    root: OwnedFd,
    path: PathBuf,
    /// Whom what is made here belongs to; the caller if nobody is named.
    owner: Option<(Uid, Gid)>,
}

impl Inside {
    /// Opens the directory at `path`, which itself must not be a symbolic link.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| named(errno, path))?;
        Ok(Self { root, path: path.to_owned(), owner: None })
    }

    /// Gives whatever is made here from now on to the root user of a pod with its own range of IDs. It does nothing
    /// for [`OwnerShift::NONE`].
    #[must_use]
    pub fn owned_by_root_of(mut self, owners: OwnerShift) -> Self {
        let ids = || (Uid::from_raw(owners.shift), Gid::from_raw(owners.shift));
        self.owner = (owners != OwnerShift::NONE).then(ids);
        self
    }

    /// The directory at `path` inside another tree, as a root of its own.
    pub fn below(outer: &Self, path: &str) -> io::Result<Self> {
        let root = outer.openat(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { root, path: outer.path.join(path), owner: outer.owner })
    }

    /// Where the root was when it was opened: for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path of the host that leads to the open directory, whatever happens to names: for `mount(2)`.
    pub fn handle(fd: BorrowedFd<'_>) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
    }

    /// Opens what is at `path` for use as a place, following links inside the tree.
    pub fn open_place(&self, path: &str) -> io::Result<OwnedFd> {
        self.openat(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
    }

    /// Opens a directory and makes it, with `mode`, where it is missing; its parent must exist.
    pub fn make_dir(&self, path: &str, mode: u32) -> io::Result<OwnedFd> {
        let (parent, name) = self.parent(path)?;
        match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(mode)) {
            Ok(()) => self.give(&parent, name).map_err(|errno| self.named(errno, path))?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(self.named(errno, path)),
        }
        // Not through the parent: an existing link is followed, but inside the tree.
        self.openat(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    }

    /// Writes a file anew. What was there under the name, were it a link, is replaced and not followed.
    pub fn write(&self, path: &str, content: &[u8], mode: u32) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(self.named(errno, path)),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(mode))
            .map_err(|errno| self.named(errno, path))?;
        File::from(fd).write_all(content)?;
        self.give(&parent, name).map_err(|errno| self.named(errno, path))
    }

    /// Removes a file, or a link and not what it leads to; one that is not there is removed already.
    pub fn remove_file(&self, path: &str) -> io::Result<()> {
        let Some((parent, name)) = found(self.parent(path))? else { return Ok(()) };
        match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.named(errno, path)),
        }
    }

    /// Removes a directory with all that is in it; one that is not there is removed already. Nothing must be mounted
    /// in it.
    pub fn remove_tree(&self, path: &str) -> io::Result<()> {
        let Some((parent, name)) = found(self.parent(path))? else { return Ok(()) };
        remove_tree(&Self::handle(parent.as_fd()).join(name))
    }

    /// Where the directory at `path` really is, as a path of the host without links; none if there is none.
    pub fn real_path(&self, path: &str) -> io::Result<Option<PathBuf>> {
        let Some(place) = found(self.open_place(path))? else { return Ok(None) };
        std::fs::read_link(Self::handle(place.as_fd())).map(Some)
    }

    /// Reads a small text file, if there is one.
    pub fn read_text(&self, path: &str) -> io::Result<Option<String>> {
        let fd = match self.openat(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => fd,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        File::from(fd).take(TEXT_LIMIT).read_to_string(&mut text)?;
        Ok(Some(text))
    }

    /// Where a symbolic link points.
    pub fn read_link(&self, path: &str) -> io::Result<String> {
        let (parent, name) = self.parent(path)?;
        let target =
            rustix::fs::readlinkat(&parent, name, Vec::new()).map_err(|errno| self.named(errno, path))?;
        Ok(target.to_string_lossy().into_owned())
    }

    /// Sets both times of what is at `path` to now.
    pub fn touch(&self, path: &str) -> io::Result<()> {
        let place = self.open_place(path)?;
        let now = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        rustix::fs::utimensat(CWD, Self::handle(place.as_fd()), &times, AtFlags::empty())
            .map_err(|errno| self.named(errno, path))
    }

    /// Makes the mount whose root this is shared: views of it will show what is mounted in it later.
    pub fn share(&self) -> io::Result<()> {
        rustix::mount::mount_change(Self::handle(self.root.as_fd()), MountPropagationFlags::SHARED)
            .map_err(|errno| named(errno, &self.path))
    }

    /// Makes the link `name` in the directory `dir` if the directory exists and has no such entry.
    pub fn link_unless_there(&self, dir: &str, name: &str, target: &str) -> io::Result<()> {
        let dir_fd = match self.openat(dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        {
            Ok(fd) => fd,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let named = |errno| self.named(errno, &format!("{dir}/{name}"));
        match rustix::fs::symlinkat(target, &dir_fd, name) {
            Ok(()) => self.give(&dir_fd, OsStr::new(name)).map_err(named),
            Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(named(errno)),
        }
    }

    /// What is at `path`, provided that no link on the way leads out of the tree: a link to an absolute path is
    /// refused here, since whoever uses the plain path would follow it into the host.
    pub fn stat_strictly(&self, path: &str) -> io::Result<Stat> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let strict = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let relative = path.trim_start_matches('/');
        rustix::fs::openat2(&self.root, relative, flags, Mode::empty(), strict)
            .and_then(rustix::fs::fstat)
            .map_err(|errno| self.named(errno, path))
    }

    fn give(&self, parent: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
        match self.owner {
            Some((uid, gid)) => {
                rustix::fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            }
            None => Ok(()),
        }
    }

    fn openat(&self, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.root, path, flags, mode, resolve).map_err(|errno| self.named(errno, path))
    }

    /// The directory that holds `path`, and the last part of `path`.
    fn parent<'path>(&self, path: &'path str) -> io::Result<(OwnedFd, &'path OsStr)> {
        let whole = Path::new(path);
        let name = whole.file_name().ok_or_else(|| self.named(Errno::INVAL, path))?;
        let parent = whole.parent().and_then(Path::to_str).filter(|parent| !parent.is_empty()).unwrap_or(".");
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok((self.openat(parent, flags, Mode::empty())?, name))
    }

    fn named(&self, errno: Errno, path: &str) -> io::Error {
        named(errno, &self.path.join(path.trim_start_matches('/')))
    }
}

/// Nothing instead of the error that something is not there.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn named(errno: Errno, path: &Path) -> io::Error {
    let error = io::Error::from(errno);
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Whether what was found is a regular file that somebody may execute.
pub fn is_executable(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_mode & 0o111 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A tree whose links all point at a directory outside.
    fn hostile() -> (tempfile::TempDir, tempfile::TempDir, Inside) {
        let (outside, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(outside.path(), tree.path().join("etc")).unwrap();
        let up = format!("../../../../../..{}", outside.path().display());
        symlink(up, tree.path().join("opt")).unwrap();
        symlink(outside.path().join("file"), tree.path().join("file")).unwrap();
        let inside = Inside::open(tree.path()).unwrap();
        (outside, tree, inside)
    }

    #[test]
    fn nothing_is_made_outside() {
        let (outside, tree, inside) = hostile();
        assert!(inside.write("etc/rkt-hosts", b"x", 0o644).is_err());
        assert!(inside.make_dir("opt/stage2", 0o755).is_err());
        inside.link_unless_there("etc", "mtab", "../proc/self/mounts").unwrap();
        inside.write("file", b"x", 0o644).unwrap();
        assert_eq!(std::fs::read(tree.path().join("file")).unwrap(), b"x");
        std::fs::create_dir(outside.path().join("kept")).unwrap();
        inside.remove_tree("etc/kept").unwrap();
        inside.remove_file("etc/kept").unwrap();
        inside.remove_tree("opt/kept").unwrap();
        assert_eq!(inside.real_path("etc").unwrap(), None);
        std::fs::remove_dir(outside.path().join("kept")).unwrap();
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn links_inside_are_followed_inside() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("real/etc")).unwrap();
        symlink("/real/etc", tree.path().join("etc")).unwrap();
        let inside = Inside::open(tree.path()).unwrap();
        inside.write("etc/rkt-hosts", b"x", 0o644).unwrap();
        assert_eq!(inside.read_text("/etc/rkt-hosts").unwrap().as_deref(), Some("x"));
        assert!(tree.path().join("real/etc/rkt-hosts").exists());
        inside.link_unless_there("etc", "mtab", "x").unwrap();
        inside.link_unless_there("etc", "mtab", "y").unwrap();
        assert_eq!(std::fs::read_link(tree.path().join("real/etc/mtab")).unwrap(), Path::new("x"));
        inside.touch("etc").unwrap();
        assert!(inside.stat_strictly("/etc/rkt-hosts").is_err(), "an absolute link leads out of the tree");
        assert!(inside.stat_strictly("/real/etc/rkt-hosts").is_ok());
        assert_eq!(inside.read_text("etc/none").unwrap(), None);
        assert_eq!(inside.real_path("etc").unwrap().unwrap(), tree.path().join("real/etc"));
        inside.remove_file("etc/rkt-hosts").unwrap();
        inside.remove_tree("real").unwrap();
        assert_eq!(inside.real_path("real").unwrap(), None);
    }
}
