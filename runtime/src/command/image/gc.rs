//! `rkt image gc`.

use grammar::ImageGcArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &ImageGcArgs) -> Result<u8, Failure> {
    Err(crate::command::later("image gc", "its parts"))
}
