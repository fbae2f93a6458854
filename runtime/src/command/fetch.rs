//! `rkt fetch`.

use grammar::FetchArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &FetchArgs) -> Result<u8, Failure> {
    Err(crate::command::later("fetch", "its parts"))
}
