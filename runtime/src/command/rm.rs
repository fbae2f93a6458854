//! `rkt rm`.

use grammar::RmArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &RmArgs) -> Result<u8, Failure> {
    Err(crate::command::later("rm", "its parts"))
}
