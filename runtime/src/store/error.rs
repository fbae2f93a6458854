//! What can go wrong in the store. Each message names the file and what to do.

use std::io;
use std::path::{Path, PathBuf};

use appc::ImageId;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A system call failed.
    #[error("{what} {}: {source}{}", path.display(), io_remedy(source))]
    Io {
        /// What was tried, ready to be followed by the path.
        what: &'static str,
        /// File or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A directory of the store cannot be made or written.
    #[error("the data directory cannot be written: {}: {source}; run rkt as root or as a member of the group that owns the directory, or choose another one with --dir", path.display())]
    NotWritable {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The index failed.
    #[error("image index {}: {source}{}", path.display(), index_remedy(source))]
    Index {
        /// The database.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// The index was made by a newer rkt.
    #[error("image index {}: current store db version: {found} (greater than the current rkt expected version: {known}); use the rkt that wrote it, or choose another directory with --dir", path.display())]
    NewerIndex {
        /// The database.
        path: PathBuf,
        /// Version of its tables.
        found: i64,
        /// Version that this rkt knows.
        known: i64,
    },
    /// The archive is not an image.
    #[error("{image}: {source}; {hint}")]
    Archive {
        /// The file, or the ID of a stored image.
        image: String,
        /// What to do.
        hint: &'static str,
        /// What the reader says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored archive no longer has the content that its name says.
    #[error("stored image {}: {problem}; it was damaged after it was stored: remove it with `rkt image rm {id}` and fetch it again", path.display())]
    Damaged {
        /// What the archive was stored as.
        id: ImageId,
        /// The archive.
        path: PathBuf,
        /// How that shows.
        problem: String,
    },
    /// A hash with too few digits.
    #[error("image ID too short: \"{0}\"; give at least two hex digits after sha512-")]
    ShortId(String),
    /// No stored image has this ID.
    #[error("no image IDs found: \"{0}\"; `rkt image list` shows what is stored")]
    NoSuchId(String),
    /// More than one stored image has an ID that begins so.
    #[error("ambiguous image ID: \"{0}\"; give more digits")]
    AmbiguousId(String),
    /// No stored image has this name and these labels.
    #[error(
        "cannot find aci satisfying name: \"{name}\" and labels: [{labels}] in the local store; `rkt image list` shows what is stored"
    )]
    NoSuchName {
        /// Name asked for.
        name: String,
        /// Labels asked for, `name=value` with commas.
        labels: String,
    },
    /// The text is neither a hash nor a name.
    #[error(
        "\"{reference}\" is not an image reference: {reason}; give an image ID (sha512-…) or name[:version][,label=value…]"
    )]
    BadReference {
        /// What was given.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The image needs others.
    #[error(
        "image {image} depends on other images ({dependencies}), which this version of rkt cannot put together yet: use an image that holds everything itself"
    )]
    Dependencies {
        /// Name or ID of the image.
        image: String,
        /// Names of what it depends on.
        dependencies: String,
    },
    /// An entry that cannot be put where it wants to be.
    #[error("{image}: entry {entry}: {problem}")]
    Entry {
        /// ID of the image.
        image: ImageId,
        /// Path in the archive.
        entry: String,
        /// What is wrong and what helps.
        problem: String,
    },
    /// Something is where the output should go.
    #[error("{what} (try --overwrite): {}", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
        /// What kind of thing it is, as the original says it.
        what: &'static str,
    },
    /// An image should be unpacked over the root of the file system.
    #[error("this would delete your root filesystem. Refusing. Give another directory")]
    RootDirectory,
    /// A rendered tree is not what was rendered.
    #[error("{}: {problem}", path.display())]
    Tree {
        /// Directory of the tree.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl StoreError {
    /// A system call that failed at a path.
    pub(super) fn io(what: &'static str, path: &Path, source: io::Error) -> StoreError {
        StoreError::Io { what, path: path.to_owned(), source }
    }
}

pub(super) fn io_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room (rkt gc, rkt image gc) or choose another data directory with --dir"
        }
        io::ErrorKind::PermissionDenied => "; run rkt as root or as somebody who may do this",
        io::ErrorKind::ReadOnlyFilesystem => "; it lies on a file system that is mounted read-only",
        _ => "",
    }
}

fn index_remedy(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(
            rusqlite::ErrorCode::CannotOpen
            | rusqlite::ErrorCode::ReadOnly
            | rusqlite::ErrorCode::PermissionDenied,
        ) => {
            "; run rkt as root or as a member of the group that owns the data directory, or choose another one with --dir"
        }
        Some(rusqlite::ErrorCode::DiskFull) => {
            "; make room (rkt gc, rkt image gc) or choose another directory with --dir"
        }
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            "; another rkt is writing for a long time: try again"
        }
        _ => "",
    }
}
