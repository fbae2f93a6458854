//! A file that appears at its place complete or not at all.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use tempfile::NamedTempFile;

/// A file that is being written beside its place. Dropped unpublished, it is gone.
#[derive(Debug)]
pub struct OutputFile {
    file: NamedTempFile,
    place: PathBuf,
}

impl OutputFile {
    /// A new file in the directory of `place`.
    ///
    /// # Errors
    /// If no file can be made there.
    pub fn beside(place: &Path) -> io::Result<OutputFile> {
        let file = tempfile::Builder::new().prefix(".rkt-export-").tempfile_in(parent_of(place))?;
        Ok(OutputFile { file, place: place.to_owned() })
    }

    /// The file, to be written to.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Moves the file to its place, mode 0644.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if something is there that must not be replaced.
    pub fn publish(self, overwrite: bool) -> io::Result<()> {
        rustix::fs::fchmod(self.file.as_file(), Mode::from_raw_mode(0o644))?;
        if overwrite {
            self.file.persist(self.place)?;
        } else {
            // Somebody may have made the file meanwhile.
            self.file.persist_noclobber(self.place)?;
        }
        Ok(())
    }
}

/// Where a path is, for files beside it.
pub(crate) fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
