//! Directories that are open while an archive is unpacked.
//!
//! Archives list the files of a directory one after another, so the directories on the way to the last entry are kept
//! open and only what differs is opened. Each step opens one name below an open directory and follows no link,
//! so nothing that the archive made can lead outside.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// The open directories from the root down to one directory.
#[derive(Debug)]
pub(crate) struct OpenDirs {
    root: OwnedFd,
    below: Vec<(Vec<u8>, OwnedFd)>,
}

impl OpenDirs {
    pub(crate) fn new(root: OwnedFd) -> OpenDirs {
        OpenDirs { root, below: Vec::new() }
    }

    /// The same root, with nothing open below it.
    pub(crate) fn another(&self) -> std::io::Result<OpenDirs> {
        Ok(OpenDirs::new(self.root.try_clone()?))
    }

    /// Opens the directory at `path` (components separated by `/`, empty for the root). What is missing is made with
    /// mode 0755 if `make` says so.
    pub(crate) fn enter(&mut self, path: &[u8], make: bool) -> Result<BorrowedFd<'_>, Errno> {
        let mut depth = 0;
        let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).peekable();
        while let (Some((name, _)), Some(part)) = (self.below.get(depth), parts.peek()) {
            if name != part {
                break;
            }
            depth += 1;
            parts.next();
        }
        self.below.truncate(depth);
        for part in parts {
            let parent = self.here();
            let dir = match open_dir(parent, part) {
                Err(Errno::NOENT) if make => {
                    rustix::fs::mkdirat(parent, part, Mode::from_raw_mode(0o700))?;
                    let dir = open_dir(parent, part)?;
                    rustix::fs::fchmod(&dir, Mode::from_raw_mode(0o755))?;
                    dir
                }
                opened => opened?,
            };
            self.below.push((part.to_vec(), dir));
        }
        Ok(self.here())
    }

    /// The directory that was entered last.
    fn here(&self) -> BorrowedFd<'_> {
        self.below.last().map_or(self.root.as_fd(), |(_, dir)| dir.as_fd())
    }
}

fn open_dir(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    if name == b".." || name == b"." {
        return Err(Errno::INVAL);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Parent and last component of a path.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_down_and_over_but_never_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::File::open(dir.path()).unwrap();
        let mut dirs = OpenDirs::new(root.into());
        dirs.enter(b"a/b/c", true).unwrap();
        dirs.enter(b"a/d", true).unwrap();
        assert!(dir.path().join("a/b/c").is_dir() && dir.path().join("a/d").is_dir());
        assert_eq!(dirs.enter(b"a/x", false).unwrap_err(), Errno::NOENT);
        std::os::unix::fs::symlink("/tmp", dir.path().join("a/link")).unwrap();
        assert!(dirs.enter(b"a/link", true).is_err());
        assert!(dirs.enter(b"a/..", true).is_err());
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"c"), (&b""[..], &b"c"[..]));
    }
}
