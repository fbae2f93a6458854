//! From what the user typed to a pod.

use std::path::Path;

use pod::{DataDir, Pod, list};

use crate::error::{Context as _, Failure};

/// The pod whose UUID begins with `prefix`.
pub fn pod(data: &DataDir, prefix: &str) -> Result<Pod, Failure> {
    let find = || Pod::open(data, list::resolve(data, prefix)?);
    find()
        .context("problem retrieving pod")
        .map_err(|failure| failure.hint("`rkt list --full` shows the pods there are"))
}

/// What a command was given: UUIDs, or the name of a file that holds one, but not both and not nothing. `unreadable` is the
/// exit code for a file that cannot be read: commands differ in it, and scripts know them.
pub fn prefixes(uuids: &[String], file: Option<&Path>, unreadable: u8) -> Result<Vec<String>, Failure> {
    match (uuids, file) {
        ([], None) => Err(Failure::new("must provide at least one pod UUID").hint(
            "give the UUID or its beginning, or --uuid-file=FILE; `rkt list` shows the pods there are",
        )),
        ([], Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::from(error).within("unable to resolve UUID from file").at(path))
                .map_err(|failure| failure.code(unreadable))?;
            Ok(vec![text.trim().to_owned()])
        }
        (uuids, None) => Ok(uuids.to_vec()),
        (_, Some(_)) => Err(Failure::new("both UUIDs and --uuid-file were given").hint("give one of them")),
    }
}

/// The same for commands that take one pod.
pub fn one_prefix(uuids: &[String], file: Option<&Path>, unreadable: u8) -> Result<String, Failure> {
    let mut found = prefixes(uuids, file, unreadable)?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(Failure::new("more than one pod UUID given").hint("this command takes one pod")),
    }
}
