//! The flavor fly: one app a pod, under `chroot`, in the namespaces of its caller.
//!
//! The pod's process becomes the app. There is no network, no limit and no filter of its own. Mounts
//! are made in the caller's mount namespace, because users of fly rely on seeing them there; `gc` takes
//! them away.

pub(crate) mod enter;
mod files;
pub(crate) mod gc;
mod mounts;
pub(crate) mod run;
pub(crate) mod stop;
mod volumes;

/// Flags of later interface versions and of flavors with namespaces, which fly does not define.
const UNDEFINED_FLAGS: &[&str] = &["private-users", "mutable", "ipc"];
