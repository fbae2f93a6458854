//! Facts about the machine: mounts, overlay support, architecture.

pub mod arch;
pub mod mountinfo;
pub mod mounts;
pub mod overlay;
