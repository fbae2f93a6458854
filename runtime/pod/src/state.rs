//! The states of a pod, and the directories that stand for them.
//!
//! A pod's state is where its directory is, and whether somebody holds a lock on it.

use std::fmt;

/// A directory of pods below `pods/`, in the order in which a pod moves through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Directory {
    /// Just created, not locked yet.
    Embryo,
    /// Being filled; left behind unlocked when that failed.
    Prepare,
    /// Filled, waiting to be run.
    Prepared,
    /// Running, or run and not collected.
    Run,
    /// Has run, waits for its grace period to end.
    ExitedGarbage,
    /// Has never run and never will.
    Garbage,
}

impl Directory {
    /// All of them, in the order of a pod's life: a pod only ever moves to a later one, so who looks
    /// in this order cannot miss one that moves meanwhile.
    pub const ALL: [Directory; 6] = [
        Directory::Embryo,
        Directory::Prepare,
        Directory::Prepared,
        Directory::Run,
        Directory::ExitedGarbage,
        Directory::Garbage,
    ];

    /// Those whose pods a user sees and can name.
    pub const LISTED: [Directory; 4] =
        [Directory::Prepare, Directory::Prepared, Directory::Run, Directory::ExitedGarbage];

    /// The name of the directory.
    pub fn name(self) -> &'static str {
        match self {
            Directory::Embryo => "embryo",
            Directory::Prepare => "prepare",
            Directory::Prepared => "prepared",
            Directory::Run => "run",
            Directory::ExitedGarbage => "exited-garbage",
            Directory::Garbage => "garbage",
        }
    }

    /// What a pod in this directory is, when somebody holds its exclusive lock or when nobody does.
    pub fn state(self, locked: bool) -> State {
        match (self, locked) {
            (Directory::Embryo, _) => State::Embryo,
            (Directory::Prepare, true) => State::Preparing,
            (Directory::Prepare, false) => State::AbortedPrepare,
            (Directory::Prepared, _) => State::Prepared,
            (Directory::Run, true) => State::Running,
            (Directory::Run, false) => State::Exited,
            (Directory::ExitedGarbage, true) => State::ExitedDeleting,
            (Directory::ExitedGarbage, false) => State::ExitedGarbage,
            (Directory::Garbage, true) => State::Deleting,
            (Directory::Garbage, false) => State::Garbage,
        }
    }
}

/// What a pod is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Being created.
    Embryo,
    /// Somebody fills it.
    Preparing,
    /// Filling it failed.
    AbortedPrepare,
    /// Ready to be run.
    Prepared,
    /// Its apps run.
    Running,
    /// Its apps have ended.
    Exited,
    /// Has run; somebody deletes it.
    ExitedDeleting,
    /// Has run; marked for deletion.
    ExitedGarbage,
    /// Never run; somebody deletes it.
    Deleting,
    /// Never run; marked for deletion.
    Garbage,
}

impl State {
    /// The word that users and scripts see.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Embryo => "embryo",
            State::Preparing => "preparing",
            State::AbortedPrepare => "aborted prepare",
            State::Prepared => "prepared",
            State::Running => "running",
            State::Exited => "exited",
            State::ExitedDeleting => "exited deleting",
            State::ExitedGarbage => "exited garbage",
            State::Deleting => "deleting",
            State::Garbage => "garbage",
        }
    }

    /// Whether the pod has been run and no longer is (nothing in it will start again).
    pub fn is_after_run(self) -> bool {
        matches!(
            self,
            State::Exited | State::ExitedDeleting | State::ExitedGarbage | State::Deleting | State::Garbage
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
