//! What can go wrong with pods on disk.

use crate::state::State;
use crate::uuid::{InvalidUuid, Uuid};
use std::io;
use std::path::{Path, PathBuf};

/// A failure of an operation on pods.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried, as it follows "cannot".
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of a pod does not hold what it should.
    #[error("{}: {what}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No pod with this UUID.
    #[error("no pod with UUID {0}")]
    NotFound(Uuid),
    /// No pod whose UUID begins so.
    #[error("no matches found for \"{0}\"")]
    NoMatch(String),
    /// Several pods whose UUIDs begin so.
    #[error("ambiguous uuid, {} matches", .0.len())]
    Ambiguous(Vec<Uuid>),
    /// Nothing to look for.
    #[error("no UUID given")]
    EmptyUuid,
    /// Not a UUID.
    #[error(transparent)]
    InvalidUuid(#[from] InvalidUuid),
    /// The pod is in a state in which this cannot be done.
    #[error("pod \"{uuid}\" is {state}: it cannot be {what}")]
    WrongState {
        /// Which pod.
        uuid: Uuid,
        /// Its state.
        state: State,
        /// What was asked, as a participle.
        what: &'static str,
    },
    /// Somebody else holds the pod's lock.
    #[error("pod \"{0}\" is locked by another process")]
    Locked(Uuid),
    /// The pod left its running state while its first process was looked for.
    #[error("pod \"{0}\" isn't currently running")]
    NotRunning(Uuid),
    /// The process that should have one child has several.
    #[error("too many children of pid {0}")]
    TooManyChildren(u32),
}

impl Error {
    /// Makes a function that adds the action and the path to a system error.
    pub(crate) fn io<E: Into<io::Error>>(what: &'static str, path: &Path) -> impl FnOnce(E) -> Error {
        move |source| Error::Io { what, path: path.to_path_buf(), source: source.into() }
    }
}
