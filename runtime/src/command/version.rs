//! `rkt version`.

use grammar::VersionArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &VersionArgs) -> Result<u8, Failure> {
    Err(crate::command::later("version", "its parts"))
}
