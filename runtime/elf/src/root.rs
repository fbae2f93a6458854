//! The tree of files that everything is read from.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, with what it says.
    Link(PathBuf),
    /// Anything else: a device, a pipe, a socket.
    Other,
}

/// A tree of files: a directory of the host, an image.
///
/// Links are resolved by this crate, not by the root, so that each name is looked up once and the chain of links is known.
/// A root is therefore asked for clean paths only: absolute, without `.` and `..`, and with no link before the last
/// component. Paths may be any bytes but NUL.
pub trait Root {
    /// What is at a path, a link at its end not followed; `None` when nothing is there.
    ///
    /// # Errors
    /// Whatever else keeps it from being known.
    fn look(&self, path: &Path) -> io::Result<Option<Entry>>;

    /// Opens a regular file.
    ///
    /// # Errors
    /// When it cannot be read.
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadAt + '_>>;

    /// Gives each name in a directory, in any order, without `.` and `..`, until it is told `false`.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn names(&self, path: &Path, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()>;
}

/// Bytes that can be read at any place: a few parts of a large file are wanted.
pub trait ReadAt {
    /// Reads up to `buf.len()` bytes from `offset` on; 0 at the end.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }
}

impl ReadAt for &[u8] {
    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or(&[]);
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Fills the buffer as far as the file goes; the number of bytes.
pub(crate) fn fill(file: &mut dyn ReadAt, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        let Some(at) = offset.checked_add(filled as u64) else { break };
        match file.read_at(&mut buf[filled..], at) {
            Ok(0) => break,
            Ok(count) => filled += count.min(buf.len() - filled),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
