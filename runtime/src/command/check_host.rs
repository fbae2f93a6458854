//! `rkt check-host`.

mod document;
mod table;

use std::io::Write as _;

use grammar::CheckHostArgs;
use host::facts::Facts;
use host::fit::FLAVORS;

use super::output;
use crate::error::{EXIT_OK, EXIT_UNFIT, Failure};
use crate::session::Session;
use crate::stage1::select;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &CheckHostArgs) -> Result<u8, Failure> {
    let default_flavor = select::default_flavor(session)?;
    let facts = Facts::gather(&session.data_dir()?);
    let verdicts: Vec<_> = FLAVORS.iter().map(|flavor| (flavor.name, flavor.judge(&facts))).collect();
    if args.json {
        let document = document::Document::new(&facts, &verdicts, default_flavor.as_deref());
        output::json(&document, output::Format::Json)?;
    } else {
        let text = table::text(&facts, &verdicts, default_flavor.as_deref());
        std::io::stdout().write_all(text.as_bytes())?;
    }
    let default = verdicts.iter().find(|(name, _)| Some(*name) == default_flavor.as_deref());
    Ok(if default.is_none_or(|(_, verdict)| verdict.works()) { EXIT_OK } else { EXIT_UNFIT })
}
