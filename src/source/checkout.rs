//! The sources of `rkt` and of the stage1 executable: which checkout, and which of its files a program needs.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Problem;

/// The workspace that holds the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its top directory, absolute and without symbolic links.
    pub top: PathBuf,
    /// Folders of the packages that this repository has, relative to the top, by name of the dependency.
    packages: BTreeMap<String, PathBuf>,
    /// Folders of all members, relative to the top.
    members: BTreeSet<PathBuf>,
}

/// A `Cargo.toml`, as far as it matters here; what is not named is of no interest.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manifest {
    package: Package,
    workspace: Workspace,
    dependencies: BTreeMap<String, Dependency>,
    #[serde(rename = "build-dependencies")]
    build_dependencies: BTreeMap<String, Dependency>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Workspace {
    members: Vec<PathBuf>,
    package: WorkspacePackage,
    dependencies: BTreeMap<String, Dependency>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WorkspacePackage {
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Dependency {
    Table {
        #[serde(default)]
        path: Option<PathBuf>,
        #[serde(default)]
        workspace: bool,
    },
    #[expect(dead_code, reason = "only told apart from a table")]
    Version(String),
}

/// Files at the top that decide how everything is compiled; those that are missing are no input.
const TOP_FILES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain",
    "rust-toolchain.toml",
    ".cargo/config",
    ".cargo/config.toml",
    "rustfmt.toml",
];

/// Folders of a package that are not part of its program.
const NOT_SHIPPED: [&str; 5] = ["tests", "benches", "examples", "target", "fuzz"];

impl Checkout {
    /// The checkout in a directory, if there is one of this version.
    pub fn open(directory: &Path, version: &str) -> Result<Self, Problem> {
        let place = directory.display().to_string();
        let no = |what: String| Problem::new(what).at(&place);
        let top = directory.canonicalize().map_err(|error| no(format!("cannot be read: {error}")))?;
        let manifest = manifest(&top).map_err(no)?;
        if manifest.package.name != "rkt-build" {
            return Err(no("not a checkout of rkt-build".to_owned()));
        }
        let found = manifest.workspace.package.version;
        if found != version {
            return Err(no(format!("the sources there are of version {found}, this is {version}")));
        }
        let packages =
            manifest.workspace.dependencies.into_iter().filter_map(|(name, dependency)| match dependency {
                Dependency::Table { path: Some(path), .. } => Some((name, path)),
                _ => None,
            });
        Ok(Self {
            top,
            packages: packages.collect(),
            members: manifest.workspace.members.into_iter().collect(),
        })
    }

    /// The checkout: the one that is named, else the one around the program or around the current directory.
    ///
    /// `None` when none is named and none is found.
    pub fn find(named: Option<&Path>, version: &str) -> Result<Option<Self>, Problem> {
        if let Some(named) = named {
            return Self::open(named, version).map(Some).map_err(|problem| {
                problem.hint("correct --srcdir; it names the top of a checkout of rkt-build")
            });
        }
        let places = [env::current_exe(), env::current_dir()];
        let around = places.iter().flatten().flat_map(|place| place.ancestors());
        Ok(around
            .filter(|folder| folder.join("Cargo.toml").is_file())
            .find_map(|folder| Self::open(folder, version).ok()))
    }

    /// All files that the program of the package in `folder` is compiled from: relative to the top, sorted.
    pub fn files(&self, folder: &Path) -> Result<Vec<PathBuf>, Problem> {
        let mut files: Vec<PathBuf> =
            TOP_FILES.iter().map(PathBuf::from).filter(|file| self.top.join(file).is_file()).collect();
        let mut wanted = vec![folder.to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(folder) = wanted.pop() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            let place = self.top.join(&folder);
            let wrong = |what: String| {
                let problem = Problem::new(what).at(place.display().to_string());
                problem.hint("the checkout is not whole: fetch it again, or name another with --srcdir=DIR")
            };
            let manifest = manifest(&place).map_err(wrong)?;
            for (name, dependency) in manifest.dependencies.iter().chain(&manifest.build_dependencies) {
                match dependency {
                    Dependency::Table { workspace: true, .. } => {
                        wanted.extend(self.packages.get(name).cloned());
                    }
                    Dependency::Table { path: Some(path), .. } => {
                        let real =
                            place.join(path).canonicalize().map_err(|error| wrong(error.to_string()))?;
                        wanted.extend(real.strip_prefix(&self.top).map(Path::to_owned));
                    }
                    _ => {}
                }
            }
            self.walk(&folder, true, &mut files).map_err(|error| wrong(error.to_string()))?;
        }
        files.sort();
        Ok(files)
    }

    fn walk(&self, folder: &Path, is_package: bool, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
        for entry in fs::read_dir(self.top.join(folder))? {
            let entry = entry?;
            let name = entry.file_name();
            let path = folder.join(&name);
            let kind = entry.file_type()?;
            let hidden = name.as_encoded_bytes().starts_with(b".");
            if kind.is_dir() {
                let skipped = is_package && NOT_SHIPPED.iter().any(|other| name == *other);
                if !hidden && !skipped && !self.members.contains(&path) {
                    self.walk(&path, false, files)?;
                }
            } else if !hidden {
                files.push(path);
            }
        }
        Ok(())
    }
}

fn manifest(folder: &Path) -> Result<Manifest, String> {
    let file = folder.join("Cargo.toml");
    let text = fs::read_to_string(&file).map_err(|error| format!("no readable Cargo.toml: {error}"))?;
    toml::from_str(&text).map_err(|error| format!("Cargo.toml: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Checkout {
        Checkout::open(Path::new(env!("CARGO_MANIFEST_DIR")), env!("CARGO_PKG_VERSION")).unwrap()
    }

    #[test]
    fn a_program_is_made_of_its_own_packages_only() {
        let files = here().files(Path::new("runtime/stage1")).unwrap();
        let has = |file: &str| files.contains(&PathBuf::from(file));
        assert!(has("Cargo.lock") && has("runtime/stage1/src/main.rs") && has("runtime/pod/src/lib.rs"));
        assert!(!has("runtime/src/lib.rs") && !has("src/lib.rs"));
        let files = here().files(Path::new("runtime")).unwrap();
        let has = |file: &str| files.contains(&PathBuf::from(file));
        assert!(has("runtime/build.rs") && has("runtime/grammar/src/lib.rs"));
        assert!(!has("runtime/stage1/src/main.rs"));
    }

    #[test]
    fn another_version_is_no_checkout() {
        let problem = Checkout::open(Path::new(env!("CARGO_MANIFEST_DIR")), "1.30.0").unwrap_err();
        assert!(problem.what.contains("1.30.0"), "{problem}");
    }
}
