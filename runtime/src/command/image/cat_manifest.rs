//! `rkt image cat-manifest`.

use std::io::Write as _;

use grammar::ImageNameArgs;

use crate::error::{EXIT_OK, Failure};
use crate::format::json_with_tabs;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &ImageNameArgs) -> Result<u8, Failure> {
    let store = session.store()?;
    let manifest = store.manifest(&store.find_reference(&args.image)?)?;
    let text = if args.pretty_print { json_with_tabs(&manifest)? } else { manifest.to_json() };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(EXIT_OK)
}
