//! The kinds of layers. Each is one type, read from a flavor file, with one function that yields entries.

mod entries;
mod files;
mod stage1;

use thiserror::Error;

pub use entries::Entries;
pub use files::Files;
pub use stage1::Stage1;

use super::folder::{Folder, FolderError};
use super::path::{ImagePath, Mode};
use super::tree::{Content, Kind};

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// The static executable under its names.
    Stage1(Stage1),
    /// Entries written in the flavor file itself.
    Entries(Entries),
    /// A folder beside the flavor file.
    Files(Files),
}

/// What a layer needs to yield its entries.
#[derive(Debug)]
pub struct Context<'a> {
    /// The folder of the flavor file that names the layer.
    pub folder: &'a Folder,
    /// The static executable.
    pub stage1: &'a Content,
}

/// An entry that a layer yields; the caller knows the rest of its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it goes.
    pub path: ImagePath,
    /// What it is.
    pub kind: Kind,
    /// Its permission bits.
    pub mode: Mode,
    /// Which input it is made of, where there is one.
    pub input: Option<String>,
}

/// Why a layer cannot yield its entries.
#[derive(Debug, Error)]
pub enum LayerError {
    /// The folder beside the flavor file cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A path inside the image would not be one.
    #[error(transparent)]
    Path(#[from] super::path::InvalidPath),
    /// A link would lead out of the image, or is absolute.
    #[error("{place}: the link leads to {target}, outside of its folder")]
    LinkLeadsOut {
        /// The link.
        place: String,
        /// Its text.
        target: String,
    },
    /// A mode is given for something that is not there.
    #[error("a mode is given for {0}, but the folder does not hold it")]
    NoSuchFile(ImagePath),
}

impl Layer {
    /// The names of all kinds, as `from` in a flavor file gives them.
    pub const KINDS: [&'static str; 3] = ["stage1", "entries", "files"];

    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stage1(_) => "stage1",
            Self::Entries(_) => "entries",
            Self::Files(_) => "files",
        }
    }

    /// Paths that this layer may replace although an earlier one brings them.
    pub fn replaces(&self) -> &[ImagePath] {
        match self {
            Self::Stage1(layer) => &layer.replaces,
            Self::Entries(layer) => &layer.replaces,
            Self::Files(layer) => &layer.replaces,
        }
    }

    /// Its entries.
    pub fn items(&self, context: &Context<'_>) -> Result<Vec<Item>, LayerError> {
        match self {
            Self::Stage1(layer) => Ok(layer.items(context)),
            Self::Entries(layer) => Ok(layer.items()),
            Self::Files(layer) => layer.items(context),
        }
    }
}
