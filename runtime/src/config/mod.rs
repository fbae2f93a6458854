//! Configuration directories: what administrators and packages tell rkt in small JSON files.
//!
//! Three directories in rising priority (system, local, user) hold `auth.d`, `paths.d` and `stage1.d`. Only
//! regular files ending in `.json` are read. A later directory overrides an earlier one value by value; two
//! definitions of one value in the same directory are a mistake, since which one is meant cannot be told.

mod auth;
mod file;
mod paths;
mod show;
mod stage1;

use std::fmt;
use std::path::{Path, PathBuf};

pub use auth::{Auth, BasicCredentials, DockerAuth, HostAuth};
pub use paths::Paths;
pub use stage1::Stage1;

/// Everything that the configuration directories say.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Config {
    /// How to authenticate for plain downloads, by host.
    pub auth: Auth,
    /// How to authenticate at registries, by registry host.
    pub docker_auth: DockerAuth,
    /// Places.
    pub paths: Paths,
    /// The default stage1 image.
    pub stage1: Stage1,
}

/// One mistake in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or directory.
    pub path: PathBuf,
    /// What is wrong there and what would be right.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// All mistakes found in the configuration directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order in which they were found; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration has mistakes")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "correct or remove the files named above; --system-config, --local-config and --user-config choose other directories"
    }
}

/// Mistakes found so far.
#[derive(Debug, Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, path: &Path, what: impl Into<String>) {
        self.0.push(Problem { path: path.to_owned(), what: what.into() });
    }
}

impl Config {
    /// Reads the directories that are given, later ones with higher priority. A directory or sub-directory that
    /// is missing says nothing and is no mistake.
    ///
    /// # Errors
    /// All mistakes of all files together.
    pub fn load(
        system: Option<&Path>,
        local: Option<&Path>,
        user: Option<&Path>,
    ) -> Result<Config, ConfigError> {
        let mut problems = Problems::default();
        let mut merged = Config::default();
        for dir in [system, local, user].into_iter().flatten() {
            let one = Config::load_one(dir, &mut problems);
            merged.override_with(one);
        }
        if problems.0.is_empty() { Ok(merged) } else { Err(ConfigError { problems: problems.0 }) }
    }

    fn load_one(dir: &Path, problems: &mut Problems) -> Config {
        let mut config = Config::default();
        for (sub, kinds) in
            [("auth.d", &["auth", "dockerAuth"][..]), ("paths.d", &["paths"]), ("stage1.d", &["stage1"])]
        {
            for file in file::read_dir(&dir.join(sub), kinds, problems) {
                match file.kind.as_str() {
                    "auth" => config.auth.add(&file, problems),
                    "dockerAuth" => config.docker_auth.add(&file, problems),
                    "paths" => config.paths.add(&file, problems),
                    _ => config.stage1.add(&file, problems),
                }
            }
        }
        config
    }

    fn override_with(&mut self, later: Config) {
        self.auth.0.extend(later.auth.0);
        self.docker_auth.0.extend(later.docker_auth.0);
        self.paths.override_with(later.paths);
        self.stage1.override_with(later.stage1);
    }
}

#[cfg(test)]
mod tests;
