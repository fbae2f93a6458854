//! `rkt-build check`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use crate::failure::{ExitStatus, Failure, Problem};

pub(super) const COMMAND: Command = Command {
    name: "check",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[],
    summary: "run the tests of the checkout that can run here",
    details: "",
    run,
};

fn run(_context: &Context<'_>, _arguments: &Arguments) -> Result<ExitStatus, Failure> {
    Err(Problem::new("`rkt-build check` is not there yet").into())
}
