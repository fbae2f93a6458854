//! `rkt image list`.

use grammar::ImageListArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &ImageListArgs) -> Result<u8, Failure> {
    Err(crate::command::later("image list", "its parts"))
}
