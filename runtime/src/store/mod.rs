//! The image store: archives by content, an index to find them, and the trees rendered from them.
//!
//! Below the data directory: `cas/blob` holds each image as an uncompressed archive named by its ID,
//! `cas/imageManifest` its manifest, `cas/db` the index, `cas/tree` the rendered trees. Archive and manifest are moved in
//! complete before the index names them, so that nobody ever sees half an image.

mod archive;
mod collect;
mod error;
mod export;
mod extract;
mod import;
mod index;
mod layout;
mod leftovers;
mod lock;
mod rebuild;
mod reference;
pub mod tree;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::pod::DataDir;
use appc::{AcIdentifier, ImageId, ImageManifest, Label};
use rustix::fs::FlockOperation;

pub use collect::Collected;
pub use error::StoreError;
pub use extract::{ExtractOptions, OwnerShift, extract};
pub use import::Imported;
pub use index::FileIdentity;
pub use leftovers::Cleaned;
pub use reference::StoredName;
pub(crate) use reference::is_hash;

use index::{ImageRow, Index, Opened};
use layout::Layout;
use lock::{KeyLock, Sharing};

/// An open image store. It holds a shared lock on `cas` as long as it lives.
#[derive(Debug)]
pub struct Store {
    layout: Layout,
    index: RefCell<Index>,
    /// Images that the index has named since the store was opened: asking again would cost more than reading what they
    /// are asked about.
    known: RefCell<BTreeSet<ImageId>>,
    _shared: File,
}

/// What lists show about a stored image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// The image ID.
    pub id: ImageId,
    /// Name, and version after a colon if it has one.
    pub name: String,
    /// When it came into the store.
    pub import_time: SystemTime,
    /// When it was last used.
    pub last_used: SystemTime,
    /// Bytes of the uncompressed archive and of the rendered tree.
    pub size: u64,
}

