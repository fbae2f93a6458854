//! What a failure is at the edge of the program: what failed, where, and what to do about it.

use std::fmt;

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
