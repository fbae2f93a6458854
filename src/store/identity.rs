//! By what a file is known to be the one that was seen before, without reading it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Device, inode, size, and the times of the last change of content and of anything, to the nanosecond.
///
/// The last one cannot be set by a user, so a change that keeps size and time of content is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
    touched: (i64, i64),
}

impl Identity {
    /// That of a file, through symbolic links.
    pub fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|meta| Self::from(&meta))
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether the file changed so short a time ago that a second change could leave the same times.
    pub(super) fn is_fresh(&self, now: i64) -> bool {
        self.changed.0.max(self.touched.0) >= now - 1
    }
}

impl From<&Metadata> for Identity {
    fn from(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            changed: (meta.mtime(), meta.mtime_nsec()),
            touched: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}
