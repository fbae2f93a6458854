//! Image archives: the one writer, the reader, the image ID.
//!
//! An image archive is a tar with an entry `manifest` and a directory `rootfs`, compressed or not. Its ID is a hash of
//! the whole uncompressed stream, the padding behind the tar's end included.

mod decode;
mod entry;
mod error;
mod gzip;
mod header;
mod id;
mod limits;
mod names;
mod pax;
mod reader;
mod writer;

pub use decode::Compression;
pub use entry::{Entry, EntryKind};
pub use error::{Damage, ReadError, Refusal, WriteError};
pub use id::image_id_of_file;
pub use limits::Limits;
pub use reader::{ReadSummary, read_aci, read_manifest};
pub use writer::{AciWriter, WriteCompression, WriteOptions, Written};

/// Path of the manifest in an archive.
pub const MANIFEST: &str = "manifest";
/// Path of the directory that becomes the image's root.
pub const ROOTFS: &str = "rootfs";
