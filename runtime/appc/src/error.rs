//! What can be wrong with a manifest.

use std::fmt;

/// A manifest that cannot be used: where in it, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ManifestError {
    /// Path of the field, such as `app.mountPoints[2].name`; empty for the document itself.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl ManifestError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { field: String::new(), problem: problem.into() }
    }

    /// The same error, one level further out: inside the field `key`.
    pub(crate) fn inside(mut self, key: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => key.to_owned(),
            rest if rest.starts_with('[') => format!("{key}{rest}"),
            rest => format!("{key}.{rest}"),
        };
        self
    }

    /// The same error, one level further out: inside item `index` of a list.
    pub(crate) fn inside_item(self, index: usize) -> Self {
        self.inside(&format!("[{index}]"))
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "field {}: {}", self.field, self.problem)
        }
    }
}
