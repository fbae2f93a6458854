//! Flavors: what an image is made of, as data.
//!
//! `flavors/<name>/flavor.toml` is compiled in; a folder given with `--with-flavors-dir` adds flavors and
//! replaces those of the same name. The file is a public interface: [`FILE_HELP`] lists its keys.

mod compose;
mod fault;
mod file;
mod known;

use appc::AcIdentifier;

use crate::image::{Folder, ImagePath, Layer};
use crate::store::digest::Digest;

pub use fault::Fault;
pub use known::{FlavorInfo, check, known, load};

/// Every key of a flavor file, for people: `rkt-build help flavor-file`.
pub const FILE_HELP: &str = include_str!("flavor-file.txt");

/// A flavor with everything that it extends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flavor {
    /// Its name, as in `--with-stage1-flavors`.
    pub name: String,
    /// One line about it.
    pub summary: String,
    /// The ACI architectures that it can be built for; empty for all.
    pub arches: Vec<String>,
    /// The name of the image.
    pub image_name: AcIdentifier,
    /// The version of the contract with stage0.
    pub interface_version: u32,
    /// Names and paths of the entry points, in the order in which the manifest has them.
    pub entry_points: Vec<(&'static str, ImagePath)>,
    /// The layers, those of the extended flavor first.
    pub layers: Vec<PlacedLayer>,
    /// The flavor files that were read, by flavor name, with their digests.
    pub files: Vec<(String, Digest)>,
}

/// A layer, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedLayer {
    /// The layer.
    pub layer: Layer,
    /// The flavor whose file has it.
    pub flavor: String,
    /// Its number in that file, from 1.
    pub number: usize,
    /// File, line and column, for messages.
    pub place: String,
    /// The folder of that file.
    pub folder: Folder,
}

impl Flavor {
    /// Whether it can be built for an ACI architecture.
    pub fn builds_for(&self, arch: &str) -> bool {
        self.arches.is_empty() || self.arches.iter().any(|known| known == arch)
    }

    /// The file name of its image.
    pub fn file_name(&self) -> String {
        format!("stage1-{}.aci", self.name)
    }
}
