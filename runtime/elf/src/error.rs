//! What is missing, and why a closure cannot be made.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::arch::Machine;
use crate::object::ObjectError;
use crate::request::Needer;

/// Why there is no closure.
#[derive(Debug, Error)]
pub enum ClosureError {
    /// Something is missing: all of it.
    #[error("{}", list(.0))]
    Missing(Vec<Miss>),
    /// A file that says where to search cannot be read.
    #[error("{}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// More than this crate handles.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is handled.
        limit: usize,
    },
}

/// Something that is missing.
#[derive(Debug, Clone)]
pub struct Miss {
    /// The name or path.
    pub name: OsString,
    /// Other names that would do.
    pub or: Vec<OsString>,
    /// Who needs it.
    pub by: Needer,
    /// Why it is missing.
    pub reason: Reason,
}

/// Why something is missing.
#[derive(Debug, Clone)]
pub enum Reason {
    /// No directory of the search has it.
    NotFound {
        /// The directories, in order.
        searched: Vec<Searched>,
        /// What had the name, but could not be taken.
        passed: Vec<Passed>,
        /// Files in the directories whose names are similar.
        near: Vec<PathBuf>,
    },
    /// The path leads nowhere.
    NoSuchFile {
        /// What the root says.
        error: Arc<io::Error>,
    },
    /// What was found stops the loader, which does not search on.
    Unusable {
        /// Where.
        path: PathBuf,
        /// Why.
        error: Arc<ObjectError>,
    },
    /// It was found, but lacks something itself. Only for what is optional: else what it lacks is told.
    Incomplete {
        /// Where.
        path: PathBuf,
        /// What it lacks.
        lacks: Vec<Miss>,
    },
    /// It is for another machine than what needs it.
    OtherMachine {
        /// Its machine.
        is: Machine,
        /// The machine that is wanted.
        wanted: Machine,
    },
    /// It is relative to the directory in which the program is started, or its tokens have no value.
    Relative,
    /// A script whose interpreter is a script, and so on, further than the kernel goes.
    Scripts,
    /// It is not known what its notes ask for.
    Note(String),
}

/// A directory of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// The directory.
    pub path: PathBuf,
    /// Whether it is there.
    pub exists: bool,
}

/// A file that the search passed over.
#[derive(Debug, Clone)]
pub struct Passed {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: Why,
}

/// Why a file was passed over.
#[derive(Debug, Clone)]
pub enum Why {
    /// It is for another machine.
    Machine(Machine),
    /// It cannot be read.
    Unreadable(Arc<ObjectError>),
}

fn list(misses: &[Miss]) -> String {
    let mut text = String::new();
    for (number, miss) in misses.iter().enumerate() {
        let line = if number == 0 { "" } else { "\n" };
        text = format!("{text}{line}{miss}");
    }
    text
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name.display())?;
        for name in &self.or {
            write!(f, " or {}", name.display())?;
        }
        write!(f, ", {}: ", self.by)?;
        match &self.reason {
            Reason::Unusable { path, error } if *path == self.name => write!(f, "{error}"),
            reason => write!(f, "{reason}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotFound { searched, passed, near } => {
                f.write_str("not found; searched")?;
                if searched.is_empty() {
                    f.write_str(" no directory")?;
                }
                for (number, directory) in searched.iter().enumerate() {
                    let comma = if number == 0 { "" } else { "," };
                    let absent = if directory.exists { "" } else { " (does not exist)" };
                    write!(f, "{comma} {}{absent}", directory.path.display())?;
                }
                for Passed { path, why } in passed {
                    match why {
                        Why::Machine(machine) => write!(f, "; {} is for {machine}", path.display())?,
                        Why::Unreadable(error) => write!(f, "; {}: {error}", path.display())?,
                    }
                }
                for (number, path) in near.iter().enumerate() {
                    let similar = if number == 0 { "; similar:" } else { "," };
                    write!(f, "{similar} {}", path.display())?;
                }
                Ok(())
            }
            Reason::NoSuchFile { error } => write!(f, "{error}"),
            Reason::Unusable { path, error } => write!(f, "{}: {error}", path.display()),
            Reason::Incomplete { path, lacks } => {
                write!(f, "left out, since {} lacks", path.display())?;
                lacks
                    .iter()
                    .enumerate()
                    .try_for_each(|(number, miss)| write!(f, "{} {miss}", if number == 0 { "" } else { ";" }))
            }
            Reason::OtherMachine { is, wanted } => write!(f, "it is for {is}, not for {wanted}"),
            Reason::Relative => f.write_str("a path that depends on where and how the program is started"),
            Reason::Scripts => f.write_str("too many scripts that are interpreters of scripts"),
            Reason::Note(reason) => write!(f, "its notes are not understood: {reason}"),
        }
    }
}
