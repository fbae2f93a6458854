//! Writing inside a tree that came from an image, without being led out of it.
//!
//! An image may hold `etc -> /etc`. Whatever stage0, as root, makes inside an image's tree goes through [`Inside`],
//! which has the kernel resolve every path as if the tree were the root of the file system.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

/// Text files of an image that stage0 reads are small.
const TEXT_LIMIT: u64 = 1 << 20;

/// The root of a tree, held open.
#[derive(Debug)]
pub struct Inside {
    root: OwnedFd,
    path: PathBuf,
}

impl Inside {
    /// Opens the directory at `path`, which itself must not be a symbolic link.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| named(errno, path))?;
        Ok(Self { root, path: path.to_owned() })
    }

    /// The directory at `path` inside another tree, as a root of its own.
    pub fn below(outer: &Self, path: &str) -> io::Result<Self> {
        let root = outer.openat(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { root, path: outer.path.join(path) })
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
            Ok(()) | Err(Errno::EXIST) => {}
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
        File::from(fd).write_all(content)
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
        match rustix::fs::symlinkat(target, &dir_fd, name) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(self.named(errno, &format!("{dir}/{name}"))),
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
    }
}
