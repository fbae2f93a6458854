//! Copying a directory of an app's image into a volume.

use crate::failure::{Failure, at};
use pod::root::Root;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// How deep directories may lie.
const DEPTH: usize = 256;

/// Copies what an image has at `path` into an empty directory, which gets its owner and mode too.
/// Nothing happens when the image has no directory there.
pub(super) fn fill_from_image(root: &Root, path: &Path, volume: &Path) -> Result<(), Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let from = match root.open_file(path, flags) {
        Ok(from) => from,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(at("open", &root.outside(path))(error)),
    };
    let to = rustix::fs::open(volume, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        .map_err(at("open", volume))?;
    copy_directory(&from, &to, 0).map_err(at("copy what the image has into", volume))
}

fn copy_directory(from: &OwnedFd, to: &OwnedFd, depth: usize) -> io::Result<()> {
    if depth > DEPTH {
        return Err(io::Error::other(format!("directories lie more than {DEPTH} deep")));
    }
    for entry in Dir::read_from(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        copy_entry(from, to, name, depth)?;
    }
    // Last, because changing the content changes the times.
    let stat = rustix::fs::fstat(from)?;
    rustix::fs::fchown(to, owner(&stat).0, owner(&stat).1)?;
    rustix::fs::fchmod(to, mode(&stat))?;
    rustix::fs::futimens(to, &times(&stat))?;
    Ok(())
}

fn copy_entry(from: &OwnedFd, to: &OwnedFd, name: &CStr, depth: usize) -> io::Result<()> {
    let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    match kind {
        FileType::Directory => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            rustix::fs::mkdirat(to, name, Mode::RWXU)?;
            let inner = rustix::fs::openat(from, name, flags, Mode::empty())?;
            let made = rustix::fs::openat(to, name, flags, Mode::empty())?;
            return copy_directory(&inner, &made, depth + 1);
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let mut read = File::from(rustix::fs::openat(from, name, flags, Mode::empty())?);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let mut written = File::from(rustix::fs::openat(to, name, flags, Mode::RUSR | Mode::WUSR)?);
            io::copy(&mut read, &mut written)?;
        }
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(from, name, Vec::new())?;
            rustix::fs::symlinkat(target.as_c_str(), to, name)?;
        }
        // A socket has no meaning without its server.
        FileType::Socket | FileType::Unknown => return Ok(()),
        node => rustix::fs::mknodat(to, name, node, mode(&stat), stat.st_rdev)?,
    }
    let (uid, gid) = owner(&stat);
    rustix::fs::chownat(to, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
    if kind != FileType::Symlink {
        match rustix::fs::chmodat(to.as_fd(), name, mode(&stat), AtFlags::empty()) {
            Ok(()) | Err(Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    rustix::fs::utimensat(to, name, &times(&stat), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}

fn owner(stat: &Stat) -> (Option<rustix::fs::Uid>, Option<rustix::fs::Gid>) {
    (Some(rustix::fs::Uid::from_raw(stat.st_uid)), Some(rustix::fs::Gid::from_raw(stat.st_gid)))
}

fn mode(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode & 0o7777)
}

fn times(stat: &Stat) -> rustix::fs::Timestamps {
    let time = |seconds, nanoseconds| rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    rustix::fs::Timestamps {
        last_access: time(stat.st_atime, nanoseconds(stat.st_atime_nsec)),
        last_modification: time(stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
    }
}

/// Unsigned in what the kernel tells and signed in what it takes.
fn nanoseconds(told: u64) -> i64 {
    told.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::fill_from_image;
    use pod::root::Root;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    #[test]
    fn content_modes_and_links_are_kept() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let image = dir.path().canonicalize().expect("real path").join("image");
        fs::create_dir_all(image.join("data/sub")).expect("directories");
        fs::write(image.join("data/sub/file"), "content").expect("file");
        fs::set_permissions(image.join("data/sub/file"), fs::Permissions::from_mode(0o4711)).expect("mode");
        fs::set_permissions(image.join("data"), fs::Permissions::from_mode(0o1777)).expect("mode");
        symlink("/etc/passwd", image.join("data/link")).expect("link");
        let volume = dir.path().join("volume");
        fs::create_dir(&volume).expect("volume");
        let root = Root::open(&image).expect("root");
        fill_from_image(&root, Path::new("/data"), &volume).expect("copy");
        assert_eq!(fs::read(volume.join("sub/file")).expect("file"), b"content");
        assert_eq!(fs::metadata(volume.join("sub/file")).expect("file").mode() & 0o7777, 0o4711);
        assert_eq!(fs::metadata(&volume).expect("volume").mode() & 0o7777, 0o1777);
        assert_eq!(fs::read_link(volume.join("link")).expect("link"), Path::new("/etc/passwd"));
        fill_from_image(&root, Path::new("/none"), &volume).expect("nothing to copy");
    }
}