impl Store {
    /// Opens the store below a data directory, making what is missing.
    ///
    /// If the index was lost or is damaged it is rebuilt from the images; standard error then says what could not be.
    ///
    /// # Errors
    /// If the directory cannot be made or written, or was written by a newer rkt.
    pub fn open(data_dir: &DataDir) -> Result<Store, StoreError> {
        let layout = Layout::new(data_dir.root());
        let cas = match File::open(layout.cas()) {
            Ok(cas) => cas,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                layout.create()?;
                File::open(layout.cas())
                    .map_err(|source| StoreError::io("cannot open", layout.cas(), source))?
            }
            Err(source) => return Err(StoreError::NotWritable { path: layout.cas().to_owned(), source }),
        };
        rustix::io::retry_on_intr(|| rustix::fs::flock(&cas, FlockOperation::LockShared))
            .map_err(|error| StoreError::io("cannot lock", layout.cas(), error.into()))?;
        let index = open_index(&layout)?;
        Ok(Store { layout, index: RefCell::new(index), known: RefCell::default(), _shared: cas })
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        self.layout.data()
    }

    /// Where the archive of an image is, if it is stored.
    pub fn blob_path(&self, id: &ImageId) -> PathBuf {
        self.layout.blob(id)
    }

    /// Asks the index; if that turns out to be damaged it is rebuilt and asked again.
    fn with_index<T>(&self, ask: impl Fn(&Index) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let first = ask(&self.index.borrow());
        match first {
            Err(StoreError::Index { ref source, .. }) if index::is_damage(source) => {
                let place = self.index.borrow().place();
                let fresh = rebuild::rebuild(&self.layout, place, Some(source))?;
                self.index.replace(fresh);
                ask(&self.index.borrow())
            }
            other => other,
        }
    }

    /// Opens the index anew if the file at its place is another one than we have open: another rkt found it damaged.
    fn reopen_if_replaced(&self) -> Result<bool, StoreError> {
        let place = self.index.borrow().place();
        if index::place_of(&self.layout.db()) == place {
            return Ok(false);
        }
        let fresh = open_index(&self.layout)?;
        self.index.replace(fresh);
        Ok(true)
    }

    /// The row of an image that is stored.
    fn row(&self, id: &ImageId) -> Result<ImageRow, StoreError> {
        let row =
            self.with_index(|index| index.get(id))?.ok_or_else(|| StoreError::NoSuchId(id.to_string()))?;
        self.known.borrow_mut().insert(*id);
        Ok(row)
    }

    /// The manifest of a stored image.
    pub fn manifest(&self, id: &ImageId) -> Result<ImageManifest, StoreError> {
        parse_manifest(id, &self.manifest_json(id)?)
    }

    /// The manifest of a stored image as compact JSON.
    pub fn manifest_json(&self, id: &ImageId) -> Result<Vec<u8>, StoreError> {
        if !self.known.borrow().contains(id) {
            self.row(id)?;
        }
        self.read_manifest_file(id)
    }

    fn read_manifest_file(&self, id: &ImageId) -> Result<Vec<u8>, StoreError> {
        let path = self.layout.manifest(id);
        std::fs::read(&path).map_err(|source| StoreError::io("cannot read the image manifest", &path, source))
    }

    /// The one stored image whose ID begins with `prefix` (`sha512-` and at least two hex digits).
    pub fn resolve(&self, prefix: &str) -> Result<ImageId, StoreError> {
        let digits = prefix.strip_prefix("sha512-").unwrap_or_default();
        if digits.len() < 2 {
            return Err(StoreError::ShortId(prefix.to_owned()));
        }
        // All 128 digits are accepted too, of which the store keeps the first half.
        let kept = prefix.get(.."sha512-".len() + 64).unwrap_or(prefix);
        let mut found = self.with_index(|index| index.by_prefix(kept))?;
        match (found.pop(), found.is_empty()) {
            (Some(row), true) => {
                self.known.borrow_mut().insert(row.id);
                Ok(row.id)
            }
            (Some(_), false) => Err(StoreError::AmbiguousId(prefix.to_owned())),
            (None, _) => Err(StoreError::NoSuchId(prefix.to_owned())),
        }
    }

    /// The stored image with this name that has all these labels. Without a `version` label the ones fetched as the
    /// latest win, then the newest import.
    pub fn find(&self, name: &AcIdentifier, labels: &[Label]) -> Result<Option<ImageId>, StoreError> {
        self.fitting(name, labels)?.next().transpose()
    }

    /// All stored images with this name that have all these labels, in the order in which [`Store::find`] prefers them.
    pub fn find_all(&self, name: &AcIdentifier, labels: &[Label]) -> Result<Vec<ImageId>, StoreError> {
        self.fitting(name, labels)?.collect()
    }

    fn fitting<'a>(
        &'a self,
        name: &AcIdentifier,
        labels: &'a [Label],
    ) -> Result<impl Iterator<Item = Result<ImageId, StoreError>> + 'a, StoreError> {
        let mut rows = self.with_index(|index| index.by_name(name.as_str()))?;
        if labels.iter().any(|label| label.name == "version") {
            rows.sort_by_key(|row| std::cmp::Reverse(row.import_time));
        }
        Ok(rows.into_iter().filter_map(move |row| {
            let parsed = self.read_manifest_file(&row.id).and_then(|json| parse_manifest(&row.id, &json));
            let manifest = match parsed {
                Ok(manifest) => manifest,
                // Another rkt is removing it.
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    return None;
                }
                Err(error) => return Some(Err(error)),
            };
            let fits = |wanted: &Label| {
                manifest.labels.iter().any(|label| label.name == wanted.name && label.value == wanted.value)
            };
            if !labels.iter().all(fits) {
                return None;
            }
            self.known.borrow_mut().insert(row.id);
            Some(Ok(row.id))
        }))
    }

    /// The stored image that `reference` means: an ID or its beginning, or `name[:version][,label=value…]`.
    pub fn find_reference(&self, reference: &str) -> Result<ImageId, StoreError> {
        if reference::is_hash(reference) {
            return self.resolve(reference);
        }
        let wanted: StoredName = reference.parse()?;
        self.find(&wanted.name, &wanted.labels)?.ok_or_else(|| StoreError::NoSuchName {
            name: wanted.name.to_string(),
            labels: wanted.labels_text(),
        })
    }

    /// All stored images, oldest import first.
    pub fn list(&self) -> Result<Vec<ImageInfo>, StoreError> {
        let rows = self.with_index(Index::list)?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let manifest =
                    self.read_manifest_file(&row.id).and_then(|json| parse_manifest(&row.id, &json));
                let version = manifest.ok().and_then(|manifest| {
                    manifest.labels.into_iter().find(|label| label.name == "version").map(|label| label.value)
                });
                ImageInfo {
                    id: row.id,
                    name: version
                        .map_or_else(|| row.name.clone(), |version| format!("{}:{version}", row.name)),
                    import_time: from_nanos(row.import_time),
                    last_used: self.last_used(&row),
                    size: row.size + row.tree_size,
                }
            })
            .collect())
    }

    fn last_used(&self, row: &ImageRow) -> SystemTime {
        let imported = from_nanos(row.import_time);
        let lock = self.layout.image_locks().join(row.id.to_string());
        std::fs::metadata(lock).and_then(|about| about.modified()).map_or(imported, |used| used.max(imported))
    }

    /// Notes that an image is being used now. That it fails (no right to) keeps nobody from using the image.
    pub fn touch_last_used(&self, id: &ImageId) {
        let path = self.layout.image_locks().join(id.to_string());
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
        let touch = || rustix::fs::utimensat(rustix::fs::CWD, &path, &times, rustix::fs::AtFlags::empty());
        // An image that was taken over from another store has no lock file until somebody locks it.
        if touch() == Err(rustix::io::Errno::NOENT)
            && KeyLock::wait(&self.layout.image_locks(), &id.to_string(), Sharing::Shared).is_ok()
        {
            let _ = touch();
        }
    }

    /// Removes an image. Trees rendered from it stay until they are collected.
    ///
    /// Returns what could not be deleted; the image is gone from the index all the same.
    ///
    /// # Errors
    /// If it is not stored, or the index cannot be written.
    pub fn remove(&self, id: &ImageId) -> Result<Vec<StoreError>, StoreError> {
        let locks = self.layout.image_locks();
        let key = id.to_string();
        let lock = KeyLock::wait(&locks, &key, Sharing::Exclusive)?;
        self.row(id)?;
        self.known.borrow_mut().remove(id);
        self.with_index(|index| index.remove(id))?;
        let mut stale = Vec::new();
        for path in [self.layout.blob(id), self.layout.manifest(id)] {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    stale.push(StoreError::io("cannot remove", &path, source));
                }
                _ => {}
            }
        }
        lock.remove();
        Ok(stale)
    }

    /// Opens the archive of a stored image for reading, and notes that it is used.
    fn open_blob(&self, id: &ImageId) -> Result<(File, KeyLock), StoreError> {
        let lock = KeyLock::wait(&self.layout.image_locks(), &id.to_string(), Sharing::Shared)?;
        self.row(id)?;
        let path = self.layout.blob(id);
        let file =
            File::open(&path).map_err(|source| StoreError::io("cannot read the image", &path, source))?;
        self.touch_last_used(id);
        Ok((file, lock))
    }

    /// The trees rendered from the images.
    pub fn trees(&self) -> tree::TreeStore<'_> {
        tree::TreeStore::new(self)
    }
}

fn open_index(layout: &Layout) -> Result<Index, StoreError> {
    let db_dir = layout.db();
    let opened = match Index::open(&db_dir) {
        // `cas` is there without `db`: a directory of which somebody removed a part.
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            layout.create()?;
            Index::open(&db_dir)
        }
        opened => opened,
    };
    match opened? {
        Opened::Ready(index) => Ok(index),
        Opened::Missing => {
            layout.create()?;
            rebuild::rebuild(layout, (0, 0), None)
        }
        Opened::Damaged(source) => rebuild::rebuild(layout, index::place_of(&db_dir), Some(&source)),
    }
}

fn parse_manifest(id: &ImageId, json: &[u8]) -> Result<ImageManifest, StoreError> {
    ImageManifest::parse(json).map_err(|error| StoreError::Archive {
        image: format!("manifest of {id}"),
        hint: "remove the image with `rkt image rm` and fetch it again",
        source: Box::new(error),
    })
}

fn from_nanos(nanos: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// Nanoseconds since 1970, now.
fn now_nanos() -> i64 {
    nanos_of(SystemTime::now())
}

fn nanos_of(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
