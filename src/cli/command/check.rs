//! `rkt-build check`

use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use super::super::context::Context;
use super::super::parse::Arguments;
use super::{Command, OwnOption, build};
use crate::check::{Wanted, go_words, select};
use crate::configure::{self, Config, Key, config};
use crate::event::Event;
use crate::failure::{ExitStatus, Failure, Problem};

pub(super) const COMMAND: Command = Command {
    name: "check",
    words: "[-- -run NAME]",
    words_min: 0,
    words_max: usize::MAX,
    options: &[
        OwnOption::switch("functional", "the functional tests too, even without --enable-functional-tests"),
        OwnOption::switch("functional-only", "the functional tests alone"),
        OwnOption {
            name: "flavor",
            letter: Some("f"),
            metavar: "FLAVOR",
            help: "the functional tests too, of this flavor; may be given several times",
        },
    ],
    summary: "run the tests of the checkout, as root",
    details: "Runs the unit tests and those of the build, with tests/run of the sources (--srcdir, the configured ones, \
              or the current directory). Functional tests run pods: with --enable-functional-tests, of the flavors that \
              are configured, which are built first; where nothing is configured, the tests build what they need. \
              `-run NAME` runs only the functional tests whose path has NAME in it, such as dns::host; NAME may be \
              several names separated by |, each with ^ before and $ behind it. Other parts of regular expressions are \
              not supported. A name that no test has is an error.",
    run,
};

/// The parts of the tests, as tests/run knows them.
const UNIT: &str = "unit";
const FUNCTIONAL: &str = "functional";

/// The variable that tells the functional tests whose programs they are to run.
const BUILD: &str = "RKT_TEST_BUILD";

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let config = configure::probe::builddir(context.options)?.join(config::FILE_NAME);
    let saved = if config.exists() { Some(context.saved_config()?) } else { None };
    let text = |word: &std::ffi::OsString| word.to_string_lossy().into_owned();
    let words: Vec<_> = arguments.words.iter().map(text).collect();
    let pattern = go_words(&words).map_err(Failure::usage)?;
    let wanted = Wanted {
        flavors: arguments.values("flavor").iter().map(text).collect(),
        built: saved.as_ref().map(|config| config.flavors.clone()),
        pattern,
    };
    let only = arguments.flag("functional-only") || wanted.pattern.is_some();
    let functional = only
        || arguments.flag("functional")
        || !wanted.flavors.is_empty()
        || saved.as_ref().is_some_and(|config| config.features.functional_tests);
    let tests = Tests::find(context, saved.as_ref())?;
    let configured = saved.as_ref().filter(|_| functional);
    if configured.is_some_and(|config| config.cross) {
        let problem = Problem::new("what is built here does not run on this machine")
            .hint("configure without --host for the functional tests");
        return Err(Failure::refused(vec![problem]));
    }
    if context.run.no_create {
        if let Some(config) = configured {
            build::steps(context, config, &[])?;
        }
        let parts = [(!only, UNIT), (functional, FUNCTIONAL)];
        let lines = parts.iter().filter(|(meant, _)| *meant);
        let lines = lines.map(|(_, part)| format!("{} {part}\n", tests.program.display()));
        context.print(&lines.collect::<String>())?;
        return Ok(ExitStatus::Success);
    }
    // What is wrong with names is told before anything is built and tested.
    let list = if functional { Some(tests.list()?) } else { None };
    let meant = list.as_deref().map(|list| select(list, &wanted)).transpose().map_err(Failure::refused)?;
    if let Some(config) = configured {
        build::steps(context, config, &[])?;
    }
    let mut good = only || tests.run(UNIT, &[])?;
    if let Some(paths) = meant {
        let words: Vec<_> = std::iter::once("--exact").chain(paths).collect();
        good &= tests.run(FUNCTIONAL, &words)?;
    }
    Ok(if good { ExitStatus::Success } else { ExitStatus::Failed })
}

/// `tests/run` of a checkout.
struct Tests<'a> {
    context: &'a Context<'a>,
    program: PathBuf,
    /// The build directory whose programs are tested, if there is one.
    build: Option<&'a Path>,
}

impl<'a> Tests<'a> {
    fn find(context: &'a Context<'a>, saved: Option<&'a Config>) -> Result<Self, Failure> {
        let given = context.options.value(Key::SourceDirectory).map(PathBuf::from);
        let configured = || saved.and_then(|config| config.srcdir.clone());
        let srcdir = given.or_else(configured).unwrap_or_else(|| PathBuf::from("."));
        let program = std::path::absolute(srcdir.join("tests/run")).unwrap_or_default();
        if !program.is_file() {
            let problem = Problem::new("there are no tests here")
                .at(program.display().to_string())
                .hint("name a checkout with --srcdir");
            return Err(Failure::refused(vec![problem]));
        }
        Ok(Self { context, program, build: saved.map(|config| config.builddir.as_path()) })
    }

    fn command(&self, part: &str, words: &[&str]) -> Process {
        let place = self.program.display().to_string();
        let all = [&place[..], part].into_iter().chain(words.iter().copied()).map(str::to_owned).collect();
        self.context.sink.send(Event::Command { words: all, directory: None });
        let mut command = Process::new(&self.program);
        command.arg(part).args(words).env_remove(BUILD);
        if part == FUNCTIONAL {
            command.envs(self.build.map(|build| (BUILD, build)));
        }
        command
    }

    fn failed(&self, error: &std::io::Error) -> Problem {
        Problem::system("cannot run the tests", &self.program, error)
    }

    fn run(&self, part: &str, words: &[&str]) -> Result<bool, Failure> {
        let status = self.command(part, words).status().map_err(|error| self.failed(&error))?;
        Ok(status.success())
    }

    /// All functional tests, a line `PATH: test` each.
    fn list(&self) -> Result<String, Failure> {
        let mut command = self.command(FUNCTIONAL, &["--list", "--format=terse"]);
        let output = command.stderr(Stdio::inherit()).output().map_err(|error| self.failed(&error))?;
        if !output.status.success() {
            let problem = Problem::new("the functional tests cannot be listed")
                .at(self.program.display().to_string())
                .hint("see above why");
            return Err(Failure::failed(problem));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
