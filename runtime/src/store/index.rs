//! The index of the image store: a small `SQLite` database.
//!
//! It holds what finding an image needs. All of it but times can be rebuilt from blobs and manifests. The hot path
//! (`rkt run` of a stored image) only reads; when an image was last used is the modification time of its lock file,
//! so that using an image writes nothing here. With writes as rare as imports and removals, a rollback journal beats
//! a write-ahead log: opening makes no files, and a reader that execs away leaves nothing to recover.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use appc::ImageId;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior};
use rustix::fs::{Mode, OFlags};

use super::error::StoreError;

/// Version of the tables, kept in the database header.
const VERSION: i64 = 1;
/// How long to wait for another rkt that writes.
const PATIENCE: Duration = Duration::from_secs(30);
/// File name below `cas/db`.
pub(super) const FILE_NAME: &str = "index.sqlite3";

const TABLES: &str = "
CREATE TABLE image (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  import_time INTEGER NOT NULL,
  latest INTEGER NOT NULL,
  size INTEGER NOT NULL,
  tree_size INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX image_by_name ON image (name);
CREATE TABLE file (
  dev INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime INTEGER NOT NULL,
  ctime INTEGER NOT NULL,
  image TEXT NOT NULL,
  PRIMARY KEY (dev, inode)
) WITHOUT ROWID;
CREATE INDEX file_by_image ON file (image);
";

/// What the index knows about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageRow {
    pub(super) id: ImageId,
    pub(super) name: String,
    /// Nanoseconds since 1970.
    pub(super) import_time: i64,
    /// Fetched without a version, so that it is the newest there was.
    pub(super) latest: bool,
    /// Bytes of the uncompressed archive.
    pub(super) size: u64,
    /// Bytes of the rendered tree, 0 without one.
    pub(super) tree_size: u64,
}

/// A file as it was when it was read: same values, same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    dev: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970.
    mtime: i64,
    /// Nanoseconds since 1970.
    ctime: i64,
}

impl FileIdentity {
    /// The identity of an open file.
    pub fn of(file: &File) -> io::Result<FileIdentity> {
        let about = file.metadata()?;
        let nanos = |seconds: i64, part: i64| seconds.saturating_mul(1_000_000_000).saturating_add(part);
        Ok(FileIdentity {
            dev: about.dev(),
            inode: about.ino(),
            size: about.len(),
            mtime: nanos(about.mtime(), about.mtime_nsec()),
            ctime: nanos(about.ctime(), about.ctime_nsec()),
        })
    }

    /// True if the file had last been changed long enough before `now` (nanoseconds) that a later change must show in its
    /// times: those advance with the kernel's tick, not continuously.
    pub(super) fn settled(&self, now: i64) -> bool {
        const TICKS: i64 = 50_000_000;
        now.saturating_sub(self.ctime.max(self.mtime)) > TICKS
    }
}

/// How often an index that is there is tried to be opened.
const OPEN_TRIES: usize = 3;

/// An open index.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    place: (u64, u64),
    db: Connection,
}

/// How opening went.
#[derive(Debug)]
pub(super) enum Opened {
    /// Ready.
    Ready(Index),
    /// There is none, or one that never got its tables.
    Missing,
    /// What is there cannot be read as an index.
    Damaged(rusqlite::Error),
}

