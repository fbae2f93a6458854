//! What compiling needs, as data, and which package of a distribution has it.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// `recipes/cargo/recipe.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    linker: Vec<Linker>,
    need: Vec<Need>,
}

/// A C compiler that links for another machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Linker {
    target: String,
    pub(super) command: String,
    debian: String,
    fedora: String,
    arch: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    what: String,
    debian: String,
    fedora: String,
    arch: String,
}

impl Recipe {
    /// The one compiled in. A text of ours that cannot be read is a fault of this program, which a test finds.
    pub(super) fn builtin() -> Self {
        toml::from_str(include_str!("../../recipes/cargo/recipe.toml"))
            .unwrap_or(Self { linker: Vec::new(), need: Vec::new() })
    }

    /// The cross linker for a target.
    pub(super) fn linker(&self, target: &str) -> Option<&Linker> {
        self.linker.iter().find(|linker| linker.target == target)
    }

    /// Which packages have something.
    pub(super) fn packages(&self, what: &str) -> String {
        self.need
            .iter()
            .find(|need| need.what == what)
            .map(|need| packages(&need.debian, &need.fedora, &need.arch))
            .unwrap_or_default()
    }
}

impl Linker {
    pub(super) fn packages(&self) -> String {
        packages(&self.debian, &self.fedora, &self.arch)
    }
}

fn packages(debian: &str, fedora: &str, arch: &str) -> String {
    format!("Debian: {debian}; Fedora: {fedora}; Arch: {arch}")
}

/// The file that a command is: a path as it is, a name looked for in `PATH`.
pub fn find_program(command: &Path) -> Option<PathBuf> {
    let runs = |path: &Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if command.components().count() > 1 {
        return runs(command).then(|| command.to_owned());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(command)).find(|file| runs(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipe_is_complete() {
        let recipe = Recipe::builtin();
        assert_eq!(recipe.linker("aarch64-unknown-linux-gnu").unwrap().command, "aarch64-linux-gnu-gcc");
        for what in ["cargo", "linker", "static C library", "target"] {
            assert!(recipe.packages(what).contains("Fedora"), "{what}");
        }
        assert!(find_program(Path::new("sh")).is_some() && find_program(Path::new("/etc/passwd")).is_none());
    }
}
