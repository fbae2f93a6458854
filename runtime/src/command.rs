//! The commands: each reads its flags, calls the library and prints.

pub mod app;
pub mod attach;
pub mod cat_manifest;
pub mod check_host;
pub mod config;
pub mod enter;
pub mod export;
pub mod fetch;
pub mod gc;
pub mod image;
pub mod list;
pub mod output;
pub mod prepare;
pub mod rm;
pub mod run;
pub mod run_prepared;
pub mod status;
pub mod stop;
pub mod version;

use crate::error::Failure;

/// The answer to a command that is known but not there yet.
pub fn later(command: &str, subject: &str) -> Failure {
    Failure::new(format!(
        "`rkt {command}` is not part of this version of rkt: {subject} come with a later one"
    ))
    .hint("`rkt help` lists what there is")
}
