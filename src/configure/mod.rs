//! From what was typed and what the machine is like to a [`Config`], or to everything that is wrong.
//!
//! [`check`] is a pure function of two values: each rule can be one row of a test table. [`probe`] gathers the
//! second value, and is the only part that looks at the machine.

pub mod config;
pub mod dirs;
pub mod facts;
pub mod forward;
pub mod machine;
mod needs;
pub mod options;
pub mod probe;
mod rules;
pub mod summary;
pub mod table;
pub(crate) mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use config::Config;
pub use facts::HostFacts;
pub use options::{Key, Options};
pub use rules::{Outcome, check};

use crate::failure::Problem;

/// The build directory, absolute.
pub fn builddir(options: &Options, facts: &HostFacts) -> PathBuf {
    let name = facts
        .variable(options, "BUILDDIR")
        .map_or_else(|| format!("build-rkt-{}", config::VERSION), str::to_owned);
    absolute(facts, &name)
}

/// A path as the rules keep it: absolute, without `.` parts; what a link points to is not asked.
pub fn absolute(facts: &HostFacts, path: &str) -> PathBuf {
    facts.current_dir.join(path).components().collect()
}

/// Changes what a single run may change in a saved configuration.
pub fn adjust(
    config: &mut Config,
    options: &Options,
    environment: &BTreeMap<String, String>,
) -> Result<(), Problem> {
    if options.is_on(Key::Offline) {
        config.offline = true;
    }
    let absolute = |key| {
        let Some(dir) = options.value(key) else { return Ok(None) };
        let place = || options.given(key).map(|given| given.typed.clone()).unwrap_or_default();
        std::path::absolute(dir).map(Some).map_err(|error| Problem::new(error.to_string()).at(place()))
    };
    if let Some(dir) = absolute(Key::CacheDirectory)? {
        config.cache_dir = dir;
    }
    if let Some(dir) = absolute(Key::SourceDirectory)? {
        config.srcdir = Some(dir);
    }
    let name = "SOURCE_DATE_EPOCH";
    if let Some(value) =
        options.variables.get(name).or_else(|| environment.get(name)).filter(|v| !v.is_empty())
    {
        config.source_date_epoch = Some(epoch(value)?);
    }
    Ok(())
}

fn epoch(value: &str) -> Result<u64, Problem> {
    // The largest time that a tar header holds without an extension.
    const LATEST: u64 = 0o777_7777_7777;
    value.parse().ok().filter(|seconds| *seconds <= LATEST).ok_or_else(|| {
        Problem::new(format!("\"{value}\" is not a number of seconds since 1970"))
            .at("SOURCE_DATE_EPOCH")
            .hint(format!("give a whole number from 0 to {LATEST}"))
    })
}
