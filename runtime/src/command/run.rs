//! `rkt run`.

use grammar::RunArgs;

use crate::cli::TypedApp;
use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &RunArgs, _apps: &[TypedApp]) -> Result<u8, Failure> {
    Err(crate::command::later("run", "its parts"))
}
