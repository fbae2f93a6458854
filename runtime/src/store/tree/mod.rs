//! The tree store: images rendered into directories that pods can be mounted from.
//!
//! `cas/tree/<ID>` holds `manifest`, `rootfs/`, `hash` (what the tree was when it was rendered), `image` (the image's ID)
//! and last of all the empty `rendered`. A tree without `rendered` is a broken-off one: it is removed and rendered
//! anew. Whoever renders or removes holds the tree's lock alone.

mod hash;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use appc::{ImageId, InvalidImageId};
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha512};

use super::Store;
use super::error::StoreError;
use super::extract::{self, ExtractOptions};
use super::layout::Layout;
use super::lock::{KeyLock, Sharing};

/// There when the tree is complete.
const RENDERED: &str = "rendered";
/// Holds the hash of the tree.
const HASH: &str = "hash";
/// Holds the ID of the image.
const IMAGE: &str = "image";
/// The image manifest.
const MANIFEST: &str = "manifest";

/// Name of a rendered tree: `deps-` and a hash over the IDs of the images in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeStoreId(ImageId);

impl TreeStoreId {
    /// The tree of an image without dependencies.
    pub fn of(image: &ImageId) -> TreeStoreId {
        TreeStoreId(ImageId::from_sha512(&Sha512::digest(image.to_string().as_bytes()).into()))
    }
}

impl fmt::Display for TreeStoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deps-{}", self.0)
    }
}

impl FromStr for TreeStoreId {
    type Err = InvalidImageId;

    fn from_str(text: &str) -> Result<TreeStoreId, InvalidImageId> {
        let key = text.strip_prefix("deps-").ok_or_else(|| InvalidImageId(text.to_owned()))?;
        Ok(TreeStoreId(key.parse()?))
    }
}

/// Whether a tree is what was rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Sound,
    /// There is no complete tree.
    NotRendered,
    /// Something in it was changed, and in which way that shows.
    Changed(String),
}

/// The trees of one store.
#[derive(Debug)]
pub struct TreeStore<'a> {
    store: &'a Store,
}

impl<'a> TreeStore<'a> {
    pub(super) fn new(store: &'a Store) -> TreeStore<'a> {
        TreeStore { store }
    }

    fn layout(&self) -> &'a Layout {
        &self.store.layout
    }

    /// Where a tree is, rendered or not.
    pub fn path(&self, id: &TreeStoreId) -> PathBuf {
        self.layout().trees().join(id.to_string())
    }

    /// The root file system of a tree.
    pub fn rootfs(&self, id: &TreeStoreId) -> PathBuf {
        self.path(id).join("rootfs")
    }

    /// True if the tree is there and complete.
    pub fn is_rendered(&self, id: &TreeStoreId) -> bool {
        self.path(id).join(RENDERED).exists()
    }

    /// Makes sure that the tree of a stored image is there, and returns its name. A tree that is complete costs one
    /// look; the image is not read.
    pub fn render(&self, image: &ImageId) -> Result<TreeStoreId, StoreError> {
        let id = TreeStoreId::of(image);
        if self.is_rendered(&id) {
            return Ok(id);
        }
        let _lock = self.lock(&id)?;
        if !self.is_rendered(&id) {
            self.render_locked(image, &id)?;
        }
        Ok(id)
    }

    /// Renders the tree of a stored image even if there is one.
    pub fn render_again(&self, image: &ImageId) -> Result<TreeStoreId, StoreError> {
        let id = TreeStoreId::of(image);
        let _lock = self.lock(&id)?;
        self.render_locked(image, &id)?;
        Ok(id)
    }

    fn render_locked(&self, image: &ImageId, id: &TreeStoreId) -> Result<(), StoreError> {
        let path = self.path(id);
        remove_locked(&path)?;
        // Checked before anything is written: a refusal should leave nothing.
        extract::check_renderable(self.store, image)?;
        let rendered = self.write_tree(image, &path);
        if rendered.is_err() {
            // What is left after a failure here is as good as a tree broken off by a kill.
            let _ = fs::remove_dir_all(&path);
        }
        let size = rendered?;
        self.store.with_index(|index| index.set_tree_size(image, size))
    }

