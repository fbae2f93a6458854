//! `rkt-build uninstall`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use super::build::lock;
use crate::failure::{ExitStatus, Failure};
use crate::install;

pub(super) const COMMAND: Command = Command {
    name: "uninstall",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[],
    summary: "take away what install put in place",
    details: "",
    run,
};

fn run(context: &Context<'_>, _arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let config = context.saved_config()?;
    let _lock = lock(context, &config.builddir)?;
    install::uninstall(&config, context.run.destdir.as_deref(), context.sink)
        .map_err(|errors| Failure { errors, status: ExitStatus::Failed })?;
    Ok(ExitStatus::Success)
}
