//! Pods, with the real programs. Needs root, busybox-static, util-linux, tar, strip and strace.

mod disk;
mod export;
#[path = "../common/killing.rs"]
mod killing;
mod kills;
mod life;
mod mutable;
mod scripted;
mod support;
mod survivors;
mod told;
mod users;