impl Index {
    /// Opens the index below `cas/db`.
    pub(super) fn open(db_dir: &Path) -> Result<Opened, StoreError> {
        let path = db_dir.join(FILE_NAME);
        let mut tries = OPEN_TRIES;
        loop {
            tries -= 1;
            match Index::open_file(&path) {
                Ok(opened) => return Ok(opened),
                Err(StoreError::Index { source, .. }) if is_damage(&source) => {
                    return Ok(Opened::Damaged(source));
                }
                // One call less on the way that matters: only a failure asks whether the file is there.
                Err(_) if !path.exists() => return Ok(Opened::Missing),
                // Another rkt may have made it between the two questions.
                Err(_) if tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn open_file(path: &Path) -> Result<Opened, StoreError> {
        let failed = |source| StoreError::Index { path: path.to_owned(), source };
        let db = connect(path).map_err(failed)?;
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        match version {
            0 => Ok(Opened::Missing),
            VERSION => Ok(Opened::Ready(Index { path: path.to_owned(), place: place(path), db })),
            found => Err(StoreError::NewerIndex { path: path.to_owned(), found, known: VERSION }),
        }
    }

    /// Makes an index that holds `rows`, in one transaction: nobody sees it without them. The caller holds the lock
    /// on the directory.
    pub(super) fn create(db_dir: &Path, rows: &[ImageRow]) -> Result<Index, StoreError> {
        let path = db_dir.join(FILE_NAME);
        let failed = |source| StoreError::Index { path: path.clone(), source };
        // SQLite gives its journal the mode of the database: readable by the group, nobody else.
        // Who may write into the directory must not have root make or change a file elsewhere by a link.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o660))
            .map_err(|error| StoreError::NotWritable { path: path.clone(), source: error.into() })?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(0o660))
            .map_err(|source| StoreError::io("cannot set the mode of the index", &path, source.into()))?;
        drop(file);
        let db = connect(&path).map_err(failed)?;
        let build = || {
            let change = Transaction::new_unchecked(&db, TransactionBehavior::Exclusive)?;
            change.execute_batch(TABLES)?;
            insert(&change, rows)?;
            change.pragma_update(None, "user_version", VERSION)?;
            change.commit()
        };
        build().map_err(failed)?;
        Ok(Index { place: place(&path), path, db })
    }

    /// Device and inode of the file that this index was opened as.
    pub(super) fn place(&self) -> (u64, u64) {
        self.place
    }

    fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Index { path: self.path.clone(), source }
    }

    /// Runs `change` in a transaction that holds the write lock from the start.
    fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let run = || {
            let transaction = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|source| self.failed(source))
    }

    fn rows(&self, clause: &str, values: impl rusqlite::Params) -> Result<Vec<ImageRow>, StoreError> {
        let query = format!("SELECT id, name, import_time, latest, size, tree_size FROM image {clause}");
        let run = || {
            let mut statement = self.db.prepare(&query)?;
            let rows = statement.query_map(values, read_row)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(|source| self.failed(source))
    }

    /// The image, if it is stored.
    pub(super) fn get(&self, id: &ImageId) -> Result<Option<ImageRow>, StoreError> {
        Ok(self.rows("WHERE id = ?1", [id.to_string()])?.pop())
    }

    /// All images, oldest import first.
    pub(super) fn list(&self) -> Result<Vec<ImageRow>, StoreError> {
        self.rows("ORDER BY import_time, id", [])
    }

    /// Images with this name: `latest` ones first, then the newest import first.
    pub(super) fn by_name(&self, name: &str) -> Result<Vec<ImageRow>, StoreError> {
        self.rows("WHERE name = ?1 ORDER BY latest DESC, import_time DESC, id", [name])
    }

    /// At most two images whose ID begins with `prefix`.
    pub(super) fn by_prefix(&self, prefix: &str) -> Result<Vec<ImageRow>, StoreError> {
        // Hex digits sort before `g`.
        self.rows("WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT 2", [prefix])
    }

    /// Adds an image, replacing the row with the same ID, and notes the file that holds it.
    pub(super) fn insert(&self, row: &ImageRow, file: Option<&FileIdentity>) -> Result<(), StoreError> {
        self.write(|db| {
            insert(db, std::slice::from_ref(row))?;
            match file {
                Some(file) => remember(db, file, &row.id),
                None => Ok(()),
            }
        })
    }

    /// Forgets an image and the files that hold it.
    pub(super) fn remove(&self, id: &ImageId) -> Result<(), StoreError> {
        let id = id.to_string();
        self.write(|db| {
            db.execute("DELETE FROM image WHERE id = ?1", [&id])?;
            db.execute("DELETE FROM file WHERE image = ?1", [&id])?;
            Ok(())
        })
    }

    /// Notes the size of an image's rendered tree.
    pub(super) fn set_tree_size(&self, id: &ImageId, bytes: u64) -> Result<(), StoreError> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.write(|db| {
            db.execute("UPDATE image SET tree_size = ?2 WHERE id = ?1", (id.to_string(), bytes)).map(drop)
        })
    }

