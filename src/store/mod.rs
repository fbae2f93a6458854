//! What steps made, by key, and the digests that keys are made of: what makes that nothing is done twice.

pub mod digest;
pub mod identity;
pub mod lock;
pub mod memory;
pub mod record;

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Writes a file beside its place with this mode whatever the umask, and renames it: whole or not at all.
pub fn write_beside(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(bytes)?;
    put(file, path, mode)
}

/// What the names of temporary files begin with.
const BESIDE: &str = ".rkt-build-";

/// A temporary file in the directory of `path`, which is made where it is missing.
///
/// It is locked as long as it is written, so that [`sweep`] can tell it from one that a killed process left.
pub fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    loop {
        let file = tempfile::Builder::new().prefix(BESIDE).tempfile_in(folder)?;
        // Where files cannot be locked, none is swept either.
        let _ = flock(file.as_file(), FlockOperation::NonBlockingLockExclusive);
        // Somebody may have swept it between the two.
        if file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
}

/// Removes temporary files that killed processes left in a directory (not in those below it).
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().as_encoded_bytes().starts_with(BESIDE.as_bytes()) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Gives a temporary file its mode and its name.
pub fn put(file: tempfile::NamedTempFile, path: &Path, mode: u32) -> io::Result<()> {
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
