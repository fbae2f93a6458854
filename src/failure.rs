//! What a failure is at the edge of the program: what failed, where, and what to do about it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What failed, as a sentence without a full stop.
    pub what: String,
    /// Where: a file, an option as it was typed, a line and column.
    pub place: Option<String>,
    /// What the reader can do now.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem with neither place nor hint yet.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: None, hint: None }
    }

    /// What the system refused to do with a file, with the remedy that goes with its reason.
    pub fn system(doing: &str, place: &Path, error: &io::Error) -> Self {
        Self::new(format!("{doing}: {error}")).at(place.display().to_string()).hint(remedy(error))
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Adds the remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What to do about an error of the system, or about one that such an error caused.
pub fn remedy(error: &(dyn Error + 'static)) -> &'static str {
    let mut next = Some(error);
    let mut kind = None;
    while let (Some(error), None) = (next, kind) {
        kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        next = error.source();
    }
    match kind {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            "make room on that file system, then run the command again"
        }
        Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            "run as a user who may, or choose another place"
        }
        Some(io::ErrorKind::NotFound) => "correct the name, or put the file there",
        Some(io::ErrorKind::IsADirectory) => "name a file, not a directory",
        _ => "see that the file and its directory are in order, then run the command again",
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// How a command ends, as the exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done.
    Success = 0,
    /// 1: work was begun and failed; `diff` found differences; `lint` found faults.
    Failed = 1,
    /// 2: the command line cannot be understood.
    Usage = 2,
    /// 3: refused before any work: the configuration contradicts itself, or something needed is missing.
    Refused = 3,
}

impl From<ExitStatus> for u8 {
    fn from(status: ExitStatus) -> Self {
        status as u8
    }
}

/// Why a command did not do what was asked: every problem of that kind, not only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// At least one problem.
    pub errors: Vec<Problem>,
    /// The exit code that goes with them.
    pub status: ExitStatus,
}

impl Failure {
    /// Work was begun and failed.
    pub fn failed(problem: Problem) -> Self {
        Self { errors: vec![problem], status: ExitStatus::Failed }
    }

    /// The command line cannot be understood.
    pub fn usage(errors: Vec<Problem>) -> Self {
        Self { errors, status: ExitStatus::Usage }
    }

    /// Refused before any work.
    pub fn refused(errors: Vec<Problem>) -> Self {
        Self { errors, status: ExitStatus::Refused }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::failed(problem)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_follows_from_the_reason() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let problem = Problem::system("cannot be written", Path::new("/x"), &full);
        assert_eq!(problem.place.as_deref(), Some("/x"));
        assert!(problem.hint.is_some_and(|hint| hint.starts_with("make room")));
        // The error of the system may be the cause of another.
        let caused = appc::archive::WriteError::Output(full);
        assert!(remedy(&caused).starts_with("make room"));
        assert!(remedy(&fmt::Error).contains("in order"));
    }
}
