//! `rkt list`.

use grammar::ListArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &ListArgs) -> Result<u8, Failure> {
    Err(crate::command::later("list", "its parts"))
}
