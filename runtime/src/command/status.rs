//! `rkt status`.

use grammar::StatusArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &StatusArgs) -> Result<u8, Failure> {
    Err(crate::command::later("status", "its parts"))
}
