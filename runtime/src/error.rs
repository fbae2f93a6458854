//! What a command hands back when it could not do its work, and the exit codes of `rkt`.
//!
//! Libraries have typed errors; here, at the edge, each becomes a [`Failure`]: what failed, where, what to do.

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::path::Path;

/// Everything went well.
pub const EXIT_OK: u8 = 0;
/// `status` and `stop` could not read the file that holds a UUID.
pub const EXIT_UUID_FILE: u8 = 1;
/// `check-host` found that this machine cannot run the default flavor.
pub const EXIT_UNFIT: u8 = 1;
/// `app sandbox`, `app list` or `app status` failed.
pub const EXIT_APP: u8 = 1;
/// No command was given.
pub const EXIT_MISSING_COMMAND: u8 = 2;
/// Almost every failure: wrong usage, missing rights, an operation that failed.
pub const EXIT_FAILURE: u8 = 254;

/// Why a command ends without success.
///
/// Any error turns into one by `?`; [`Context::context`] puts the caller's words before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What failed, in the words of the command.
    pub what: String,
    /// Why, from the outermost cause to the innermost; each line already names its file.
    pub causes: Vec<String>,
    /// The file or the place in it, when the causes do not name it.
    pub place: Option<String>,
    /// What the user can do.
    pub hint: Option<String>,
    /// Exit code, [`EXIT_FAILURE`] unless set.
    pub exit_code: u8,
}

impl Failure {
    /// A failure that no other error caused.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), causes: Vec::new(), place: None, hint: None, exit_code: EXIT_FAILURE }
    }

    /// `what` failed because of `error` and whatever caused that.
    pub fn caused_by(what: impl Into<String>, error: &(dyn Error + 'static)) -> Self {
        let mut failure = Self::new(what);
        let mut next = Some(error);
        while let Some(error) = next {
            failure.causes.push(error.to_string());
            next = error.source();
        }
        failure
    }

    /// Names the file, or the place in it.
    #[must_use]
    pub fn at(mut self, place: impl AsRef<Path>) -> Self {
        self.place = Some(place.as_ref().display().to_string());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the exit code.
    #[must_use]
    pub fn code(mut self, exit_code: u8) -> Self {
        self.exit_code = exit_code;
        self
    }

    /// Puts the caller's words before this failure's.
    #[must_use]
    pub fn within(mut self, what: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.what, what.into());
        self.causes.insert(0, inner);
        self
    }

    /// The message as it is printed: one line and a line for the hint, or with `debug` each cause on a line of its own,
    /// deeper by two blanks, as the original prints it.
    pub fn render(&self, prefix: &str, debug: bool) -> String {
        let mut text = format!("{prefix}: {}", self.what);
        if let Some(place) = &self.place {
            let _ = write!(text, ": {place}");
        }
        let mut depth = 1;
        for cause in &self.causes {
            if debug {
                let _ = write!(text, "\n{prefix}: {}└─{cause}", "  ".repeat(depth));
                depth += 1;
            } else if !cause.is_empty() && !text.contains(cause.as_str()) {
                // An error that already printed its source must not be printed twice.
                let _ = write!(text, ": {cause}");
            }
        }
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\n{prefix}: hint: {hint}");
        }
        text
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut failure = Self::caused_by(String::new(), &error);
        failure.what = failure.causes.remove(0);
        failure
    }
}

/// Adds the caller's words to an error.
pub trait Context<T> {
    /// `what` failed because of the error.
    fn context(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Context<T> for Result<T, E> {
    fn context(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|error| error.into().within(what.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> std::io::Error {
        std::io::Error::other("no such file or directory")
    }

    #[test]
    fn a_failure_is_one_line_and_a_hint() {
        let failure =
            Failure::caused_by("cannot open store", &missing()).at("/var/lib/rkt").hint("run it as root");
        assert_eq!(
            failure.render("run", false),
            "run: cannot open store: /var/lib/rkt: no such file or directory\nrun: hint: run it as root"
        );
    }

    #[test]
    fn debug_shows_the_chain_as_a_tree() {
        let failure = Failure::from(missing()).within("cannot read manifest").within("cannot open store");
        assert_eq!(
            failure.render("run", true),
            "run: cannot open store\nrun:   └─cannot read manifest\nrun:     └─no such file or directory"
        );
    }

    #[test]
    fn a_cause_that_is_part_of_the_message_is_not_repeated() {
        let failure = Failure::caused_by("open /x: no such file or directory", &missing());
        assert_eq!(failure.render("rm", false), "rm: open /x: no such file or directory");
    }
}
