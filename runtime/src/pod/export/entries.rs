//! What is below a directory, as entries of an image.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{BorrowedFd, OwnedFd};

use appc::archive::{AciWriter, Entry, EntryKind, Limits, ROOTFS, WriteError};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::error::Failure;
use crate::open_dirs::{OpenDirs, split};
use crate::store::OwnerShift;

/// All that is below a directory, in the order of its paths.
#[derive(Debug)]
pub(super) struct Found {
    dirs: OpenDirs,
    root: Stat,
    /// Paths from the directory on, without a slash at either end.
    below: Vec<(Vec<u8>, Stat)>,
}

/// Finds everything. Links are not followed.
pub(super) fn collect(root: &OwnedFd) -> Result<Found, Failure> {
    let limits = Limits::default();
    let about = rustix::fs::fstat(root).map_err(|errno| failed(b"", errno))?;
    let top = root.try_clone().map_err(|error| failed(b"", error))?;
    let mut found = Found { dirs: OpenDirs::new(top), root: about, below: Vec::new() };
    let mut todo = vec![Vec::new()];
    while let Some(dir) = todo.pop() {
        if dir.split(|byte| *byte == b'/').count() >= limits.depth {
            return Err(failed(&dir, io::Error::other("too deep for an image")));
        }
        let here = found.dirs.enter(&dir, false).map_err(|errno| failed(&dir, errno))?;
        for (name, about) in list(here).map_err(|errno| failed(&dir, errno))? {
            let mut path = dir.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            if kind(&about) == FileType::Directory {
                todo.push(path.clone());
            }
            found.below.push((path, about));
        }
        if found.below.len() as u64 >= limits.entries {
            return Err(failed(b"", io::Error::other("more files than an image can hold")));
        }
    }
    found.below.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn list(dir: BorrowedFd<'_>) -> Result<Vec<(Vec<u8>, Stat)>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            let about = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
            names.push((name.to_bytes().to_vec(), about));
        }
    }
    Ok(names)
}

impl Found {
    /// When the directory was last changed, in seconds since 1970.
    pub(super) fn time(&self) -> u64 {
        time(&self.root)
    }

    /// Writes everything below `rootfs`.
    pub(super) fn write<W: Write>(
        mut self,
        writer: &mut AciWriter<W>,
        owners: OwnerShift,
    ) -> Result<(), Failure> {
        let root = entry(b"", EntryKind::Directory, &self.root, owners);
        put(writer, &root, &mut io::empty())?;
        // The first path of each file that has several.
        let mut names = HashMap::<(u64, u64), Vec<u8>>::new();
        for (path, about) in self.below {
            let (parent, name) = split(&path);
            let parent = self.dirs.enter(parent, false).map_err(|errno| failed(&path, errno))?;
            let identity = (about.st_dev, about.st_ino);
            let of = |kind: EntryKind| entry(&path, kind, &about, owners);
            let (major, minor) = (rustix::fs::major(about.st_rdev), rustix::fs::minor(about.st_rdev));
            let entry = match kind(&about) {
                FileType::Directory => of(EntryKind::Directory),
                FileType::RegularFile => {
                    if let Some(first) = names.get(&identity) {
                        of(EntryKind::Hardlink { target: in_image(first) })
                    } else {
                        put_file(writer, parent, name, &path, owners)?;
                        if about.st_nlink > 1 {
                            names.insert(identity, path);
                        }
                        continue;
                    }
                }
                FileType::Symlink => {
                    let target = rustix::fs::readlinkat(parent, name, Vec::new());
                    let target = target.map_err(|errno| failed(&path, errno))?.into_bytes();
                    of(EntryKind::Symlink { target })
                }
                FileType::CharacterDevice => of(EntryKind::CharDevice { major, minor }),
                FileType::BlockDevice => of(EntryKind::BlockDevice { major, minor }),
                FileType::Fifo => of(EntryKind::Fifo),
                _ => {
                    eprintln!("export: leaving out {}: an image holds no sockets", shown(&path));
                    continue;
                }
            };
            put(writer, &entry, &mut io::empty())?;
        }
        Ok(())
    }
}

