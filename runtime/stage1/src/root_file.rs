//! Writing files inside a root: whatever links an image holds, nothing outside is touched.

use crate::failure::{Failure, at};
use pod::root::{Make, Root, is_file};
use rustix::fs::{AtFlags, Dir, OFlags};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Writes a file inside a root, making what leads to it.
pub(crate) fn write(root: &Root, path: &Path, content: &[u8]) -> Result<(), Failure> {
    let outside = root.outside(path);
    root.ensure(path, Make::File(0o644), &[]).map_err(at("make", &outside))?;
    replace(root, path, content).map_err(at("write", &outside))
}

/// Removes a file inside a root, if it is there.
pub(crate) fn remove(root: &Root, path: &Path) -> Result<(), Failure> {
    unlink(root, path, AtFlags::empty()).map_err(at("remove", &root.outside(path)))
}

/// Removes a directory inside a root with the files in it, if it is there.
pub(crate) fn remove_directory(root: &Root, path: &Path) -> Result<(), Failure> {
    let outside = root.outside(path);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let directory = match root.open_file(path, flags) {
        Ok(directory) => directory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at("open", &outside)(error)),
    };
    let emptied = Dir::read_from(&directory).and_then(|entries| {
        for entry in entries {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                rustix::fs::unlinkat(&directory, entry.file_name(), AtFlags::empty())?;
            }
        }
        Ok(())
    });
    emptied.map_err(at("empty", &outside))?;
    unlink(root, path, AtFlags::REMOVEDIR).map_err(at("remove", &outside))
}

fn unlink(root: &Root, path: &Path, flags: AtFlags) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("/"),
    };
    let removed = root
        .open_file(parent, OFlags::PATH | OFlags::DIRECTORY)
        .and_then(|parent| Ok(rustix::fs::unlinkat(parent, name, flags)?));
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Replaces the content of a regular file inside a root.
fn replace(root: &Root, path: &Path, content: &[u8]) -> io::Result<()> {
    open_anew(root, path)?.write_all(content)
}

/// Opens a regular file inside a root that is there, and empties it.
pub(crate) fn open_anew(root: &Root, path: &Path) -> io::Result<File> {
    // Not truncated before it is known to be a file.
    let fd = root.open_file(path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    if !is_file(&rustix::fs::fstat(&fd)?) {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::from(fd);
    file.set_len(0)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::{remove, remove_directory};
    use pod::root::Root;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn nothing_outside_is_removed() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let inside = dir.path().canonicalize().expect("real path").join("root");
        fs::create_dir_all(inside.join("d/e")).expect("directories");
        fs::create_dir(dir.path().join("other")).expect("directory");
        for path in ["secret", "other/file", "root/file", "root/d/e/file"] {
            fs::write(dir.path().join(path), "").expect(path);
        }
        symlink("../secret", inside.join("link")).expect("link");
        symlink("../other", inside.join("up")).expect("link");
        symlink("../../../other/file", inside.join("d/e/link")).expect("link");
        let root = Root::open(&inside).expect("root");
        for path in ["file", "link", "missing", "missing/file", "../secret", "up/file", "../other/file"] {
            remove(&root, Path::new(path)).expect(path);
        }
        assert!(remove_directory(&root, Path::new("up")).is_err());
        for path in ["d/e", "missing", "missing/d", "../other"] {
            remove_directory(&root, Path::new(path)).expect(path);
        }
        assert!(
            !inside.join("file").exists()
                && !inside.join("link").is_symlink()
                && !inside.join("d/e").exists()
        );
        assert!(dir.path().join("secret").exists() && dir.path().join("other/file").exists());
        // Only what has files alone in it.
        fs::create_dir(inside.join("d/f")).expect("directory");
        assert!(remove_directory(&root, Path::new("d")).is_err());
        assert!(inside.join("d/f").exists());
    }
}
