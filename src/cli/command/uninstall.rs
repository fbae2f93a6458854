//! `rkt-build uninstall`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use crate::failure::{ExitStatus, Failure, Problem};

pub(super) const COMMAND: Command = Command {
    name: "uninstall",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[],
    summary: "take away what install put in place",
    details: "",
    run,
};

fn run(_context: &Context<'_>, _arguments: &Arguments) -> Result<ExitStatus, Failure> {
    Err(Problem::new("`rkt-build uninstall` is not there yet").into())
}
