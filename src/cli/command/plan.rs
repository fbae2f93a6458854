//! `rkt-build plan`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::{Command, OwnOption};
use crate::build;
use crate::failure::{ExitStatus, Failure};
use crate::plan::{self, Plan};
use crate::store::memory::Memory;

pub(super) const COMMAND: Command = Command {
    name: "plan",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[OwnOption::switch("json", "as JSON")],
    summary: "show every step of the build: inputs, outputs, key, and what is missing",
    details: "It writes nothing. The exit code is 3 when something is missing.",
    run,
};

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let config = context.config()?;
    let plan = Plan::new(&config, &mut Memory::open(&build::memory_file(&config.builddir)));
    let text =
        if arguments.flag("json") { format!("{:#}\n", plan::to_json(&plan)) } else { plan::to_text(&plan) };
    context.print(&text)?;
    // What is missing is part of the plan; that something is makes the difference of the exit code.
    Ok(if plan.missing.is_empty() { ExitStatus::Success } else { ExitStatus::Refused })
}
