//! `rkt image render`.

use grammar::ImageExtractArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &ImageExtractArgs) -> Result<u8, Failure> {
    Err(crate::command::later("image render", "its parts"))
}
