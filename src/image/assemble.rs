//! From a tree to an image archive.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};

use appc::ImageManifest;
use appc::archive::{self, AciWriter, EntryKind, ROOTFS, WriteError, WriteOptions, Written};
use thiserror::Error;

use super::path::{ImagePath, Mode};
use super::tree::{Content, Kind, Tree};
use crate::store::digest::Hashing;

/// The time of every entry when `SOURCE_DATE_EPOCH` is not given: the first second of 1970.
///
/// The files of an image are made from inputs that are named by digest and have no time of their own; a time that
/// says "none was given" is truer than one that is made up, and the same for every version of this program.
pub const NO_TIME: u64 = 0;

/// Why an image cannot be written.
#[derive(Debug, Error)]
pub enum AssembleError {
    /// The archive cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An input is not what it was when the build was planned.
    #[error("{0} changed while the image was written")]
    Changed(ImagePath),
    /// An input cannot be read.
    #[error("{}: {error}", path.display())]
    Input {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// Writes the image with this tree and manifest; `time` is that of every entry, in seconds since 1970.
pub fn assemble<W: Write>(
    tree: &Tree,
    manifest: &ImageManifest,
    time: u64,
    out: W,
    options: WriteOptions,
) -> Result<(W, Written), AssembleError> {
    let mut writer = AciWriter::new(out, options);
    writer.manifest(manifest.to_json().as_bytes(), time)?;
    let root = archive::Entry::new(ROOTFS, EntryKind::Directory, Mode::PROGRAM.bits(), time);
    writer.entry(&root, &mut io::empty())?;
    for (path, entry) in tree.iter() {
        let kind = match &entry.kind {
            Kind::Directory => EntryKind::Directory,
            Kind::File(content) => EntryKind::File { size: content.size() },
            Kind::Symlink(text) => EntryKind::Symlink { target: text.clone() },
        };
        let name = [ROOTFS.as_bytes(), path.as_bytes()].concat();
        let header = archive::Entry::new(name, kind, entry.mode.bits(), time);
        match &entry.kind {
            Kind::File(Content::File { path: file, sha256, .. }) => {
                let input = |error| AssembleError::Input { path: file.clone(), error };
                let mut reader = Hashing::new(BufReader::new(File::open(file).map_err(input)?));
                writer.entry(&header, &mut reader)?;
                if reader.finish() != *sha256 {
                    return Err(AssembleError::Changed(path.clone()));
                }
            }
            Kind::File(Content::Bytes(bytes)) => writer.entry(&header, &mut &bytes[..])?,
            Kind::Directory | Kind::Symlink(_) => writer.entry(&header, &mut io::empty() as &mut dyn Read)?,
        }
    }
    Ok(writer.finish()?)
}
