//! Taking an image into the store.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use appc::{ImageId, ImageManifest};
use tempfile::NamedTempFile;

use super::archive;
use super::error::StoreError;
use super::index::{FileIdentity, ImageRow};
use super::layout::make_dir;
use super::lock::{KeyLock, Sharing};
use super::{Store, leftovers, now_nanos, tree};

/// An image that has been imported.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The image ID.
    pub id: ImageId,
    /// Its manifest.
    pub manifest: ImageManifest,
    /// False if the store had the image already.
    pub new: bool,
}

impl Store {
    /// Reads an image archive (compressed or not), checks it while reading, and takes it into the store.
    /// `source` names it in messages.
    ///
    /// # Errors
    /// If it is not a sound image, or cannot be written. The store is then as it was.
    pub fn import(&self, reader: impl Read, source: &str) -> Result<Imported, StoreError> {
        self.import_as(reader, source, None)
    }

    /// Takes an image file into the store. A file that has not changed since it was imported is not read again, as
    /// long as the image is stored.
    ///
    /// # Errors
    /// As [`Store::import`], and if the file cannot be read.
    pub fn import_file(&self, path: &Path) -> Result<Imported, StoreError> {
        let failed = |source| StoreError::io("cannot read", path, source);
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(StoreError::io("cannot read", path, io::Error::other("it is not a regular file")));
        }
        let identity = FileIdentity::of(&file).map_err(failed)?;
        let remembered = self.with_index(|index| index.remembered(&identity))?;
        self.known.borrow_mut().extend(remembered);
        if let Some(id) = remembered
            && let Ok(manifest) = self.manifest(&id)
            && self.blob_path(&id).exists()
        {
            self.touch_last_used(&id);
            return Ok(Imported { id, manifest, new: false });
        }
        let started = now_nanos();
        // Only a file that was at rest is remembered: else a change in this moment might not show in its times.
        let remember = identity.settled(started).then_some((&file, identity));
        self.import_as(&file, &path.display().to_string(), remember)
    }

    fn import_as(
        &self,
        reader: impl Read,
        source: &str,
        remember: Option<(&File, FileIdentity)>,
    ) -> Result<Imported, StoreError> {
        let mut temporary = leftovers::temporary(&self.layout.tmp())?;
        let written = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { what: "cannot write", path, source }
        };
        let path = temporary.path().to_owned();
        let content = {
            let mut writer = BufWriter::with_capacity(256 << 10, temporary.as_file_mut());
            let content = archive::copy(reader, source, &path, &mut writer)?;
            writer.flush().map_err(written(&path))?;
            content
        };
        let id = content.id;
        let size = temporary.as_file().metadata().map_err(written(&path))?.len();
        let json = serde_json::to_vec(&content.manifest).map_err(|error| written(&path)(error.into()))?;
        let mut manifest = leftovers::temporary(&self.layout.tmp())?;
        let manifest_path = manifest.path().to_owned();
        manifest.write_all(&json).map_err(written(&manifest_path))?;
        // On the disk before it has a name that counts: after a power cut an image is whole or not there.
        for file in [&temporary, &manifest] {
            file.as_file().sync_data().map_err(written(file.path()))?;
        }
        let unchanged =
            remember.filter(|(file, before)| FileIdentity::of(file).is_ok_and(|now| now == *before));

        let lock = KeyLock::wait(&self.layout.image_locks(), &id.to_string(), Sharing::Exclusive)?;
        let known = self.with_index(|index| index.get(&id))?;
        let row = ImageRow {
            id,
            name: content.manifest.name.to_string(),
            import_time: now_nanos(),
            latest: known.as_ref().is_some_and(|row| row.latest),
            size,
            tree_size: tree::stored_size(&self.layout, &id),
        };
        let file = unchanged.map(|(_, identity)| identity);
        let moved = move_in(temporary, &self.layout.blob(&id))
            .and_then(|()| move_in(manifest, &self.layout.manifest(&id)))
            .and_then(|()| self.insert(&row, file.as_ref()));
        if let Err(error) = moved {
            if known.is_none() {
                // Not in the index, so nobody has seen them. What cannot be removed here is a leftover for gc.
                let _ = fs::remove_file(self.layout.blob(&id));
                let _ = fs::remove_file(self.layout.manifest(&id));
                lock.remove();
            }
            return Err(error);
        }
        self.touch_last_used(&id);
        Ok(Imported { id, manifest: content.manifest, new: known.is_none() })
    }

    /// Adds the row; again if another rkt put a new index in the place of the one that we have open.
    fn insert(&self, row: &ImageRow, file: Option<&FileIdentity>) -> Result<(), StoreError> {
        loop {
            self.with_index(|index| index.insert(row, file))?;
            if self.reopen_if_replaced()? {
                continue;
            }
            return Ok(());
        }
    }
}

/// Gives a finished file its place.
fn move_in(file: NamedTempFile, to: &Path) -> Result<(), StoreError> {
    if let Some(dir) = to.parent() {
        make_dir(dir, 0o770)?;
    }
    rustix::fs::fchmod(file.as_file(), rustix::fs::Mode::from_raw_mode(0o660))
        .map_err(|error| StoreError::io("cannot set the mode of", file.path(), error.into()))?;
    file.persist(to).map(drop).map_err(|error| StoreError::io("cannot put in place", to, error.error))
}
