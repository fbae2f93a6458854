//! `rkt enter`.

use grammar::EnterArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &EnterArgs) -> Result<u8, Failure> {
    Err(crate::command::later("enter", "its parts"))
}
