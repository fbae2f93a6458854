//! What was decided: everything that later phases need to know, kept as `config.json` in the build directory.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::dirs::Directories;
use crate::failure::Problem;

/// The layout of `config.json` that this version writes and reads.
pub const FORMAT: u32 = 1;

/// The name of the file in the build directory.
pub const FILE_NAME: &str = "config.json";

/// The version of the tool, of rkt and (without an override) of the images.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A configuration without contradictions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// [`FORMAT`].
    pub format: u32,
    /// [`VERSION`] of the tool that configured; also the version of rkt.
    pub version: String,
    /// The checkout with the sources, where `--srcdir` named one.
    pub srcdir: Option<PathBuf>,
    /// The build directory, absolute.
    pub builddir: PathBuf,
    /// Where inputs and results are kept, absolute.
    pub cache_dir: PathBuf,
    /// Whether the network must not be used.
    pub offline: bool,
    /// Where things are installed.
    pub directories: Directories,
    /// The flavors to build, in the order of the list.
    pub flavors: Vec<String>,
    /// A directory of flavors that go before those built in.
    pub flavors_dir: Option<PathBuf>,
    /// The version label of the built images.
    pub flavors_version: String,
    /// Whether `flavors_version` was given.
    pub flavors_version_overridden: bool,
    /// How the default stage1 image was chosen.
    pub setup: Setup,
    /// The image that rkt uses when nothing else is asked for.
    pub default_stage1: DefaultStage1,
    /// The machine that rkt runs on.
    pub host: Machine,
    /// The machine that builds.
    pub build: Machine,
    /// Whether `host` and `build` differ so much that programs of the one do not run on the other.
    pub cross: bool,
    /// The Rust target of the stage1 executable; it is linked statically.
    pub stage1_target: String,
    /// A stage1 executable that is ready made, absolute.
    pub stage1_executable: Option<PathBuf>,
    /// An rkt executable that is ready made, absolute.
    pub rkt_executable: Option<PathBuf>,
    /// What is switched on.
    pub features: Features,
    /// Flavor `src`: its systemd.
    pub systemd: Option<SystemdSource>,
    /// Flavors `coreos` and `kvm`: the PXE image of this machine.
    pub pxe: Option<PxeImage>,
    /// Flavor `kvm`: hypervisors.
    pub hypervisors: Vec<String>,
    /// The time of everything in an image, in seconds since 1970, where it was given.
    pub source_date_epoch: Option<u64>,
    /// The Rust compiler that was found (or given) and checked.
    pub compiler: Option<Compiler>,
    /// Variables such as `CC` and `CFLAGS` as they were when configuring.
    pub variables: BTreeMap<String, String>,
}

/// How the default stage1 image was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setup {
    /// It is one of the flavors built here.
    Flavor,
    /// It was named, with its version.
    Detailed,
}

/// The image that rkt uses when nothing else is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultStage1 {
    /// Its flavor (setup by flavor only).
    pub flavor: Option<String>,
    /// Its image name.
    pub name: String,
    /// Its version label.
    pub version: String,
    /// An absolute path or a URL.
    pub location: Option<String>,
    /// The file that rkt looks for beside its own executable.
    pub file: Option<String>,
    /// The directory of installed images, absolute.
    pub images_directory: PathBuf,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// As it was given or found: `x86_64-redhat-linux`.
    pub triple: String,
    /// In full: `x86_64-redhat-linux-gnu`.
    pub canonical: String,
    /// The label `arch` of images for it: `amd64`.
    pub arch: String,
    /// The Rust target of programs for it: `x86_64-unknown-linux-gnu`.
    pub rust_target: String,
}

/// What is switched on. `auto` has been decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// Measuring into a TPM.
    pub tpm: bool,
    /// Logs from the journal.
    pub sdjournal: bool,
    /// `make check` runs the functional tests.
    pub functional_tests: bool,
    /// Fast repeated builds (cargo profile `incremental`).
    pub incremental: bool,
    /// Known faults of the compiler are only warned about.
    pub insecure_go: bool,
}

/// Where flavor `src` gets systemd from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemdSource {
    /// A URL or an absolute directory.
    pub source: String,
    /// The version, where it was given.
    pub version: Option<String>,
    /// The git revision.
    pub revision: String,
}

/// A PXE image of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PxeImage {
    /// Absolute.
    pub path: PathBuf,
    /// `v<number>`.
    pub systemd_version: String,
}

/// The Rust compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compiler {
    /// The cargo to call.
    pub cargo: PathBuf,
    /// The rustc that it uses.
    pub rustc: PathBuf,
    /// What rustc says of itself: `1.95.0`.
    pub version: String,
    /// The linker for the host's target, where it must be named (cross builds, `CC`).
    pub linker: Option<String>,
}

impl Config {
    /// Reads the configuration of a build directory.
    pub fn load(builddir: &Path) -> Result<Self, Problem> {
        let path = builddir.join(FILE_NAME);
        let place = path.display().to_string();
        let again = "run ./configure (or rkt-build configure) again";
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let what = match error.kind() {
                std::io::ErrorKind::NotFound => "nothing has been configured here".to_owned(),
                _ => format!("cannot read the configuration: {error}"),
            };
            Problem::new(what).at(&place).hint(
                "run ./configure (or rkt-build configure) first, or name the build directory with BUILDDIR=",
            )
        })?;
        let config: Self = serde_json::from_str(&text).map_err(|error| {
            Problem::new(format!("not a configuration of this version: {error}")).at(&place).hint(again)
        })?;
        if config.format != FORMAT || config.version != VERSION {
            let what = if config.version == VERSION {
                format!("a configuration of format {}, this version writes format {FORMAT}", config.format)
            } else {
                format!("configured by version {}, this is {VERSION}", config.version)
            };
            return Err(Problem::new(what).at(&place).hint(again));
        }
        Ok(config)
    }

    /// Takes the saved configuration away, and its directory where that is then empty.
    pub fn remove(&self) -> Result<(), Problem> {
        let path = self.builddir.join(FILE_NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let problem =
                    Problem::new(format!("cannot be removed: {error}")).at(path.display().to_string());
                return Err(problem.hint("make the directory writable"));
            }
            _ => {}
        }
        // It stays where something else is in it.
        let _ = std::fs::remove_dir(&self.builddir);
        Ok(())
    }

    /// Writes the configuration into its build directory, which is made where it is missing. The file appears
    /// complete or not at all; a file that already says the same is left alone, with its time.
    pub fn save(&self) -> Result<(), Problem> {
        let path = self.builddir.join(FILE_NAME);
        let wrong = |error: &dyn std::fmt::Display| {
            Problem::new(format!("cannot write the configuration: {error}"))
                .at(path.display().to_string())
                .hint("make the directory writable, or name another one with BUILDDIR=")
        };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| wrong(&error))?;
        text.push('\n');
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        std::fs::create_dir_all(&self.builddir).map_err(|error| wrong(&error))?;
        let mut file = tempfile::Builder::new()
            .prefix(".config.json.")
            .tempfile_in(&self.builddir)
            .map_err(|error| wrong(&error))?;
        file.write_all(text.as_bytes()).map_err(|error| wrong(&error))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode).map_err(|error| wrong(&error))?;
        file.persist(&path).map_err(|error| wrong(&error.error))?;
        Ok(())
    }
}
