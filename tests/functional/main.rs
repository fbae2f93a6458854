//! The functional tests: pods, run by the programs that the build makes, one file for each subject of the original's tests.
//!
//! `README.md` says how to add one; `subjects.toml` says what became of each of the original's files.

#[path = "../common/mod.rs"]
mod common;
mod harness;

mod app_names;
mod app_sandbox;
mod arguments;
mod attach;
mod broken_stage1;
mod caps;
mod cat_manifest;
mod devices;
mod diagnostic;
mod dns;
mod enter;
mod env;
mod etc_hosts;
mod event_handlers;
mod exec;
mod exit;
mod export;
mod fly;
mod gc;
mod hostname;
mod image_gc;
mod interactive;
mod ipcns;
mod isolators;
mod journal;
mod kills;
mod list;
mod missing_systemd;
mod mount;
mod mount_overlay;
mod mountns;
mod mtab;
mod no_new_privs;
mod notify;
mod os_arch;
mod paths;
mod pid_file;
mod prepare;
mod process_tree;
mod read_only;
mod registration;
mod rm;
mod run_pod_manifest;
mod run_user_group;
mod seccomp;
mod service_file;
mod socket_activation;
mod start_limit;
mod status;
mod stop;
mod systemd_versions;
mod units;
mod userns;
mod volume_mount;
mod volumes;
