//! What an image is made of: a tree of entries, each with its origin, and the layers that yield them.
//!
//! Nothing is assembled on disk. Owner, mode and time are values of the plan, never read from the file system:
//! so no root is needed, no umask leaks in, and the same inputs give the same bytes.

pub mod assemble;
pub mod folder;
pub mod layer;
pub mod path;
pub mod tree;

pub use folder::Folder;
pub use layer::Layer;
pub use path::{ImagePath, Mode};
pub use tree::{Content, Entry, Kind, Origin, Tree, TreeError};
