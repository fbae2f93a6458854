//! What is wrong with a flavor file, and where.

use std::ops::Range;

use thiserror::Error;

use crate::failure::Problem;

/// Something wrong with a flavor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {what}")]
pub struct Fault {
    /// `file:line:column`, as far as it is known.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault in a file, or in a place of it.
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let problem = Self::new(fault.what).at(fault.place);
        match fault.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// A text and what it is called, to turn byte offsets into lines and columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) place: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// `file:line:column` of the start of a span; columns count characters from 1.
    pub(super) fn position(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
        format!("{}:{line}:{column}", self.place)
    }

    /// A fault at a span.
    pub(super) fn fault(&self, span: &Range<usize>, what: impl Into<String>) -> Fault {
        Fault::new(self.position(span), what)
    }

    /// A fault that the TOML reader found.
    pub(super) fn toml(&self, error: &toml::de::Error) -> Fault {
        let place = match error.span() {
            Some(span) => self.position(&span),
            None => self.place.to_owned(),
        };
        Fault::new(place, error.message().trim_end()).hint("`rkt-build help flavor-file` lists every key")
    }
}
