//! What every command starts from: the global flags, and the configuration once somebody asks for it.

use std::path::{Path, PathBuf};

use grammar::GlobalArgs;

use crate::error::Failure;
use crate::insecure::InsecureOptions;

/// One run of `rkt`.
#[derive(Debug)]
pub struct Session {
    /// Flags that every command takes.
    pub global: GlobalArgs,
    /// The parsed `--insecure-options`.
    pub insecure: InsecureOptions,
}

impl Session {
    /// Checks the global flags. Reads nothing.
    pub fn new(global: GlobalArgs) -> Result<Self, Failure> {
        let insecure = InsecureOptions::parse(&global.insecure_options)?;
        Ok(Self { global, insecure })
    }

    /// Prints a line about what goes on, if `--debug` was given.
    pub fn debug(&self, line: impl FnOnce() -> String) {
        if self.global.debug {
            eprintln!("{}", line());
        }
    }
}

/// The data directory of the original and of every distribution.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/rkt";

/// The data directory: `--dir`, else what the configuration says, else [`DEFAULT_DATA_DIR`]; absolute, symbolic links
/// resolved as far as it exists.
pub fn data_dir(flag: Option<&Path>, configured: Option<&Path>) -> Result<PathBuf, Failure> {
    let chosen = match flag {
        Some(dir) if dir.as_os_str().is_empty() => {
            return Err(Failure::new("--dir is empty").hint("give the data directory, or leave the flag out"));
        }
        Some(dir) => std::path::absolute(dir).map_err(|error| Failure::from(error).at(dir))?,
        None => configured.unwrap_or(Path::new(DEFAULT_DATA_DIR)).to_owned(),
    };
    Ok(chosen.canonicalize().unwrap_or(chosen))
}
