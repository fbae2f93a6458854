//! `rkt stop`.

use grammar::StopArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &StopArgs) -> Result<u8, Failure> {
    Err(crate::command::later("stop", "its parts"))
}
