//! `rkt-build inspect`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::{Command, OwnOption};
use crate::failure::{ExitStatus, Failure, Problem};

pub(super) const COMMAND: Command = Command {
    name: "inspect",
    words: "FILE",
    words_min: 1,
    words_max: 1,
    options: &[OwnOption { name: "json", metavar: "", help: "as JSON" }],
    summary: "show what is in an image",
    details: "",
    run,
};

fn run(_context: &Context<'_>, _arguments: &Arguments) -> Result<ExitStatus, Failure> {
    Err(Problem::new("`rkt-build inspect` is not there yet").into())
}
