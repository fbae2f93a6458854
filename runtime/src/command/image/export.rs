//! `rkt image export`.

use grammar::ImageExportArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &ImageExportArgs) -> Result<u8, Failure> {
    Err(crate::command::later("image export", "its parts"))
}
