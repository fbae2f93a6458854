//! Paths resolved inside a root directory, by the kernel.
//!
//! An image may hold any symlink: `etc -> /etc`, `tmp -> ../../..`. Everything here goes through
//! `openat2(2)` with `RESOLVE_IN_ROOT`: absolute links start again at the root, `..` stops there, so
//! that nothing outside can be reached, also not by somebody who changes links meanwhile.

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, StatxFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// How many symlinks are followed by hand before they count as a loop; the kernel's own limit.
const LINKS: usize = 40;

/// How often a look-up that a concurrent rename disturbed is done again.
const TRIES: usize = 32;

/// A directory that is the root of all paths.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

/// What a missing path is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// A directory, mode 0755.
    Directory,
    /// An empty file of this mode.
    File(u32),
}

impl Root {
    /// Opens a directory as root. No component of the path may be a symlink.
    ///
    /// # Errors
    /// When it is no directory, or a symlink is on the way.
    pub fn open(path: &Path) -> io::Result<Root> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
        Ok(Root { fd, path: path.to_path_buf() })
    }

    /// Takes an open directory as root; the path is for messages.
    pub fn from_fd(fd: OwnedFd, path: PathBuf) -> Root {
        Root { fd, path }
    }

    /// Where the root is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside as seen from outside, for messages only.
    pub fn outside(&self, path: &Path) -> PathBuf {
        self.path.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Opens a path inside.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open_file(&self, path: impl AsRef<Path>, flags: OFlags) -> io::Result<OwnedFd> {
        self.open_with(path, flags, Mode::empty())
    }

    /// Makes a regular file inside and opens it for writing. Its directory must be there.
    ///
    /// # Errors
    /// What the kernel says; [`io::ErrorKind::AlreadyExists`] when anything is there, a link too.
    pub fn create_file(&self, path: impl AsRef<Path>, mode: u32) -> io::Result<OwnedFd> {
        self.open_with(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, Mode::from_raw_mode(mode))
    }

    fn open_with(&self, path: impl AsRef<Path>, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let path = path.as_ref();
        // An empty path means the root, as `/` does.
        let path = if path.as_os_str().is_empty() { Path::new("/") } else { path };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let mut last = Errno::AGAIN;
        for _ in 0..TRIES {
            match rustix::fs::openat2(&self.fd, path, flags | OFlags::CLOEXEC, mode, resolve) {
                Err(errno @ (Errno::AGAIN | Errno::INTR)) => last = errno,
                other => return other.map_err(Into::into),
            }
        }
        Err(last.into())
    }

    /// What a path inside is, symlinks followed.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn stat(&self, path: impl AsRef<Path>) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(self.open_file(path, OFlags::PATH)?)?)
    }

    /// What a path inside is, a symlink at its end not followed.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn lstat(&self, path: impl AsRef<Path>) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(self.open_file(path, OFlags::PATH | OFlags::NOFOLLOW)?)?)
    }

    /// Reads a regular file inside; `None` when there is none.
    ///
    /// # Errors
    /// When it is not a regular file, is larger than `limit` bytes, or cannot be read.
    pub fn read(&self, path: impl AsRef<Path>, limit: u64) -> io::Result<Option<Vec<u8>>> {
        // Without blocking: the file may turn out to be a pipe.
        let fd = match self.open_file(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
            Ok(fd) => fd,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if !is_file(&rustix::fs::fstat(&fd)?) {
            return Err(io::Error::other("not a regular file"));
        }
        let mut content = Vec::new();
        File::from(fd).take(limit + 1).read_to_end(&mut content)?;
        if content.len() as u64 > limit {
            return Err(io::Error::other(format!("larger than {limit} bytes")));
        }
        Ok(Some(content))
    }

    /// Opens a path inside as a place (`O_PATH`), making it and the directories to it (mode 0755)
    /// where they are missing. What a dangling symlink means is made too. Nothing is made on the mounts
    /// with the numbers in `foreign` (see [`mount_id`]): they are views of something outside.
    ///
    /// # Errors
    /// What the kernel says; also when something of the other kind is there already;
    /// [`io::ErrorKind::ReadOnlyFilesystem`] for what is missing on a foreign mount.
    pub fn ensure(&self, path: &Path, make: Make, foreign: &[u64]) -> io::Result<OwnedFd> {
        self.ensure_within(path, make, foreign, &mut 0)
    }

    fn ensure_within(
        &self,
        path: &Path,
        make: Make,
        foreign: &[u64],
        links: &mut usize,
    ) -> io::Result<OwnedFd> {
        for _ in 0..TRIES {
            match self.open_file(path, OFlags::PATH) {
                Ok(fd) => {
                    let directory = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode).is_dir();
                    return match (make, directory) {
                        (Make::Directory, false) => Err(Errno::NOTDIR.into()),
                        (Make::File(_), true) => Err(Errno::ISDIR.into()),
                        _ => Ok(fd),
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            let (parent, name) = split(path);
            let parent_fd = self.ensure_within(&parent, Make::Directory, foreign, links)?;
            let Some(name) = name else { continue };
            if !foreign.is_empty() && foreign.contains(&mount_id(&parent_fd)?) {
                return Err(Errno::ROFS.into());
            }
            let outcome = match make {
                Make::Directory => rustix::fs::mkdirat(&parent_fd, &name, Mode::from_raw_mode(0o755)),
                Make::File(mode) => {
                    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                    rustix::fs::openat(&parent_fd, &name, flags, Mode::from_raw_mode(mode)).map(drop)
                }
            };
            match outcome {
                Ok(()) => {}
                // Either somebody was faster, or it is a symlink that leads nowhere.
                Err(Errno::EXIST) => match rustix::fs::readlinkat(&parent_fd, &name, Vec::new()) {
                    Ok(link) => {
                        *links += 1;
                        if *links > LINKS {
                            return Err(Errno::LOOP.into());
                        }
                        let link = PathBuf::from(OsString::from_vec(link.into_bytes()));
                        // An absolute link replaces the whole path.
                        self.ensure_within(&parent.join(link), make, foreign, links)?;
                    }
                    Err(Errno::INVAL | Errno::NOENT) => {}
                    Err(errno) => return Err(errno.into()),
                },
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(Errno::AGAIN.into())
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The number of the mount that an open file is on, as in the list of mounts.
///
/// # Errors
/// When the kernel does not say: before Linux 5.8.
pub fn mount_id(fd: impl AsFd) -> io::Result<u64> {
    let found = rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    if StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID) {
        Ok(found.stx_mnt_id)
    } else {
        Err(Errno::NOSYS.into())
    }
}

/// Whether it is a regular file.
pub fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_file()
}

/// A path's parent and last component; no component when it is `..`, whose parent is all that can be
/// made.
fn split(path: &Path) -> (PathBuf, Option<OsString>) {
    let mut bytes = path.as_os_str().as_bytes();
    loop {
        while let Some(rest) = bytes.strip_suffix(b"/") {
            bytes = rest;
        }
        match bytes.strip_suffix(b"/.") {
            Some(rest) => bytes = rest,
            None => break,
        }
    }
    let at = bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1);
    let (parent, name) = bytes.split_at(at);
    let parent =
        if parent.is_empty() { PathBuf::from("/") } else { PathBuf::from(OsStr::from_bytes(parent)) };
    match name {
        b"" | b"." | b".." => (parent, None),
        name => (parent, Some(OsStr::from_bytes(name).to_owned())),
    }
}

/// What a file system object inside a root is, by path: for owners.
///
/// # Errors
/// What the kernel says.
pub fn owner(root: &Root, path: &Path) -> io::Result<(u32, u32)> {
    let stat = root.lstat(path)?;
    Ok((stat.st_uid, stat.st_gid))
}

/// What is at a path relative to an open directory, a symlink not followed; `None` when nothing is.
///
/// # Errors
/// What the kernel says.
pub fn look(directory: impl AsFd, path: impl AsRef<Path>) -> io::Result<Option<Stat>> {
    match rustix::fs::statat(directory, path.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Make, Root, mount_id};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let inside = dir.path().join("root");
        fs::create_dir(&inside).expect("root");
        fs::write(dir.path().join("secret"), "outside").expect("file outside");
        let root = Root::open(&inside.canonicalize().expect("real path")).expect("open the root");
        (dir, root)
    }

    #[test]
    fn links_stay_inside() {
        let (dir, root) = root();
        let inside = dir.path().join("root");
        symlink("../secret", inside.join("up")).expect("link");
        symlink(dir.path().join("secret"), inside.join("absolute")).expect("link");
        for name in ["up", "absolute", "../secret", "/../secret"] {
            assert_eq!(root.read(name, 100).expect(name), None, "{name}");
        }
        fs::write(inside.join("secret"), "inside").expect("file inside");
        assert_eq!(root.read("up", 100).expect("up"), Some(b"inside".to_vec()));
        assert_eq!(root.read("../../secret", 100).expect("dots"), Some(b"inside".to_vec()));
        assert!(root.read("up", 5).is_err());
        assert!(root.read("/", 5).is_err());
    }

    #[test]
    fn missing_places_are_made_inside() {
        let (dir, root) = root();
        let inside = dir.path().join("root");
        symlink("/", inside.join("dev")).expect("link");
        symlink("/run/deep/down", inside.join("var")).expect("link");
        symlink("../../../x", inside.join("tmp")).expect("link");
        symlink("loop", inside.join("loop")).expect("link");

        root.ensure(Path::new("/a/b/../c/."), Make::Directory, &[]).expect("directories");
        assert!(inside.join("a/c").is_dir() && inside.join("a/b").is_dir());
        root.ensure(Path::new("/var/log/file"), Make::File(0o600), &[]).expect("through a dangling link");
        assert!(inside.join("run/deep/down/log/file").is_file());
        root.ensure(Path::new("tmp/y"), Make::Directory, &[]).expect("through dots");
        assert!(inside.join("x/y").is_dir());
        root.ensure(Path::new("dev/z"), Make::Directory, &[]).expect("through the root");
        assert!(inside.join("z").is_dir());
        assert!(root.ensure(Path::new("loop/x"), Make::Directory, &[]).is_err());
        assert!(root.ensure(Path::new("/z"), Make::File(0o600), &[]).is_err());
        assert!(root.ensure(Path::new("/run/deep/down/log/file"), Make::Directory, &[]).is_err());
        let here = [mount_id(&root).expect("mount")];
        let refused = root.ensure(Path::new("/new/x"), Make::Directory, &here).expect_err("foreign");
        assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        assert!(root.ensure(Path::new("/x"), Make::Directory, &here).is_ok());
        assert!(!inside.join("new").exists());
        let mut outside: Vec<_> =
            fs::read_dir(dir.path()).expect("list").map(|entry| entry.expect("entry").file_name()).collect();
        outside.sort();
        assert_eq!(outside, ["root", "secret"]);
    }

    #[test]
    fn a_root_is_no_symlink() {
        let (dir, _) = root();
        let link = dir.path().canonicalize().expect("real path").join("link");
        symlink("root", &link).expect("link");
        assert!(Root::open(&link).is_err());
    }
}
