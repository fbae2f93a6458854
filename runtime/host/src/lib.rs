//! Facts about the machine, and its mounts.

pub mod arch;
mod attributes;
pub mod bind;
pub mod mountinfo;
pub mod mounts;
pub mod overlay;
pub mod processes;
