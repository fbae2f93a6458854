//! The ID of a finished file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::decode::{OUTPUT_BUFFER, Unpacked};
use super::{Limits, ReadError};
use crate::ImageId;

/// The ID of an archive file, by its uncompressed bytes alone: they need not be a sound archive.
pub fn image_id_of_file(path: &Path, limits: &Limits) -> Result<ImageId, ReadError> {
    let file = File::open(path).map_err(ReadError::Input)?;
    let mut stream = Unpacked::new(file, limits, None).map_err(|(_, reason)| ReadError::whole(reason))?;
    let mut buffer = vec![0; OUTPUT_BUFFER];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(stream.id()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(stream.take_error(error)),
        }
    }
}
