//! rkt, stage0: images, pods, stage1 selection and the commands.

pub mod cli;
pub mod command;
pub mod config;
pub mod defaults;
pub mod error;
pub mod fetch;
pub mod format;
pub mod insecure;
mod open_dirs;
pub mod output_file;
pub mod pod;
pub mod session;
pub mod signals;
pub mod stage1;
pub mod store;
