//! `rkt image rm`.

use grammar::ImagesArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &ImagesArgs) -> Result<u8, Failure> {
    Err(crate::command::later("image rm", "its parts"))
}
