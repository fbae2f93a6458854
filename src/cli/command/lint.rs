//! `rkt-build lint`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use crate::failure::{ExitStatus, Failure, Problem};

pub(super) const COMMAND: Command = Command {
    name: "lint",
    words: "FILE",
    words_min: 1,
    words_max: 1,
    options: &[],
    summary: "say whether an image keeps the contract of stage1 images",
    details: "",
    run,
};

fn run(_context: &Context<'_>, _arguments: &Arguments) -> Result<ExitStatus, Failure> {
    Err(Problem::new("`rkt-build lint` is not there yet").into())
}
