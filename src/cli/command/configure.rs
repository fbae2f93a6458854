//! `rkt-build configure`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use crate::configure;
use crate::failure::{ExitStatus, Failure};

pub(in crate::cli) const COMMAND: Command = Command {
    name: "configure",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[],
    summary: "check the options and this machine, and write down what to build",
    details: "Writes config.json into the build directory. Where the sources (--srcdir) are elsewhere, a Makefile that \
              forwards to theirs is written into the current directory. ./configure does the same.",
    run,
};

fn run(context: &Context<'_>, _: &Arguments) -> Result<ExitStatus, Failure> {
    let config = context.configure()?;
    if !context.run.no_create {
        config.save()?;
        configure::forward::write(&config)?;
    }
    if context.run.verbosity > 0 {
        context.print(&configure::summary::render(&config))?;
    }
    Ok(ExitStatus::Success)
}
