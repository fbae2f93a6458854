//! Pods, with the real programs. Needs root, busybox-static, util-linux, tar, strip and strace.

mod disk;
#[path = "../common/killing.rs"]
mod killing;
mod kills;
mod life;
mod support;
mod users;
