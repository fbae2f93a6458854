//! `rkt prepare`.

use grammar::PrepareArgs;

use crate::cli::TypedApp;
use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &PrepareArgs, _apps: &[TypedApp]) -> Result<u8, Failure> {
    Err(crate::command::later("prepare", "its parts"))
}
