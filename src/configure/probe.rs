//! Looks at this machine for the rules: only at what the options ask for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Options;
use super::facts::{FlavorFacts, HostFacts};
use crate::failure::Problem;

/// The facts that the rules need for these options.
pub fn gather(_options: &Options) -> Result<HostFacts, Problem> {
    let current_dir = current_dir()?;
    Ok(HostFacts {
        current_dir,
        environment: environment()?,
        machine: machine(),
        flavors: flavors(),
        ..HostFacts::default()
    })
}

/// The build directory: `BUILDDIR` where given, else `build-rkt-<version>` in the current directory; absolute.
pub fn builddir(options: &Options) -> Result<PathBuf, Problem> {
    let facts =
        HostFacts { current_dir: current_dir()?, environment: environment()?, ..HostFacts::default() };
    Ok(super::builddir(options, &facts))
}

/// The environment, as far as it is text.
pub fn environment() -> Result<BTreeMap<String, String>, Problem> {
    Ok(std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect())
}

fn current_dir() -> Result<PathBuf, Problem> {
    let dir = std::env::current_dir().map_err(|error| {
        Problem::new(format!("cannot tell the current directory: {error}"))
            .hint("go to a directory that exists")
    })?;
    if dir.to_str().is_none() {
        return Err(
            Problem::new("the name of the current directory is not UTF-8").at(dir.display().to_string())
        );
    }
    Ok(dir)
}

fn machine() -> String {
    let cpu = rustix::system::uname().machine().to_string_lossy().into_owned();
    format!("{cpu}-unknown-linux-gnu")
}

/// The flavors that are known.
fn flavors() -> Vec<FlavorFacts> {
    [("coreos", false), ("kvm", false), ("src", false), ("host", false), ("fly", true)]
        .into_iter()
        .map(|(name, works)| FlavorFacts {
            name: name.to_owned(),
            image: format!("coreos.com/rkt/stage1-{name}"),
            arches: Vec::new(),
            works,
        })
        .collect()
}
