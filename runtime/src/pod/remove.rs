//! Removing the directory of a pod, whatever its app has left there.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

/// Removes a directory and everything in it; one that is not there is none.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let result = match fs::remove_dir_all(path) {
        // That holds a file open for each level, and an app can go deeper than that.
        Err(error) if is_too_many(&error) => remove_deep(path).map_err(io::Error::from),
        other => other,
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        Ok(()) => Ok(()),
    }
}

fn is_too_many(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// The same with three open files at most, however deep it goes. No link is followed, and the way up is checked: somebody
/// who moves a directory meanwhile does not lead us out.
fn remove_deep(path: &Path) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut here = rustix::fs::open(path, flags, Mode::empty())?;
    // Name of each directory on the way, and what its parent is.
    let mut way: Vec<(CString, (u64, u64))> = Vec::new();
    loop {
        if let Some(name) = remove_until_directory(&here)? {
            let child = rustix::fs::openat(&here, &name, flags, Mode::empty())?;
            way.push((name, identity(&here)?));
            here = child;
            continue;
        }
        let Some((name, parent)) = way.pop() else { return rustix::fs::rmdir(path) };
        let above = rustix::fs::openat(&here, c"..", flags, Mode::empty())?;
        if identity(&above)? != parent {
            return Err(Errno::BUSY);
        }
        rustix::fs::unlinkat(&above, &name, AtFlags::REMOVEDIR)?;
        here = above;
    }
}

/// Removes what is in a directory until it is empty, or up to a directory that is not: its name.
fn remove_until_directory(dir: &OwnedFd) -> Result<Option<CString>, Errno> {
    loop {
        let mut empty = true;
        for entry in Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            empty = false;
            if !remove_one(dir, name)? {
                return Ok(Some(name.to_owned()));
            }
        }
        // Removing while reading may pass something over.
        if empty {
            return Ok(None);
        }
    }
}

/// `false` for a directory that is not empty.
fn remove_one(dir: &OwnedFd, name: &CStr) -> Result<bool, Errno> {
    match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOTEMPTY | Errno::EXIST) => return Ok(false),
        Err(Errno::NOTDIR) => {}
        other => return other.map(|()| true),
    }
    rustix::fs::unlinkat(dir, name, AtFlags::empty()).map(|()| true)
}

fn identity(fd: impl AsFd) -> Result<(u64, u64), Errno> {
    rustix::fs::fstat(fd).map(|stat| (stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_and_wide_trees_go_and_links_are_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let (tree, other) = (place.path().join("tree"), place.path().join("other"));
        fs::create_dir_all(other.join("kept")).unwrap();
        let mut dir = tree.clone();
        for level in 0..200 {
            fs::create_dir(&dir).unwrap();
            std::os::unix::fs::symlink(&other, dir.join("link")).unwrap();
            for name in 0..level % 7 {
                fs::write(dir.join(format!("file{name}")), "x").unwrap();
                fs::create_dir_all(dir.join(format!("{name}/below"))).unwrap();
            }
            dir.push("d");
        }
        remove_deep(&tree).unwrap();
        assert!(!tree.exists());
        assert!(other.join("kept").exists());
    }
}
