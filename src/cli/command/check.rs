//! `rkt-build check`

use std::path::PathBuf;
use std::process::Command as Process;

use super::super::context::Context;
use super::super::parse::Arguments;
use super::{Command, OwnOption};
use crate::configure::Key;
use crate::event::Event;
use crate::failure::{ExitStatus, Failure, Problem};

pub(super) const COMMAND: Command = Command {
    name: "check",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[OwnOption {
        name: "functional",
        metavar: "",
        help: "refuse unless the functional tests were switched on (--enable-functional-tests)",
    }],
    summary: "run the tests of the checkout, as root",
    details: "Runs tests/run of the sources (--srcdir, the configured ones, or the current directory).",
    run,
};

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let saved = context.saved_config();
    if arguments.flag("functional") && !saved.clone()?.features.functional_tests {
        let problem = Problem::new("the functional tests are switched off")
            .hint("configure with --enable-functional-tests, or run all tests with `make check`");
        return Err(problem.into());
    }
    let given = context.options.value(Key::SourceDirectory).map(PathBuf::from);
    let srcdir = given.or_else(|| saved.ok()?.srcdir).unwrap_or_else(|| PathBuf::from("."));
    let program = std::path::absolute(srcdir.join("tests/run")).unwrap_or_default();
    let place = program.display().to_string();
    if !program.is_file() {
        let problem = Problem::new("there are no tests here").at(place).hint("name a checkout with --srcdir");
        return Err(Failure::refused(vec![problem]));
    }
    context.sink.send(Event::Command { words: vec![place.clone()], directory: None });
    let status = Process::new(&program)
        .status()
        .map_err(|error| Problem::new(format!("cannot run the tests: {error}")).at(place))?;
    Ok(if status.success() { ExitStatus::Success } else { ExitStatus::Failed })
}
