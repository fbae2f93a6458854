//! `rkt gc`.

use grammar::GcArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &GcArgs) -> Result<u8, Failure> {
    Err(crate::command::later("gc", "its parts"))
}
