//! `rkt app list`.

use std::io::Write as _;

use grammar::AppListArgs;

use crate::error::{Context as _, EXIT_APP, Failure};
use crate::format::Table;
use crate::pod::{find, status};
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &AppListArgs) -> Result<u8, Failure> {
    list(session, args).map_err(|failure| failure.code(EXIT_APP))
}

fn list(session: &Session, args: &AppListArgs) -> Result<u8, Failure> {
    let pod = find::pod(&session.pods()?, &args.uuid)?;
    let apps = status::apps(&pod).context("error getting app list")?;
    let mut table = Table::new();
    if !args.no_legend {
        table.row(["NAME", "STATE"].map(str::to_owned));
    }
    for app in apps {
        table.row([app.name, app.state.to_owned()]);
    }
    write!(std::io::stdout(), "{table}")?;
    Ok(0)
}
