//! The command line. The only place that prints.

mod command;
mod context;
mod help;
mod parse;
mod render;
mod suggest;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

pub use command::{COMMANDS, Command, OwnOption};
pub use context::{Context, Run};
pub use parse::{Arguments, Help, Invocation, Jobs, parse};

use crate::configure;
use crate::failure::{ExitStatus, Failure, Problem};

/// Does what the words of a command line say, the name of the program first.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut words = words.into_iter();
    let program = words.next().unwrap_or_default();
    let only_configure = Path::new(&program).file_name().is_some_and(|name| name == "configure");
    let (invocation, errors) = parse(only_configure, words);
    let outcome = if errors.is_empty() { run(&invocation) } else { Err(all_wrong(&invocation, errors)) };
    let status = outcome.unwrap_or_else(|failure| {
        for error in &failure.errors {
            eprintln!("{}", render::problem_text("error", error));
        }
        failure.status
    });
    ExitCode::from(u8::from(status))
}

/// What is wrong with the words, and with the configuration that the other words ask for: nobody mends one to learn of the next.
fn all_wrong(invocation: &Invocation, mut errors: Vec<Problem>) -> Failure {
    let configures = invocation.options.configures()
        || invocation.command.is_some_and(|command| command.name == "configure");
    if configures && invocation.help.is_none() && !invocation.version {
        // Warnings would be about what was only half understood.
        match configure::probe::gather(&invocation.options) {
            Ok(facts) => {
                let found = configure::check(&invocation.options, &facts).config.err();
                errors.extend(found.unwrap_or_default());
            }
            Err(problem) => errors.push(problem),
        }
    }
    Failure::usage(errors)
}

fn how(invocation: &Invocation) -> Run {
    Run {
        verbosity: verbosity(invocation),
        jobs: invocation.jobs,
        no_create: invocation.no_create,
        destdir: variable(invocation, "DESTDIR").filter(|value| !value.is_empty()).map(Into::into),
    }
}

fn run(invocation: &Invocation) -> Result<ExitStatus, Failure> {
    let renderer = render::Renderer::new(verbosity(invocation));
    let context = Context::new(&invocation.options, how(invocation), &renderer);
    if let Some(help) = invocation.help {
        let text = match invocation.command {
            Some(command) if command.name != "configure" => help::command(command),
            Some(_) => help::general(help, true),
            None => help::general(help, false),
        };
        context.print(&text)?;
        return Ok(ExitStatus::Success);
    }
    if invocation.version {
        return (command::find("version").unwrap_or(&command::CONFIGURE).run)(
            &context,
            &Arguments::default(),
        );
    }
    match invocation.command {
        Some(command) => (command.run)(&context, &invocation.arguments),
        None => command::everything(&context),
    }
}

/// A `NAME=VALUE` word, else the environment.
fn variable(invocation: &Invocation, name: &str) -> Option<OsString> {
    invocation.options.variables.get(name).map(OsString::from).or_else(|| std::env::var_os(name))
}

/// 0 to 3. Anything else than a number of that range counts as 1, as it always did.
fn verbosity(invocation: &Invocation) -> u8 {
    if invocation.quiet {
        return 0;
    }
    let named = variable(invocation, "V").and_then(|value| match value.to_str()? {
        "0" | "quiet" | "silent" => Some(0_u8),
        "2" | "all" => Some(2),
        "3" | "raw" => Some(3),
        _ => None,
    });
    u8::saturating_add(named.unwrap_or(1), invocation.verbose).min(3)
}
