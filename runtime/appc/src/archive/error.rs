//! What can go wrong with an archive.

use std::convert::Infallible;
use std::fmt;
use std::io;

use super::entry::shown;
use crate::ManifestError;

/// Why an archive was not read to its end.
#[derive(Debug)]
pub enum ReadError<E = Infallible> {
    /// The input could not be read.
    Input(io::Error),
    /// The copy of the uncompressed archive could not be written.
    Tap(io::Error),
    /// The archive is refused.
    Refused {
        /// Path of the entry at fault, if it is one entry's.
        entry: Option<Vec<u8>>,
        /// Why.
        reason: Refusal,
    },
    /// The visitor failed.
    Visit {
        /// Path of the entry that it was shown.
        entry: Vec<u8>,
        /// Its error.
        source: E,
    },
}

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No known compression, no tar.
    #[error("this is not an image archive: neither a tar nor one in gzip, bzip2, xz or zstd")]
    NotAnArchive,
    /// Truncated or altered.
    #[error("the archive is damaged: {0}")]
    Damaged(Damage),
    /// A path with `..`.
    #[error("the path has a `..` component")]
    DotDot,
    /// A path from the root.
    #[error("the path is absolute")]
    Absolute,
    /// A path without a name, or with a NUL.
    #[error("the path is empty or has a NUL byte")]
    BadPath,
    /// To be written, but not in the one form that a path has.
    #[error("the path has an empty or `.` component or a slash at its end")]
    NotClean,
    /// The same path again.
    #[error("the path comes twice")]
    Duplicate,
    /// Something below a symlink.
    #[error("the entry lies below `{}`, which the archive makes a symlink", shown(.0))]
    ThroughSymlink(Vec<u8>),
    /// Something below a file, or a file in place of a directory.
    #[error("the entry lies below `{}`, which the archive does not make a directory", shown(.0))]
    BelowNonDirectory(Vec<u8>),
    /// Something else than a directory where entries lie below.
    #[error("earlier entries lie below this path, so it must be a directory, not a {0}")]
    NotADirectory(&'static str),
    /// `rootfs` is not a directory.
    #[error("`rootfs` must be a directory, not a {0}")]
    Rootfs(&'static str),
    /// A hard link to nothing.
    #[error("the hard link leads to `{}`, which no earlier entry makes", shown(.0))]
    HardlinkTarget(Vec<u8>),
    /// A hard link to a directory.
    #[error("the hard link leads to the directory `{}`", shown(.0))]
    HardlinkToDirectory(Vec<u8>),
    /// A hard link from inside `rootfs` to the outside.
    #[error("the hard link leads out of `rootfs`, to `{}`", shown(.0))]
    HardlinkOutside(Vec<u8>),
    /// A link target that is empty or has a NUL.
    #[error("the link target is empty or has a NUL byte")]
    BadLink,
    /// An entry of a kind that images do not have.
    #[error("the entry has the unsupported type {}", shown(&[*.0]))]
    UnknownType(u8),
    /// A file with holes in GNU's notation.
    #[error("the entry is stored as a sparse file")]
    Sparse,
    /// No manifest.
    #[error("the archive has no `manifest`")]
    NoManifest,
    /// `manifest` is not a file.
    #[error("`manifest` must be a file, not a {0}")]
    ManifestKind(&'static str),
    /// The manifest is wrong.
    #[error("the manifest is refused: {0}")]
    Manifest(ManifestError),
    /// More than a limit allows.
    #[error("the archive has more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Grows too much.
    #[error("{unpacked} bytes came of {packed}: more than {ratio} to 1 looks like a decompression bomb")]
    Ratio {
        /// Bytes of input so far.
        packed: u64,
        /// Bytes of the uncompressed archive so far.
        unpacked: u64,
        /// The limit.
        ratio: u64,
    },
    /// The decoder wants more memory than allowed.
    #[error("unpacking needs more than {0} bytes of memory")]
    Memory(u64),
}

/// How an archive is damaged.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// It ends too early.
    #[error("it ends too early")]
    Truncated,
    /// The compressed data are wrong.
    #[error("the compressed data are wrong ({0})")]
    Compression(io::Error),
    /// A header of the tar is wrong.
    #[error("{0} of a header is wrong")]
    Header(&'static str),
}

impl Refusal {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAnArchive => "give an application container image (.aci)",
            Self::Damaged(_) => "fetch or build the image again",
            Self::Limit { .. } | Self::Ratio { .. } | Self::Memory(_) => {
                "no image of this size or shape is taken; get a smaller one from its maker"
            }
            Self::Sparse => "make the archive without tar's --sparse",
            Self::NoManifest | Self::ManifestKind(_) | Self::Manifest(_) => {
                "mend the manifest and make the image again"
            }
            Self::Rootfs(_) => "put the image's files into a real directory `rootfs`",
            _ => {
                "make the image again with plain paths below `rootfs`, each once, directories before what they hold"
            }
        }
    }
}

impl<E> ReadError<E> {
    pub(super) fn at(entry: &[u8], reason: Refusal) -> Self {
        Self::Refused { entry: Some(entry.to_vec()), reason }
    }

    pub(super) fn whole(reason: Refusal) -> Self {
        Self::Refused { entry: None, reason }
    }

    /// What the user can do about it, if the archive is at fault.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { reason, .. } => Some(reason.hint()),
            _ => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => write!(f, "cannot read the image: {error}"),
            Self::Tap(error) => write!(f, "cannot write the unpacked image: {error}"),
            Self::Refused { entry: None, reason } => write!(f, "{reason}"),
            Self::Refused { entry: Some(path), reason } => write!(f, "entry `{}`: {reason}", shown(path)),
            Self::Visit { entry, source } => write!(f, "entry `{}`: {source}", shown(entry)),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for ReadError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Input(error) | Self::Tap(error) => Some(error),
            Self::Refused { .. } => None,
            Self::Visit { source, .. } => Some(source),
        }
    }
}

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The output failed.
    #[error("cannot write the image: {0}")]
    Output(#[source] io::Error),
    /// The content of a file could not be read.
    #[error("cannot read the content of `{}`: {source}", shown(path))]
    Content {
        /// Path of the entry.
        path: Vec<u8>,
        /// The error.
        source: io::Error,
    },
    /// The content of a file does not have the size that its entry states.
    #[error("the content of `{}` does not have the stated {size} bytes: it changed meanwhile", shown(path))]
    Size {
        /// Path of the entry.
        path: Vec<u8>,
        /// The stated size.
        size: u64,
    },
    /// Entries must come in strictly increasing order.
    #[error("`{}` comes after `{}`: entries must be sorted bytewise, each once", shown(path), shown(after))]
    Order {
        /// Path of the entry.
        path: Vec<u8>,
        /// Path of the entry before.
        after: Vec<u8>,
    },
    /// The manifest must come first, and once.
    #[error("the manifest must be the first entry, and the only one of its name")]
    ManifestPlace,
    /// An entry that no reader would accept.
    #[error("entry `{}`: {reason}", shown(path))]
    Refused {
        /// Path of the entry.
        path: Vec<u8>,
        /// Why.
        reason: Refusal,
    },
    /// A value that the format cannot hold.
    #[error("entry `{}`: {what} cannot be stored", shown(path))]
    Value {
        /// Path of the entry.
        path: Vec<u8>,
        /// Which value.
        what: &'static str,
    },
    /// An earlier call failed, so the archive is incomplete.
    #[error("an earlier entry could not be written, so the image is incomplete")]
    Incomplete,
}
