//! Bringing stored images out again: as an archive file or as a directory. Both appear at their place complete or not
//! at all.

use std::fs;
use std::io::{self, Read, Write as _};
use std::path::Path;

use appc::ImageId;
use rustix::fs::{Mode, RenameFlags};
use sha2::{Digest, Sha512};

use super::Store;
use super::error::StoreError;
use super::extract::{ExtractOptions, extract};
use crate::output_file::{OutputFile, parent_of};

impl Store {
    /// Writes the archive of a stored image to a file, uncompressed as it is stored.
    ///
    /// # Errors
    /// If the image is not stored or damaged, the file exists and must not be replaced, or cannot be written.
    pub fn export(&self, id: &ImageId, output: &Path, overwrite: bool) -> Result<(), StoreError> {
        let failed = |source| StoreError::io("cannot write", output, source);
        let exists = || StoreError::Exists { path: output.to_owned(), what: "output ACI file exists" };
        if !overwrite && fs::symlink_metadata(output).is_ok() {
            return Err(exists());
        }
        let (mut blob, _lock) = self.open_blob(id)?;
        let mut file = OutputFile::beside(output).map_err(failed)?;
        let mut hash = Sha512::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = match blob.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(StoreError::io("cannot read the image", &self.blob_path(id), source));
                }
            };
            hash.update(&buffer[..count]);
            file.file().write_all(&buffer[..count]).map_err(failed)?;
        }
        let actual = ImageId::from_sha512(&hash.finalize().into());
        if actual != *id {
            return Err(StoreError::Damaged {
                id: *id,
                path: self.blob_path(id),
                problem: format!("image hash does not match expected ({actual} != {id})"),
            });
        }
        file.publish(overwrite).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(),
            _ => failed(error),
        })
    }

    /// Unpacks a stored image into a directory, which is made.
    ///
    /// # Errors
    /// As [`extract`], and if the directory exists and must not be replaced or is the root of the file system.
    pub fn extract_to(
        &self,
        id: &ImageId,
        output: &Path,
        options: &ExtractOptions,
        overwrite: bool,
    ) -> Result<(), StoreError> {
        let failed = |source| StoreError::io("cannot write", output, source);
        if output.canonicalize().is_ok_and(|path| path == Path::new("/")) {
            return Err(StoreError::RootDirectory);
        }
        let there = fs::symlink_metadata(output).is_ok();
        if there && !overwrite {
            return Err(StoreError::Exists { path: output.to_owned(), what: "output directory exists" });
        }
        let place =
            tempfile::Builder::new().prefix(".rkt-extract-").tempdir_in(parent_of(output)).map_err(failed)?;
        // A directory in the private one, so that nobody else can reach into it before it is complete.
        let dir = place.path().join("image");
        fs::create_dir(&dir).map_err(failed)?;
        rustix::fs::chmod(&dir, Mode::from_raw_mode(0o755)).map_err(|error| failed(error.into()))?;
        extract(self, id, &dir, options)?;
        let flags = if there { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
        let renamed = rustix::fs::renameat_with(rustix::fs::CWD, &dir, rustix::fs::CWD, output, flags);
        match renamed {
            Ok(()) => {}
            // Not every file system knows these flags.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                if there {
                    fs::rename(output, place.path().join("old")).map_err(failed)?;
                }
                fs::rename(&dir, output).map_err(failed)?;
            }
            Err(error) => return Err(failed(error.into())),
        }
        // What was there before is in the private directory now and goes with it.
        let path = place.path().to_owned();
        place.close().map_err(|source| StoreError::io("cannot remove", &path, source))
    }
}
