//! What long work says while it runs. Everybody may send; only the command line prints.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::failure::Problem;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A major action begins (shown from `V=1` on). The tag is one or two capital words: `CARGO`, `ACI`, `INSTALL`.
    Action {
        /// The kind of action.
        tag: Cow<'static, str>,
        /// What it acts on.
        text: String,
    },
    /// A small action inside a major one (shown from `V=2` on).
    Detail {
        /// The kind of action.
        tag: Cow<'static, str>,
        /// What it acts on.
        text: String,
    },
    /// A program is started (shown from `V=3` on).
    Command {
        /// The words of the command, the program first.
        words: Vec<String>,
        /// The directory it runs in, where it is not the current one.
        directory: Option<PathBuf>,
    },
    /// One line that a started program wrote (shown from `V=2` on; the sender keeps it for its error message).
    Output {
        /// Which program or step.
        from: Cow<'static, str>,
        /// The line, without its end.
        line: String,
    },
    /// How far something has come. Sent as often as the sender likes; the printer thins it out.
    Progress {
        /// What is going on.
        text: String,
        /// Units done (bytes, entries).
        done: u64,
        /// Units in all, where known.
        total: Option<u64>,
    },
    /// Something to tell the user that is not wrong (shown from `V=1` on).
    Note(String),
    /// Something that may be wrong (always shown).
    Warning(Problem),
}

impl Event {
    /// A major action.
    pub fn action(tag: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self::Action { tag: tag.into(), text: text.into() }
    }

    /// A small action.
    pub fn detail(tag: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self::Detail { tag: tag.into(), text: text.into() }
    }
}

/// Takes events, from any thread.
pub trait Sink: Sync {
    /// Takes one event. Must not block for long.
    fn send(&self, event: Event);
}

impl<F: Fn(Event) + Sync> Sink for F {
    fn send(&self, event: Event) {
        self(event);
    }
}

/// A sink for those who do not care.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Sink for Silent {
    fn send(&self, _: Event) {}
}
