//! `rkt-build plan`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::{Command, OwnOption};
use crate::failure::{ExitStatus, Failure, Problem};

pub(super) const COMMAND: Command = Command {
    name: "plan",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[OwnOption { name: "json", metavar: "", help: "as JSON" }],
    summary: "show every step of the build: inputs, outputs, key, and what is missing",
    details: "",
    run,
};

fn run(_context: &Context<'_>, _arguments: &Arguments) -> Result<ExitStatus, Failure> {
    Err(Problem::new("`rkt-build plan` is not there yet").into())
}
