//! What limits an app: isolators of its manifest as directives of its unit. Pure functions.

pub(crate) mod capabilities;
pub(crate) mod resources;
pub(crate) mod seccomp;

use crate::failure::Failure;
use appc::{App, IsolatorValue};

/// The isolators of an app that are understood, in their order.
pub(crate) fn of(app: &App) -> Result<Vec<IsolatorValue>, Failure> {
    let parsed = app.isolators.iter().map(|isolator| {
        isolator.parsed().map_err(|error| {
            Failure::new(format!("isolator {} cannot be understood: {error}", isolator.name))
        })
    });
    parsed.filter(|value| !matches!(value, Ok(IsolatorValue::Unknown))).collect()
}

/// The lines of a data file that say something.
fn list(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}
