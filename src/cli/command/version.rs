//! `rkt-build version`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use crate::configure::config;
use crate::failure::{ExitStatus, Failure};

pub(super) const COMMAND: Command = Command {
    name: "version",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[],
    summary: "show the version",
    details: "",
    run,
};

fn run(context: &Context<'_>, _: &Arguments) -> Result<ExitStatus, Failure> {
    context.print(&format!("rkt-build {}\n", config::VERSION))?;
    Ok(ExitStatus::Success)
}
