//! `rkt-build explain`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use crate::failure::{ExitStatus, Failure, Problem};

pub(super) const COMMAND: Command = Command {
    name: "explain",
    words: "STEP",
    words_min: 1,
    words_max: 1,
    options: &[],
    summary: "say why a step would run",
    details: "",
    run,
};

fn run(_context: &Context<'_>, _arguments: &Arguments) -> Result<ExitStatus, Failure> {
    Err(Problem::new("`rkt-build explain` is not there yet").into())
}