    fn write_tree(&self, image: &ImageId, path: &Path) -> Result<u64, StoreError> {
        super::layout::make_dir(path, 0o755)?;
        let size = extract::extract(self.store, image, path, &ExtractOptions::rendered())?;
        let dir = fs::File::open(path).map_err(|source| StoreError::io("cannot open", path, source))?;
        let to_disk = |error: io::Error| StoreError::io("cannot write to disk", path, error);
        // `rendered` must not reach the disk before the files. One call for the whole file system instead of one a
        // file, and the disk works while the processor hashes.
        let hash = std::thread::scope(|scope| {
            let sync = scope.spawn(|| rustix::fs::syncfs(&dir));
            let hash = hash::tree_hash(path);
            let synced = sync.join().unwrap_or(Err(rustix::io::Errno::IO));
            synced.map_err(|error| to_disk(error.into())).and(hash)
        })?;
        for (name, content) in [(HASH, hash), (IMAGE, *image)] {
            let name = path.join(name);
            let file = write_file(&name, content.to_string().as_bytes())?;
            file.sync_data().map_err(|source| StoreError::io("cannot write to disk", &name, source))?;
        }
        dir.sync_all().map_err(to_disk)?;
        write_file(&path.join(RENDERED), b"")?;
        Ok(size)
    }

    /// Compares a tree with what was rendered.
    pub fn verify(&self, id: &TreeStoreId) -> Result<Verdict, StoreError> {
        let _lock = KeyLock::wait(&self.layout().tree_locks(), &id.to_string(), Sharing::Shared)?;
        if !self.is_rendered(id) {
            return Ok(Verdict::NotRendered);
        }
        let path = self.path(id);
        let expected = match fs::read_to_string(path.join(HASH)) {
            Ok(text) => text,
            Err(error) => return Ok(Verdict::Changed(format!("its hash cannot be read: {error}"))),
        };
        let actual = match hash::tree_hash(&path) {
            Ok(hash) => hash.to_string(),
            Err(error) => return Ok(Verdict::Changed(error.to_string())),
        };
        Ok(if expected.trim_end() == actual {
            Verdict::Sound
        } else {
            Verdict::Changed(format!("wrong tree hash: {actual}, expected: {}", expected.trim_end()))
        })
    }

    /// Removes a tree; one that is not there is removed already. The caller knows that no pod uses it.
    pub fn remove(&self, id: &TreeStoreId) -> Result<(), StoreError> {
        let lock = self.lock(id)?;
        let image = fs::read_to_string(self.path(id).join(IMAGE));
        remove_locked(&self.path(id))?;
        if let Some(image) = image.ok().and_then(|text| text.trim_end().parse::<ImageId>().ok()) {
            self.store.with_index(|index| index.set_tree_size(&image, 0))?;
        }
        lock.remove();
        Ok(())
    }

    /// All trees, complete or not.
    pub fn list(&self) -> Result<BTreeSet<TreeStoreId>, StoreError> {
        let dir = self.layout().trees();
        let failed = |source| StoreError::io("cannot read", &dir, source);
        let mut trees = BTreeSet::new();
        for entry in fs::read_dir(&dir).map_err(failed)? {
            if let Some(id) = entry.map_err(failed)?.file_name().to_str().and_then(|name| name.parse().ok()) {
                trees.insert(id);
            }
        }
        Ok(trees)
    }

    fn lock(&self, id: &TreeStoreId) -> Result<KeyLock, StoreError> {
        KeyLock::wait(&self.layout().tree_locks(), &id.to_string(), Sharing::Exclusive)
    }
}

fn remove_locked(path: &Path) -> Result<(), StoreError> {
    // `rendered` goes first, and to the disk: a tree that is half removed must never look complete.
    match fs::remove_file(path.join(RENDERED)) {
        Ok(()) => {
            let dir = fs::File::open(path).map_err(|source| StoreError::io("cannot open", path, source))?;
            dir.sync_all().map_err(|source| StoreError::io("cannot write to disk", path, source))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(StoreError::io("cannot remove", &path.join(RENDERED), source)),
    }
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("cannot remove", path, source))
        }
        _ => Ok(()),
    }
}

/// Bytes in the files of an image's complete tree, 0 without one.
pub(super) fn stored_size(layout: &Layout, image: &ImageId) -> u64 {
    let path = layout.trees().join(TreeStoreId::of(image).to_string());
    if path.join(RENDERED).exists() { hash::file_bytes(&path) } else { 0 }
}

fn write_file(path: &Path, content: &[u8]) -> Result<fs::File, StoreError> {
    let failed = |source| StoreError::io("cannot write", path, source);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file =
        rustix::fs::open(path, flags, Mode::from_raw_mode(0o644)).map_err(|error| failed(error.into()))?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644)).map_err(|error| failed(error.into()))?;
    let mut file = fs::File::from(file);
    file.write_all(content).map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_hashes_the_images_name() {
        let image: ImageId = format!("sha512-{}", "0a".repeat(32)).parse().unwrap();
        let id = TreeStoreId::of(&image);
        assert_eq!(id.to_string().parse::<TreeStoreId>().unwrap(), id);
        assert!(image.to_string().parse::<TreeStoreId>().is_err());
    }
}
