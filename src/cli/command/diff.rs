//! `rkt-build diff`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use crate::failure::{ExitStatus, Failure, Problem};

pub(super) const COMMAND: Command = Command {
    name: "diff",
    words: "A B",
    words_min: 2,
    words_max: 2,
    options: &[],
    summary: "compare two images, entry by entry",
    details: "",
    run,
};

fn run(_context: &Context<'_>, _arguments: &Arguments) -> Result<ExitStatus, Failure> {
    Err(Problem::new("`rkt-build diff` is not there yet").into())
}
