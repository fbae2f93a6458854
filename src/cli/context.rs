//! What every sub-command gets: what was typed, how to run, where to send events, and the configuration.

use std::cell::OnceCell;
use std::io::Write;
use std::path::PathBuf;

use super::parse::Jobs;
use crate::configure::{self, Config, Options, config};
use crate::event::{Event, Sink};
use crate::failure::{Failure, Problem};

/// How this one run goes; none of it is part of the configuration.
#[derive(Debug, Clone)]
pub struct Run {
    /// 0 nothing, 1 one line per action, 2 all, 3 raw commands.
    pub verbosity: u8,
    /// How many jobs at once.
    pub jobs: Jobs,
    /// Check and show, write nothing.
    pub no_create: bool,
    /// A directory that stands for `/` while installing.
    pub destdir: Option<PathBuf>,
}

/// What every sub-command gets.
pub struct Context<'a> {
    /// What is to be configured, as typed.
    pub options: &'a Options,
    /// How this one run goes.
    pub run: Run,
    /// Where long work tells what it does.
    pub sink: &'a dyn Sink,
    /// The configuration, once it is known.
    known: OnceCell<Config>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("options", self.options)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

impl<'a> Context<'a> {
    /// A context in which nothing was decided yet.
    pub fn new(options: &'a Options, run: Run, sink: &'a dyn Sink) -> Self {
        Self { options, run, sink, known: OnceCell::new() }
    }

    /// Writes to standard output. A reader that went away is no failure.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        match std::io::stdout().lock().write_all(text.as_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Problem::new(format!("cannot write to standard output: {error}")).into())
            }
            _ => Ok(()),
        }
    }

    /// Decides a configuration from what was typed and from this machine, and sends its warnings. Writes nothing.
    pub fn configure(&self) -> Result<Config, Failure> {
        if let Some(config) = self.known.get() {
            return Ok(config.clone());
        }
        let facts = configure::probe::gather(self.options)?;
        let outcome = configure::check(self.options, &facts);
        for warning in outcome.warnings {
            self.sink.send(Event::Warning(warning));
        }
        let config = outcome.config.map_err(Failure::refused)?;
        Ok(self.known.get_or_init(|| config).clone())
    }

    /// The configuration that was saved in the build directory, or an error that says to configure first.
    /// What a single run may change (`--offline`, `--cache-dir`, `SOURCE_DATE_EPOCH`) is changed.
    pub fn saved_config(&self) -> Result<Config, Failure> {
        let builddir = configure::probe::builddir(self.options)?;
        let mut config = Config::load(&builddir).map_err(|problem| Failure::refused(vec![problem]))?;
        configure::adjust(&mut config, self.options, &configure::probe::environment())
            .map_err(|problem| Failure::refused(vec![problem]))?;
        // A build directory may have been moved.
        config.builddir = builddir;
        Ok(config)
    }

    /// The saved configuration, or, where there is none, one decided from what was typed. Writes nothing.
    pub fn config(&self) -> Result<Config, Failure> {
        let path = configure::probe::builddir(self.options)?.join(config::FILE_NAME);
        if self.known.get().is_some() || !path.exists() {
            return self.configure();
        }
        let saved = self.saved_config()?;
        if self.options.configures() && self.configure()? != saved {
            let problem = Problem::new("the build directory is already configured, with other options")
                .at(path.display().to_string())
                .hint("leave the options out, or run `rkt-build configure` with all of them");
            return Err(Failure::refused(vec![problem]));
        }
        Ok(saved)
    }

    /// Like [`Context::config`]; a configuration that was not yet saved is.
    pub fn config_for_work(&self) -> Result<Config, Failure> {
        let config = self.config()?;
        if !self.run.no_create && !config.builddir.join(config::FILE_NAME).exists() {
            config.save()?;
        }
        Ok(config)
    }

    /// Configures anew where something was typed that configures, and saves it: later phases of this run use it.
    pub fn reconfigure(&self) -> Result<(), Failure> {
        if self.options.configures() {
            let config = self.configure()?;
            if !self.run.no_create {
                config.save()?;
            }
        }
        Ok(())
    }
}
