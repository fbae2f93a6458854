//! What every command starts from: the global flags, and the configuration once somebody asks for it.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use grammar::GlobalArgs;

use crate::config::Config;
use crate::error::{Context as _, Failure};
use crate::insecure::InsecureOptions;
use crate::store::Store;

/// One run of `rkt`.
#[derive(Debug)]
pub struct Session {
    /// Flags that every command takes.
    pub global: GlobalArgs,
    /// The parsed `--insecure-options`.
    pub insecure: InsecureOptions,
    config: OnceCell<Config>,
}

impl Session {
    /// Checks the global flags. Reads nothing.
    pub fn new(global: GlobalArgs) -> Result<Self, Failure> {
        let insecure = InsecureOptions::parse(&global.insecure_options)?;
        Ok(Self { global, insecure, config: OnceCell::new() })
    }

    /// The configuration, read when it is first asked for.
    pub fn config(&self) -> Result<&Config, Failure> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let global = &self.global;
        let loaded = Config::load(
            Some(&global.system_config),
            Some(&global.local_config),
            global.user_config.as_deref(),
        );
        let config = loaded.map_err(|error| {
            let hint = error.hint();
            Failure::from(error).within("cannot get configuration").hint(hint)
        })?;
        Ok(self.config.get_or_init(|| config))
    }

    /// The data directory: `--dir`, else what the configuration says, else [`DEFAULT_DATA_DIR`]; absolute, symbolic
    /// links resolved as far as it exists. The configuration is read only if it is needed.
    pub fn data_dir(&self) -> Result<PathBuf, Failure> {
        match &self.global.dir {
            Some(dir) => data_dir(Some(dir), None),
            None => data_dir(None, self.config()?.paths.data.as_deref()),
        }
    }

    /// Opens the image store.
    pub fn store(&self) -> Result<Store, Failure> {
        Store::open(&self.pods()?).context("cannot open store")
    }

    /// The pods of the data directory.
    pub fn pods(&self) -> Result<pod::DataDir, Failure> {
        Ok(pod::DataDir::new(self.data_dir()?))
    }

    /// Refuses everybody but root.
    pub fn require_root(&self) -> Result<(), Failure> {
        if rustix::process::geteuid().is_root() {
            return Ok(());
        }
        Err(Failure::new("cannot run as unprivileged user").hint("run it as root"))
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

fn data_dir(flag: Option<&Path>, configured: Option<&Path>) -> Result<PathBuf, Failure> {
    let chosen = match flag {
        Some(dir) if dir.as_os_str().is_empty() => {
            return Err(Failure::new("--dir is empty").hint("give the data directory, or leave the flag out"));
        }
        Some(dir) => std::path::absolute(dir).map_err(|error| Failure::from(error).at(dir))?,
        None => configured.unwrap_or(Path::new(DEFAULT_DATA_DIR)).to_owned(),
    };
    Ok(chosen.canonicalize().unwrap_or(chosen))
}
