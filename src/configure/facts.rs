//! Facts that the rules need, gathered before them by [`super::probe`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use host::systemd::assets::Miss;

use crate::failure::Problem;

/// What is known about this machine and about what can be built.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// The current directory, absolute.
    pub current_dir: PathBuf,
    /// The environment, as far as it is text.
    pub environment: BTreeMap<String, String>,
    /// The triple of this machine.
    pub machine: String,
    /// The flavors that are known, in the order of the help.
    pub flavors: Vec<FlavorFacts>,
    /// Programs that were looked for, by the name or path that was looked for.
    pub programs: BTreeMap<String, Option<PathBuf>>,
    /// What is wrong with the files of flavors.
    pub flavor_faults: Vec<Problem>,
    /// Whether the linker that was found has a static C library, where that was asked.
    pub static_libc: Option<bool>,
    /// The Rust compiler, where one was looked for and found.
    pub rust: Option<RustFacts>,
    /// What of this machine's systemd is missing for pods of flavor `host`, where that was looked for.
    pub systemd_misses: Vec<Miss>,
    /// Whether there is a TPM.
    pub tpm: bool,
    /// Whether there is a journal.
    pub journal: bool,
    /// Files and directories that were named: whether each is there.
    pub paths: BTreeMap<PathBuf, PathKind>,
}

/// What a path that was named is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A regular file that may be executed.
    Executable,
    /// A directory.
    Directory,
    /// Something else.
    Other,
    /// Nothing, or nothing that can be seen.
    Missing,
}

/// A flavor, as far as configuring needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlavorFacts {
    /// Its name.
    pub name: String,
    /// The name of its image.
    pub image: String,
    /// The architecture labels it can be built for; empty: all.
    pub arches: Vec<String>,
    /// Whether this version can build it.
    pub works: bool,
}

/// A Rust compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RustFacts {
    /// The version that it tells: `1.95.0`.
    pub version: String,
    /// The targets whose libraries are installed.
    pub targets: Vec<String>,
}

impl HostFacts {
    /// A variable: from the command line, else from the environment. An empty one counts as not set.
    pub fn variable<'a>(&'a self, options: &'a super::Options, name: &str) -> Option<&'a str> {
        options
            .variables
            .get(name)
            .or_else(|| self.environment.get(name))
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// A flavor by its name.
    pub fn flavor(&self, name: &str) -> Option<&FlavorFacts> {
        self.flavors.iter().find(|flavor| flavor.name == name)
    }
}
