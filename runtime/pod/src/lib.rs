//! Pods on disk, and the protocol between stage0 and stage1.
//!
//! What stands in this crate is a contract with programs that we do not ship: the original rkt may
//! have made the pod that we list, and a stage1 image of somebody else may be called by our stage0.
//! Names of files, the meaning of locks and the spelling of arguments are therefore fixed; each is
//! written down once, here, and used by both stages.
//!
//! * [`layout`]: the names of all files and directories;
//! * [`state`], [`Pod`], [`list`]: states, their directories and locks, and moving between them;
//! * [`lock`]: file locks and key locks, used by the image store too;
//! * [`protocol`]: arguments of the entry points, with encoder (stage0) and decoder (stage1);
//! * [`app`], [`root`]: what an app needs to be started, looked up inside its own root.

pub mod app;
mod contents;
mod error;
pub mod layout;
pub mod list;
pub mod lock;
mod pod;
pub mod process;
pub mod protocol;
pub mod root;
pub mod state;
mod uuid;

pub use contents::{ManifestLock, modified};
pub use error::Error;
pub use layout::DataDir;
pub use pod::Pod;
pub use state::{Directory, State};
pub use uuid::{InvalidUuid, Uuid};
