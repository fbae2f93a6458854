//! systemd in a container of systemd-nspawn: the engine of the flavors host, coreos and src.
//!
//! On the host, [`init`] turns the pod into unit files and an argument list, and becomes nspawn. In the
//! container, systemd starts one service an app; the small helpers among the entry points prepare each
//! app's root before it starts and write its exit status down after it ended.

mod app;
pub(crate) mod apps;
mod beside;
mod cgroup;
mod copy_tree;
pub(crate) mod enter;
pub(crate) mod gc;
pub(crate) mod init;
mod input;
pub(crate) mod inside;
mod isolation;
mod names;
mod nspawn;
mod processes;
pub(crate) mod stop;
mod streams;
mod unit;
mod units;
mod volumes;
mod watch;
