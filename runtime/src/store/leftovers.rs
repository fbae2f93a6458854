//! Files that a broken-off rkt left, and making temporary files so that they can be told from them.
//!
//! Who writes a temporary file holds a lock on it. The kernel lets go of it when the process ends, however that
//! happens, so a file that can be locked belongs to nobody.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use appc::ImageId;
use rustix::fs::{FlockOperation, Mode, OFlags};
use tempfile::NamedTempFile;

use super::Store;
use super::error::StoreError;
use super::lock::KeyLock;
use super::tree::TreeStoreId;

/// A new file in `dir`, locked. It is removed when dropped.
pub(super) fn temporary(dir: &Path) -> Result<NamedTempFile, StoreError> {
    let failed = |source| match io::Error::kind(&source) {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::NotWritable { path: dir.to_owned(), source }
        }
        _ => StoreError::io("cannot make a file in", dir, source),
    };
    loop {
        let file = match tempfile::Builder::new().prefix("import-").tempfile_in(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !dir.exists() => {
                super::layout::make_dir(dir, 0o770)?;
                continue;
            }
            made => made.map_err(failed)?,
        };
        rustix::fs::flock(file.as_file(), FlockOperation::LockExclusive)
            .map_err(|error| failed(error.into()))?;
        // A cleaner may have taken it for a leftover between the two calls.
        if file.as_file().metadata().map_err(failed)?.nlink() > 0 {
            return Ok(file);
        }
    }
}

/// What cleaning has done.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// Files and directories that were removed.
    pub removed: Vec<PathBuf>,
    /// What could not be removed.
    pub failed: Vec<StoreError>,
}

impl Cleaned {
    fn note(&mut self, path: &Path, result: io::Result<()>) {
        match result {
            Ok(()) => self.removed.push(path.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => self.failed.push(StoreError::io("cannot remove", path, source)),
        }
    }
}

impl Store {
    /// Removes what broken-off commands left: temporary files, archives and manifests that the index does not know,
    /// trees that were never completed, locks of what is gone. What a live process holds stays.
    pub fn clean_leftovers(&self) -> Result<Cleaned, StoreError> {
        let mut cleaned = Cleaned::default();
        self.clean_temporary(&mut cleaned)?;
        self.clean_unknown(&mut cleaned)?;
        self.clean_trees(&mut cleaned)?;
        Ok(cleaned)
    }

    fn clean_temporary(&self, cleaned: &mut Cleaned) -> Result<(), StoreError> {
        for path in entries(&self.layout.tmp())? {
            // Neither through a link nor waiting for the other end of a pipe.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let Ok(file) = rustix::fs::open(&path, flags, Mode::empty()).map(File::from) else { continue };
            if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue;
            }
            let is_dir = file.metadata().is_ok_and(|about| about.is_dir());
            let result = if is_dir { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            cleaned.note(&path, result);
        }
        Ok(())
    }

    fn clean_unknown(&self, cleaned: &mut Cleaned) -> Result<(), StoreError> {
        if self.layout.original_index().exists() {
            // What our index does not know may be in the original's, which cannot be read.
            return Ok(());
        }
        let locks = self.layout.image_locks();
        // Asked once for all; what looks unknown is asked about again under its lock.
        let rows = self.with_index(super::index::Index::list)?;
        let known: BTreeSet<ImageId> = rows.into_iter().map(|row| row.id).collect();
        for parent in [self.layout.blobs(), self.layout.manifests()] {
            for dir in entries(&parent)? {
                for path in entries(&dir)? {
                    let Some(id) = name_of(&path).parse::<ImageId>().ok() else { continue };
                    if known.contains(&id) {
                        continue;
                    }
                    let key = id.to_string();
                    let Some(lock) = KeyLock::try_exclusive(&locks, &key)? else { continue };
                    // Asked again: an import may have finished between the two.
                    if self.with_index(|index| index.get(&id))?.is_none() {
                        cleaned.note(&path, fs::remove_file(&path));
                        lock.remove();
                    }
                }
            }
        }
        for path in entries(&locks)? {
            let Ok(id) = name_of(&path).parse::<ImageId>() else { continue };
            if !known.contains(&id)
                && let Some(lock) = KeyLock::try_exclusive(&locks, name_of(&path))?
                && self.with_index(|index| index.get(&id))?.is_none()
            {
                lock.remove();
            }
        }
        Ok(())
    }

    fn clean_trees(&self, cleaned: &mut Cleaned) -> Result<(), StoreError> {
        let locks = self.layout.tree_locks();
        for path in entries(&self.layout.trees())? {
            let Ok(id) = name_of(&path).parse::<TreeStoreId>() else { continue };
            if self.trees().is_rendered(&id) {
                continue;
            }
            let Some(lock) = KeyLock::try_exclusive(&locks, &id.to_string())? else { continue };
            if !self.trees().is_rendered(&id) {
                cleaned.note(&path, fs::remove_dir_all(&path));
                lock.remove();
            }
        }
        for path in entries(&locks)? {
            if let Ok(id) = name_of(&path).parse::<TreeStoreId>()
                && !self.trees().path(&id).exists()
                && let Some(lock) = KeyLock::try_exclusive(&locks, name_of(&path))?
                && !self.trees().path(&id).exists()
            {
                lock.remove();
            }
        }
        Ok(())
    }
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Paths in a directory, sorted; nothing if it is not there.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::io("cannot read", dir, source);
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}
