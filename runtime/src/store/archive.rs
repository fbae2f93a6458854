//! Reading archives: where the image format's reader meets the store.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use appc::ImageId;
use appc::archive::{Entry, EntryKind, Limits, MANIFEST, ROOTFS, ReadError, ReadSummary, read_aci};
use rustix::fs::FileType;

use super::error::{StoreError, io_remedy};
use super::extract::ExtractOptions;
use super::extract::unpack::{Attributes, Unpacker};

/// Reads an archive to its end, checking everything, and writes it uncompressed to `copy`, the file at `path`.
pub(super) fn copy(
    input: impl Read,
    source: &str,
    path: &Path,
    copy: &mut dyn Write,
) -> Result<ReadSummary, StoreError> {
    read_aci(input, &Limits::default(), Some(copy), |_, _| Ok::<(), io::Error>(())).map_err(|error| {
        match error {
            ReadError::Input(error) => StoreError::io("cannot read", Path::new(source), error),
            ReadError::Tap(error) => StoreError::io("cannot write", path, error),
            refused => StoreError::Archive {
                image: source.to_owned(),
                hint: refused.hint().unwrap_or_default(),
                source: Box::new(refused),
            },
        }
    })
}

/// Unpacks a stored archive, makes sure that it still is what it was stored as, and returns the bytes in the files that
/// were unpacked.
pub(super) fn unpack(
    blob: &File,
    path: &Path,
    id: &ImageId,
    options: &ExtractOptions,
    whitelist: &[String],
    unpacker: &mut Unpacker,
) -> Result<u64, StoreError> {
    let damaged = |problem: String| StoreError::Damaged { id: *id, path: path.to_owned(), problem };
    let mut bytes = 0;
    let read = read_aci(blob, &Limits::default(), None, |entry, content| {
        let Some(place) = place(&entry.path, options) else { return Ok(()) };
        if options.rendered && !is_listed(entry, whitelist) {
            return Ok(());
        }
        bytes += make(unpacker, place, entry, content, options)?;
        Ok::<(), io::Error>(())
    });
    match read {
        Ok(summary) if summary.id == *id => Ok(bytes),
        Ok(summary) => Err(damaged(format!("image hash does not match expected ({} != {id})", summary.id))),
        Err(ReadError::Visit { entry, source }) => Err(StoreError::Entry {
            image: *id,
            entry: String::from_utf8_lossy(&entry).into_owned(),
            problem: format!("{source}{}", io_remedy(&source)),
        }),
        Err(ReadError::Input(error) | ReadError::Tap(error)) => {
            Err(StoreError::io("cannot read the image", path, error))
        }
        Err(refused @ ReadError::Refused { .. }) => Err(damaged(refused.to_string())),
    }
}

/// Where an entry goes, relative to the directory; nothing if it is not wanted.
fn place<'a>(path: &'a [u8], options: &ExtractOptions) -> Option<&'a [u8]> {
    let below = below_rootfs(path);
    match (options.rootfs_only, options.rendered) {
        (true, _) => below,
        (false, true) => (below.is_some() || path == MANIFEST.as_bytes()).then_some(path),
        (false, false) => Some(path),
    }
}

/// The path inside the image's root, empty for the root itself; nothing outside of it.
fn below_rootfs(path: &[u8]) -> Option<&[u8]> {
    match path.strip_prefix(ROOTFS.as_bytes())? {
        [] => Some(&[]),
        [b'/', below @ ..] => Some(below),
        _ => None,
    }
}

/// True unless the image has a whitelist and does not name this entry. Directories are always kept.
fn is_listed(entry: &Entry, whitelist: &[String]) -> bool {
    if whitelist.is_empty() || entry.kind == EntryKind::Directory {
        return true;
    }
    let Some(below) = below_rootfs(&entry.path) else { return true };
    let Ok(below) = std::str::from_utf8(below) else { return false };
    whitelist.binary_search_by(|listed| listed.trim_matches('/').cmp(below)).is_ok()
}

fn make(
    unpacker: &mut Unpacker,
    place: &[u8],
    entry: &Entry,
    content: &mut dyn Read,
    options: &ExtractOptions,
) -> io::Result<u64> {
    let attributes = Attributes {
        mode: entry.mode,
        uid: id_of(entry.uid)?,
        gid: id_of(entry.gid)?,
        mtime: i64::try_from(entry.mtime).unwrap_or(i64::MAX),
        xattrs: &entry.xattrs,
    };
    match &entry.kind {
        EntryKind::Directory => unpacker.directory(place, &attributes)?,
        EntryKind::File { .. } => return unpacker.file(place, &attributes, content),
        EntryKind::Symlink { target } => unpacker.symlink(place, &attributes, target)?,
        EntryKind::Hardlink { target } => {
            let target = if options.rootfs_only { below_rootfs(target).unwrap_or(target) } else { target };
            unpacker.hard_link(place, target)?;
        }
        EntryKind::CharDevice { major, minor } => {
            unpacker.node(place, &attributes, FileType::CharacterDevice, (*major, *minor))?;
        }
        EntryKind::BlockDevice { major, minor } => {
            unpacker.node(place, &attributes, FileType::BlockDevice, (*major, *minor))?;
        }
        EntryKind::Fifo => unpacker.node(place, &attributes, FileType::Fifo, (0, 0))?,
    }
    Ok(0)
}

fn id_of(id: u64) -> io::Result<u32> {
    // The largest value means "unchanged" to the kernel.
    u32::try_from(id).ok().filter(|id| *id != u32::MAX).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("its owner {id} is not an ID that Linux knows"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let raw = ExtractOptions::raw();
        let rendered = ExtractOptions::rendered();
        let rootfs_only = ExtractOptions { rootfs_only: true, ..rendered };
        for (path, in_raw, in_rendered, in_rootfs_only) in [
            ("manifest", Some("manifest"), Some("manifest"), None),
            ("rootfs", Some("rootfs"), Some("rootfs"), Some("")),
            ("rootfs/bin/sh", Some("rootfs/bin/sh"), Some("rootfs/bin/sh"), Some("bin/sh")),
            ("rootfsx", Some("rootfsx"), None, None),
            ("other", Some("other"), None, None),
        ] {
            let at =
                |options| place(path.as_bytes(), options).map(|place| std::str::from_utf8(place).unwrap());
            assert_eq!(
                (at(&raw), at(&rendered), at(&rootfs_only)),
                (in_raw, in_rendered, in_rootfs_only),
                "{path}"
            );
        }
    }

    #[test]
    fn whitelists_keep_directories_and_what_they_name() {
        let list = ["/bin/sh".to_owned(), "/etc/passwd".to_owned()];
        let entry = |path: &str, kind| Entry::new(path, kind, 0o755, 0);
        assert!(is_listed(&entry("rootfs/bin/sh", EntryKind::Fifo), &list));
        assert!(!is_listed(&entry("rootfs/bin/ls", EntryKind::Fifo), &list));
        assert!(is_listed(&entry("rootfs/usr", EntryKind::Directory), &list));
        assert!(is_listed(&entry("manifest", EntryKind::Fifo), &list));
        assert!(is_listed(&entry("rootfs/bin/ls", EntryKind::Fifo), &[]));
    }
}
