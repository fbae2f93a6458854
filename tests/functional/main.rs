//! The functional tests: pods, run by the programs that the build makes, one file for each subject of the original's tests.
//!
//! `README.md` says how to add one; `subjects.toml` says what became of each of the original's files.

#[path = "../common/mod.rs"]
mod common;
mod harness;

mod broken_stage1;
mod cat_manifest;
mod diagnostic;
mod dns;
mod enter;
mod env;
mod exec;
mod fly;
mod gc;
mod kills;
mod list;
mod missing_systemd;
mod mount;
mod mount_overlay;
mod mtab;
mod os_arch;
mod pid_file;
mod prepare;
mod process_tree;
mod rm;
mod run_user_group;
mod start_limit;
mod status;
mod stop;
mod volume_mount;
mod volumes;
