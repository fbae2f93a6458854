//! Unpacking a stored image into a directory.
//!
//! The archive is hashed while it is unpacked, so that a blob that was damaged on disk never becomes a tree that
//! somebody runs.

pub(super) mod unpack;

use std::fs::File;
use std::io;
use std::path::Path;

use appc::{ImageId, ImageManifest};

use super::Store;
use super::archive;
use super::error::StoreError;

/// User and group IDs moved by a fixed distance, for pods with their own ID range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerShift {
    /// Added to every ID.
    pub shift: u32,
    /// IDs from 0 to below this may be used; 0 stands for all.
    pub count: u32,
}

impl OwnerShift {
    /// IDs as they are.
    pub const NONE: OwnerShift = OwnerShift { shift: 0, count: 0 };

    /// The ID that an ID of the host has inside the pod. One outside of the pod's range was never shifted: the host
    /// itself made the file.
    pub fn undo(self, id: u32) -> u32 {
        match id.checked_sub(self.shift) {
            Some(inside) if self.count == 0 || inside < self.count => inside,
            _ => id,
        }
    }

    fn apply(self, id: u32) -> io::Result<u32> {
        if self.count != 0 && id >= self.count {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("belongs to ID {id}, but the pod's range has only {} IDs", self.count),
            ));
        }
        id.checked_add(self.shift).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("belongs to ID {id}, too large to be shifted"))
        })
    }
}

/// How to unpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtractOptions {
    /// Only what is below `rootfs`, and that directly in the directory.
    pub rootfs_only: bool,
    /// As pods see it: only `manifest` and `rootfs`, and only files in the image's path whitelist. Otherwise everything
    /// in the archive as it is.
    pub rendered: bool,
    /// Whom the files belong to.
    pub owners: OwnerShift,
}

impl ExtractOptions {
    /// The archive as it is.
    pub fn raw() -> ExtractOptions {
        ExtractOptions { rootfs_only: false, rendered: false, owners: OwnerShift::NONE }
    }

    /// The image as pods see it.
    pub fn rendered() -> ExtractOptions {
        ExtractOptions { rendered: true, ..ExtractOptions::raw() }
    }
}

/// Refuses what cannot be rendered yet: an image that needs others.
pub(super) fn check_renderable(store: &Store, id: &ImageId) -> Result<ImageManifest, StoreError> {
    let manifest = store.manifest(id)?;
    if manifest.dependencies.is_empty() {
        return Ok(manifest);
    }
    let names: Vec<_> = manifest.dependencies.iter().map(|one| one.image_name.to_string()).collect();
    Err(StoreError::Dependencies { image: manifest.name.to_string(), dependencies: names.join(", ") })
}

/// Unpacks a stored image into `dir`, an existing empty directory, and returns the bytes in its files.
///
/// # Errors
/// If the archive is damaged, an entry cannot be made, or the image needs others. What was unpacked until then stays; the
/// caller removes it.
pub fn extract(store: &Store, id: &ImageId, dir: &Path, options: &ExtractOptions) -> Result<u64, StoreError> {
    let mut whitelist = Vec::new();
    if options.rendered {
        whitelist = check_renderable(store, id)?.path_whitelist;
        whitelist.sort_unstable_by(|a, b| a.trim_matches('/').cmp(b.trim_matches('/')));
    }
    let (blob, _lock) = store.open_blob(id)?;
    let root = File::open(dir).map_err(|source| StoreError::io("cannot open", dir, source))?;
    let mut unpacker = unpack::Unpacker::new(root.into(), options.owners)
        .map_err(|source| StoreError::io("cannot open", dir, source))?;
    let blob_path = store.blob_path(id);
    let bytes = archive::unpack(&blob, &blob_path, id, options, &whitelist, &mut unpacker)?;
    unpacker
        .finish()
        .map_err(|source| StoreError::io("cannot set owners, modes and times in", dir, source))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::OwnerShift;

    #[test]
    fn owners_are_moved_there_and_back() {
        let owners = OwnerShift { shift: 65536, count: 65536 };
        for (inside, outside) in [(0, 65536), (1000, 66536), (65535, 131_071)] {
            assert_eq!(owners.apply(inside).unwrap(), outside);
            assert_eq!(owners.undo(outside), inside);
            assert_eq!(OwnerShift::NONE.apply(inside).unwrap(), inside);
            assert_eq!(OwnerShift::NONE.undo(outside), outside);
        }
        assert!(owners.apply(65536).is_err());
        assert_eq!((owners.undo(0), owners.undo(131_072)), (0, 131_072));
    }
}
