//! `rkt cat-manifest`.

use grammar::CatManifestArgs;

use crate::error::Failure;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, _args: &CatManifestArgs) -> Result<u8, Failure> {
    Err(crate::command::later("cat-manifest", "its parts"))
}