    /// The stored image that a file held when it was read last, if the file is unchanged since.
    pub(super) fn remembered(&self, file: &FileIdentity) -> Result<Option<ImageId>, StoreError> {
        let query = "SELECT image FROM file JOIN image ON image.id = file.image
            WHERE dev = ?1 AND inode = ?2 AND file.size = ?3 AND mtime = ?4 AND ctime = ?5";
        let run =
            || self.db.prepare(query)?.query_row(identity(file), |row| row.get::<_, String>(0)).optional();
        let found = run().map_err(|source| self.failed(source))?;
        Ok(found.and_then(|id| id.parse().ok()))
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    Ok(db)
}

fn insert(db: &Transaction<'_>, rows: &[ImageRow]) -> rusqlite::Result<()> {
    let mut statement = db.prepare(
        "INSERT OR REPLACE INTO image (id, name, import_time, latest, size, tree_size) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for row in rows {
        statement.execute((
            row.id.to_string(),
            &row.name,
            row.import_time,
            row.latest,
            i64::try_from(row.size).unwrap_or(i64::MAX),
            i64::try_from(row.tree_size).unwrap_or(i64::MAX),
        ))?;
    }
    Ok(())
}

fn remember(db: &Transaction<'_>, file: &FileIdentity, id: &ImageId) -> rusqlite::Result<()> {
    let (dev, inode, size, mtime, ctime) = identity(file);
    db.execute(
        "INSERT OR REPLACE INTO file (dev, inode, size, mtime, ctime, image) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (dev, inode, size, mtime, ctime, id.to_string()),
    )
    .map(drop)
}

/// Device and inode of the index file in a directory, zeros if there is none.
pub(super) fn place_of(db_dir: &Path) -> (u64, u64) {
    place(&db_dir.join(FILE_NAME))
}

fn place(path: &Path) -> (u64, u64) {
    std::fs::metadata(path).map_or((0, 0), |about| (about.dev(), about.ino()))
}

/// The columns of table `file`; `SQLite`'s integers are signed, so large device numbers and inodes keep their bits.
fn identity(file: &FileIdentity) -> (i64, i64, i64, i64, i64) {
    (file.dev.cast_signed(), file.inode.cast_signed(), file.size.cast_signed(), file.mtime, file.ctime)
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<ImageRow> {
    let id: String = row.get(0)?;
    let id = id.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(ImageRow {
        id,
        name: row.get(1)?,
        import_time: row.get(2)?,
        latest: row.get(3)?,
        size: row.get::<_, i64>(4)?.try_into().unwrap_or(0),
        tree_size: row.get::<_, i64>(5)?.try_into().unwrap_or(0),
    })
}

/// True for an error that says that the file is not, or no longer, a sound index.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..))
        || matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
        )
}

/// Moves a damaged index and its journal aside; the new names tell when.
pub(super) fn move_aside(db_dir: &Path, stamp: u64) -> Result<PathBuf, StoreError> {
    let path = db_dir.join(FILE_NAME);
    let aside = db_dir.join(format!("{FILE_NAME}.damaged-{stamp}"));
    for suffix in ["-journal", "-wal", "-shm", ""] {
        let (from, to) = (with_suffix(&path, suffix), with_suffix(&aside, suffix));
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("cannot move the damaged index aside", &from, error));
            }
            _ => {}
        }
    }
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// An exclusive lock on the directory of the index, held while the returned file lives.
pub(super) fn lock_dir(db_dir: &Path) -> Result<File, StoreError> {
    let dir = File::open(db_dir).map_err(|source| StoreError::io("cannot open", db_dir, source))?;
    rustix::fs::flock(&dir, rustix::fs::FlockOperation::LockExclusive)
        .map_err(|source| StoreError::io("cannot lock", db_dir, source.into()))?;
    Ok(dir)
}
