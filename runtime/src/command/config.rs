//! `rkt config`.

use std::io::Write as _;

use grammar::ConfigArgs;

use crate::error::{EXIT_OK, Failure};
use crate::format::json_with_tabs;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &ConfigArgs) -> Result<u8, Failure> {
    let config = session.config()?.to_json();
    let text = if args.pretty_print { json_with_tabs(&config)? } else { config.to_string() };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(EXIT_OK)
}
