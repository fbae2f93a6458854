//! `rkt image extract`.

use grammar::ImageExtractArgs;

use crate::error::{EXIT_OK, Failure};
use crate::session::Session;
use crate::store::ExtractOptions;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &ImageExtractArgs) -> Result<u8, Failure> {
    let store = session.store()?;
    let id = store.find_reference(&args.image)?;
    let options = ExtractOptions { rootfs_only: args.rootfs_only, ..ExtractOptions::raw() };
    store.extract_to(&id, &args.output, &options, args.overwrite)?;
    Ok(EXIT_OK)
}
