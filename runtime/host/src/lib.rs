//! Facts about the machine, and its mounts.

pub mod arch;
mod attributes;
pub mod bind;
pub mod bus;
pub mod cgroup;
pub mod mountinfo;
pub mod mounts;
pub mod nspawn;
pub mod overlay;
pub mod program;
pub mod systemd;
