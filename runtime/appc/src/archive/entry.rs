//! One entry of an archive.

use std::collections::BTreeMap;

/// What an archive says about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole path, such as `rootfs/init`: no `./`, no slash at the end, any bytes but NUL.
    pub path: Vec<u8>,
    /// Kind, with what belongs to it.
    pub kind: EntryKind,
    /// Permissions with setuid, setgid and sticky bits, at most `0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970; earlier times are read as 0.
    pub mtime: u64,
    /// Extended attributes by their full name.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// Directory.
    Directory,
    /// Regular file.
    File {
        /// Bytes of content.
        size: u64,
    },
    /// Symbolic link.
    Symlink {
        /// Where it points, as written.
        target: Vec<u8>,
    },
    /// Another name of an earlier entry.
    Hardlink {
        /// Path of that entry in the archive.
        target: Vec<u8>,
    },
    /// Character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// Block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// Named pipe.
    Fifo,
}

impl Entry {
    /// An entry of root's, without attributes.
    pub fn new(path: impl Into<Vec<u8>>, kind: EntryKind, mode: u32, mtime: u64) -> Self {
        Self { path: path.into(), kind, mode, uid: 0, gid: 0, mtime, xattrs: BTreeMap::new() }
    }
}

impl EntryKind {
    /// The kind in a word or two, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File { .. } => "file",
            Self::Symlink { .. } => "symlink",
            Self::Hardlink { .. } => "hard link",
            Self::CharDevice { .. } => "character device",
            Self::BlockDevice { .. } => "block device",
            Self::Fifo => "fifo",
        }
    }
}

/// A path for people: bytes that are not printable UTF-8 are escaped.
pub(super) fn shown(path: &[u8]) -> String {
    let mut text = String::new();
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
        }
        for byte in chunk.invalid() {
            text.push_str(&byte.escape_ascii().to_string());
        }
    }
    text
}
