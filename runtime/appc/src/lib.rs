//! The App Container format: types, the one ACI writer, the reader, the image ID.
//!
//! Without features the crate holds the types of image and pod manifests and nothing that needs C code, so that the
//! static stage1 executable can use it. The feature `archive` adds [`archive`]: reading and writing image archives.
//!
//! Every object keeps the JSON fields that it does not know in its `extra` map, in their order, behind the known ones.

mod app;
#[cfg(feature = "archive")]
pub mod archive;
mod error;
mod image;
mod image_id;
mod isolator;
mod json;
mod label;
mod name;
mod platform;
mod pod;
mod quantity;
mod volume;

pub use app::{App, EnvironmentVariable, EventHandler, EventName};
pub use error::ManifestError;
pub use image::{AC_VERSION, Dependency, ImageManifest};
pub use image_id::{ImageId, InvalidImageId};
pub use isolator::{Isolator, IsolatorValue, Resource, Seccomp};
pub use label::{Annotation, Label};
pub use name::{AcIdentifier, AcName, InvalidName, SemVer};
pub use platform::{PLATFORMS, Platform, arch_of_go, runnable_by_rkt};
pub use pod::{PodManifest, RuntimeApp, RuntimeImage};
pub use quantity::{InvalidQuantity, Quantity};
pub use volume::{ExposedPort, Mount, MountPoint, Port, Volume, VolumeKind};

/// What a manifest object holds besides the fields that this crate knows.
pub type Extra = serde_json::Map<String, serde_json::Value>;
