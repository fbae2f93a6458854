//! What an entry point hands back when it could not do its work, and exit codes.

use pod::protocol::{DecodeError, Usage};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Exit code of every failure but wrong usage, which has the code of Go's `flag` package.
pub(crate) const EXIT_FAILURE: u8 = 254;

/// Why an entry point ends without success: what failed and where, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: Option<String>,
    /// Wrong usage: printed as it is, with its own code.
    usage: Option<Usage>,
}

impl Failure {
    /// A failure in one sentence that names the place.
    pub(crate) fn new(what: impl Into<String>) -> Failure {
        Failure { what: what.into(), hint: None, usage: None }
    }

    /// Says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Puts words before it that say where.
    pub(crate) fn within(mut self, place: &str) -> Failure {
        self.what = format!("{place}: {}", self.what);
        self
    }

    /// Prints it to standard error; gives the exit code.
    pub(crate) fn report(&self, prefix: &str) -> ExitCode {
        let (mut text, code) = match &self.usage {
            Some(usage) => (usage.message.clone(), usage.code),
            None => (format!("{prefix}: {}\n", self.what), EXIT_FAILURE),
        };
        if let Some(hint) = &self.hint {
            text = format!("{text}{prefix}: hint: {hint}\n");
        }
        // Nobody is left to tell when standard error is closed.
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(code)
    }
}

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Failure {
        Failure { what: String::new(), hint: None, usage: Some(usage) }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Failure {
        match error {
            DecodeError::Usage(usage) => usage.into(),
            error @ DecodeError::Uuid(_) => Failure::new(error.to_string())
                .hint("entry points are called by rkt; see rkt run, rkt enter, rkt gc and rkt stop"),
        }
    }
}

/// Says what failed, on which file, and why.
pub(crate) fn at<E: Display>(what: &str, path: &Path) -> impl FnOnce(E) -> Failure {
    move |error| Failure::new(format!("cannot {what} {}: {error}", path.display()))
}

/// Tells the user something that does not stop us.
pub(crate) fn warn(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
