//! `rkt config`.

use grammar::ConfigArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &ConfigArgs) -> Result<u8, Failure> {
    Err(crate::command::later("config", "its parts"))
}
