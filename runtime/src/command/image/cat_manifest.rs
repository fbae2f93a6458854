//! `rkt image cat-manifest`.

use grammar::ImageNameArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &ImageNameArgs) -> Result<u8, Failure> {
    Err(crate::command::later("image cat-manifest", "its parts"))
}
