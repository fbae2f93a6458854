//! The sub-commands. Each has a file with its row of the table and a few lines that call the library.

mod build;
mod check;
mod clean;
mod configure;
mod diff;
mod explain;
mod help;
mod inspect;
mod install;
mod lint;
mod plan;
mod uninstall;
mod version;

use super::context::Context;
use super::parse::Arguments;
use crate::failure::{ExitStatus, Failure};
use crate::plan::Plan;
use crate::store::memory::Memory;

pub(super) use configure::COMMAND as CONFIGURE;

/// An option of one sub-command.
#[derive(Debug, Clone, Copy)]
pub struct OwnOption {
    /// Its name, without dashes.
    pub name: &'static str,
    /// A letter that stands for it.
    pub letter: Option<&'static str>,
    /// What stands for its value in the help; empty for a switch.
    pub metavar: &'static str,
    /// What it does.
    pub help: &'static str,
}

impl OwnOption {
    /// A switch.
    const fn switch(name: &'static str, help: &'static str) -> Self {
        Self { name, letter: None, metavar: "", help }
    }
}

/// A sub-command.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// What is typed.
    pub name: &'static str,
    /// Its words as the help shows them: `FILE`, `A B`, `[COMMAND]`.
    pub words: &'static str,
    /// How many words it needs.
    pub words_min: usize,
    /// How many words it takes.
    pub words_max: usize,
    /// Its own options.
    pub options: &'static [OwnOption],
    /// One line for the list of commands.
    pub summary: &'static str,
    /// What else there is to say.
    pub details: &'static str,
    /// Does it.
    pub run: fn(&Context<'_>, &Arguments) -> Result<ExitStatus, Failure>,
}

impl Command {
    /// An own option by its name or letter.
    pub fn option(&self, name: &str) -> Option<&'static OwnOption> {
        self.options.iter().find(|option| option.name == name || option.letter == Some(name))
    }

    /// How it is called.
    pub fn usage(&self) -> String {
        let mut usage = format!("rkt-build {}", self.name);
        if !self.options.is_empty() {
            usage.push_str(" [OPTION]...");
        }
        if !self.words.is_empty() {
            usage.push(' ');
            usage.push_str(self.words);
        }
        usage
    }
}

/// All sub-commands, in the order of the help.
pub const COMMANDS: &[Command] = &[
    configure::COMMAND,
    plan::COMMAND,
    build::COMMAND,
    install::COMMAND,
    uninstall::COMMAND,
    check::COMMAND,
    clean::COMMAND,
    explain::COMMAND,
    inspect::COMMAND,
    diff::COMMAND,
    lint::COMMAND,
    help::COMMAND,
    version::COMMAND,
];

/// A sub-command by its name.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// Whether any sub-command has an own option of this name.
pub(super) fn is_own_option(name: &str) -> bool {
    COMMANDS.iter().any(|command| command.option(name).is_some())
}

/// What happens without a sub-command: configure, build and install.
pub(super) fn everything(context: &Context<'_>) -> Result<ExitStatus, Failure> {
    context.reconfigure()?;
    let config = context.config_for_work()?;
    // A place that cannot be written to is told before anything is compiled.
    let mut problems = crate::install::check(&config, context.run.destdir.as_deref());
    if !problems.is_empty() {
        // So is whatever else is missing, in the same run.
        let mut memory = Memory::open(&crate::build::memory_file(&config.builddir));
        problems.extend(Plan::of(&config, &[], &mut memory).missing);
        return Err(Failure::refused(problems));
    }
    if context.run.no_create {
        return (build::COMMAND.run)(context, &Arguments::default());
    }
    for run in [build::COMMAND.run, install::COMMAND.run] {
        let status = run(context, &Arguments::default())?;
        if status != ExitStatus::Success {
            return Ok(status);
        }
    }
    Ok(ExitStatus::Success)
}
