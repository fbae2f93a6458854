//! `rkt-build install`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use super::build::lock;
use crate::failure::{ExitStatus, Failure};
use crate::install;

pub(super) const COMMAND: Command = Command {
    name: "install",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[],
    summary: "put what was built in its place, below DESTDIR",
    details: "",
    run,
};

fn run(context: &Context<'_>, _arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let config = context.saved_config()?;
    let destdir = context.run.destdir.as_deref();
    if context.run.no_create {
        let problems = install::check(&config, destdir);
        return if problems.is_empty() { Ok(ExitStatus::Success) } else { Err(Failure::refused(problems)) };
    }
    let _lock = lock(context, &config.builddir)?;
    install::install(&config, destdir, context.sink)?;
    Ok(ExitStatus::Success)
}
