//! `rkt run-prepared`.

use grammar::RunPreparedArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &RunPreparedArgs) -> Result<u8, Failure> {
    Err(crate::command::later("run-prepared", "its parts"))
}
