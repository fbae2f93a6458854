//! Facts about the machine, and its mounts.

pub mod arch;
mod attributes;
pub mod bind;
pub mod bus;
pub mod capabilities;
pub mod cgroup;
#[cfg(feature = "facts")]
pub mod facts;
#[cfg(feature = "facts")]
pub mod fit;
pub mod job;
#[cfg(feature = "facts")]
pub mod kernel;
pub mod kvm;
pub mod mountinfo;
pub mod mounts;
pub mod namespaces;
pub mod nspawn;
pub mod overlay;
pub mod processes;
pub mod program;
pub mod systemd;
