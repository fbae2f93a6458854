//! `rkt image export`.

use grammar::ImageExportArgs;

use crate::error::{EXIT_OK, Failure};
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &ImageExportArgs) -> Result<u8, Failure> {
    let store = session.store()?;
    let id = store.find_reference(&args.image)?;
    store.export(&id, &args.output, args.overwrite)?;
    Ok(EXIT_OK)
}