fn put_file<W: Write>(
    writer: &mut AciWriter<W>,
    parent: BorrowedFd<'_>,
    name: &[u8],
    path: &[u8],
    owners: OwnerShift,
) -> Result<(), Failure> {
    let open = || -> io::Result<(File, Entry)> {
        // Without waiting, should it have become a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(parent, name, flags, Mode::empty())?);
        let about = rustix::fs::fstat(&file)?;
        if kind(&about) != FileType::RegularFile {
            return Err(io::Error::other("it changed meanwhile"));
        }
        let size = u64::try_from(about.st_size).unwrap_or(0);
        let mut entry = entry(path, EntryKind::File { size }, &about, owners);
        read_attributes(&file, &mut entry, owners)?;
        Ok((file, entry))
    };
    let (mut file, entry) = open().map_err(|error| failed(path, error))?;
    put(writer, &entry, &mut file)
}

/// The extended attributes that an image keeps: those of users, and capabilities.
fn read_attributes(file: &File, entry: &mut Entry, owners: OwnerShift) -> io::Result<()> {
    let mut names = vec![0; ATTRIBUTE_LIMIT];
    let length = match rustix::fs::flistxattr(file, &mut names[..]) {
        Err(Errno::NOTSUP) => return Ok(()),
        length => length?,
    };
    for name in names[..length].split(|byte| *byte == 0) {
        if name.starts_with(b"user.") || name == CAPABILITY {
            let mut value = vec![0; ATTRIBUTE_LIMIT];
            let size = rustix::fs::fgetxattr(file, name, &mut value[..])?;
            value.truncate(size);
            value.shrink_to_fit();
            let value = if name == CAPABILITY { without_root(value, owners) } else { value };
            entry.xattrs.insert(name.to_vec(), value);
        }
    }
    Ok(())
}

/// What the kernel allows the names of a file's attributes together, and each value (`XATTR_LIST_MAX`,
/// `XATTR_SIZE_MAX`).
const ATTRIBUTE_LIMIT: usize = 64 << 10;

const CAPABILITY: &[u8] = b"security.capability";
/// Revisions of `struct vfs_ns_cap_data` in `<linux/capability.h>`, in the top byte of its first word; the third has the
/// root user of the namespace that it is for at its end.
const REVISION_2: u8 = 2;
const REVISION_3: u8 = 3;
const SIZE_3: usize = 24;

/// Capabilities that were set inside the pod's user namespace, for any namespace.
fn without_root(mut value: Vec<u8>, owners: OwnerShift) -> Vec<u8> {
    if let [.., a, b, c, d] = value[..]
        && value.len() == SIZE_3
        && value[3] == REVISION_3
        && u32::from_le_bytes([a, b, c, d]) == owners.shift
    {
        value[3] = REVISION_2;
        value.truncate(SIZE_3 - 4);
    }
    value
}

fn put<W: Write>(
    writer: &mut AciWriter<W>,
    entry: &Entry,
    content: &mut dyn io::Read,
) -> Result<(), Failure> {
    writer.entry(entry, content).map_err(|error| match error {
        WriteError::Output(_) => error.into(),
        _ => Failure::from(error).within("cannot export the app"),
    })
}

/// An entry of a path below the directory.
fn entry(path: &[u8], kind: EntryKind, about: &Stat, owners: OwnerShift) -> Entry {
    let mut entry = Entry::new(in_image(path), kind, about.st_mode & 0o7777, time(about));
    entry.uid = owners.undo(about.st_uid).into();
    entry.gid = owners.undo(about.st_gid).into();
    entry
}

fn in_image(path: &[u8]) -> Vec<u8> {
    if path.is_empty() { ROOTFS.into() } else { [ROOTFS.as_bytes(), b"/", path].concat() }
}

fn time(about: &Stat) -> u64 {
    about.st_mtime.try_into().unwrap_or(0)
}

fn kind(about: &Stat) -> FileType {
    FileType::from_raw_mode(about.st_mode)
}

fn shown(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path).escape_debug())
}

fn failed(path: &[u8], error: impl Into<io::Error>) -> Failure {
    Failure::from(error.into()).within(format!("cannot export {}", shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_of_a_pod_s_own_namespace_become_general_ones() {
        let owners = OwnerShift { shift: 65536, count: 65536 };
        let of = |revision: u8, root: u32| {
            let mut value = vec![1, 0, 0, revision];
            value.extend([7; 16]);
            value.extend(root.to_le_bytes());
            value
        };
        let general = without_root(of(3, 65536), owners);
        assert_eq!((general.len(), general[3]), (20, 2));
        assert_eq!(without_root(of(3, 1), owners), of(3, 1));
        assert_eq!(without_root(general.clone(), owners), general);
        assert_eq!(without_root(Vec::new(), owners), [0; 0]);
    }
}
