//! `rkt-build help`

use super::super::context::Context;
use super::super::parse::{Arguments, Help};
use super::super::{help, suggest};
use super::{COMMANDS, Command};
use crate::failure::{ExitStatus, Failure, Problem};
use crate::flavor::FILE_HELP;

pub(super) const COMMAND: Command = Command {
    name: "help",
    words: "[COMMAND]",
    words_min: 0,
    words_max: 1,
    options: &[],
    summary: "show this help, or that of a command",
    details: "`rkt-build help flavor-file` lists the keys of a flavor file.",
    run,
};

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let Some(word) = arguments.words.first() else {
        context.print(&help::general(Help::Full, false))?;
        return Ok(ExitStatus::Success);
    };
    let name = word.to_string_lossy();
    if name == "flavor-file" {
        context.print(FILE_HELP)?;
        return Ok(ExitStatus::Success);
    }
    let Some(command) = super::find(&name) else {
        let problem = Problem::new(format!("unknown command \"{name}\""));
        let hint = match suggest::nearest(&name, COMMANDS.iter().map(|c| c.name)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "`rkt-build help` lists the commands".to_owned(),
        };
        return Err(Failure::usage(vec![problem.hint(hint)]));
    };
    context.print(&help::command(command))?;
    Ok(ExitStatus::Success)
}
