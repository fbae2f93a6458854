//! Compiling a program of this repository with cargo.
//!
//! The environment is cleaned: what the caller has set for other compilations must not change what is shipped.
//! Paths of the machine are mapped to fixed ones, so that the place of the build does not show in the bytes.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::needs::find_program;
use super::run;
use super::toolchain::Toolchain;
use crate::configure::tools::Tools;
use crate::event::Sink;
use crate::failure::Problem;
use crate::source::checkout::Checkout;

/// What is kept of the environment: where things are, and how to reach the network while fetching.
const KEPT: [&str; 17] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// One program to compile.
#[derive(Debug, Clone)]
pub struct Cargo {
    /// The package, and the name of the program in it.
    pub package: &'static str,
    /// The folder of the package in the checkout.
    pub folder: &'static str,
    /// The target.
    pub target: String,
    /// The label `arch` of the machine that it is for.
    pub arch: String,
    /// Whether the program must run without shared libraries.
    pub is_static: bool,
    /// The checkout.
    pub checkout: Checkout,
    /// cargo.
    pub cargo: PathBuf,
    /// rustc.
    pub rustc: PathBuf,
    /// The compiler that `rustc` stands for.
    pub toolchain: Toolchain,
    /// The linker, where it is not the machine's own `cc`.
    pub linker: Option<PathBuf>,
    /// The flags for C code, where they are given.
    pub cflags: Option<String>,
    /// The profile of cargo.
    pub profile: &'static str,
    /// More environment for the compilation.
    pub environment: BTreeMap<String, String>,
    /// Where cargo works, in one folder for each kind of linking.
    pub target_dir: PathBuf,
    /// The build directory.
    pub builddir: PathBuf,
}

/// How many jobs a compilation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parallel {
    /// As many as `make` lets us, else as many as there are processors.
    AsMakeSays,
    /// So many.
    Count(usize),
}

impl Cargo {
    /// Everything that is missing for compiling this. What was there when configuring can be gone.
    pub fn missing(&self) -> Vec<Problem> {
        let tools = Tools::builtin();
        let mut missing = Vec::new();
        if find_program(&self.cargo).is_none() {
            missing.push(tools.missing("cargo").at(self.cargo.display().to_string()));
        }
        if !self.toolchain.has_target(&self.target) {
            missing.push(
                tools
                    .missing("rust-std")
                    .at(format!("{} (`rustup target add` installs it too)", self.target)),
            );
        }
        let linker = self.linker.clone().unwrap_or_else(|| "cc".into());
        match find_program(&linker) {
            None => {
                let tool = if self.linker.is_some() { &format!("linker-{}", self.arch) } else { "linker" };
                missing.push(tools.missing(tool).at(linker.display().to_string()));
            }
            Some(linker) if self.is_static && self.target.contains("-linux-gnu") && !has_libc(&linker) => {
                missing.push(tools.missing("static-libc").at(linker.display().to_string()));
            }
            Some(_) => {}
        }
        missing
    }

    /// Everything that what comes out depends on, but the sources. No path of the machine is among it.
    pub fn inputs(&self) -> BTreeMap<String, String> {
        let mut inputs = self.environment.clone();
        let linker = self.linker.as_deref().unwrap_or(Path::new("cc"));
        for (name, value) in [
            ("compiler", self.toolchain.version.trim_end()),
            ("target", &self.target),
            ("linker", &linker.to_string_lossy()),
            ("cflags", self.cflags.as_deref().unwrap_or_default()),
            ("profile", self.profile),
            ("linked", self.linked()),
        ] {
            inputs.insert(name.to_owned(), value.to_owned());
        }
        inputs
    }

    /// How the program is linked.
    fn linked(&self) -> &'static str {
        if self.is_static { "static" } else { "dynamic" }
    }

    /// Gets what the sources need from elsewhere; without the network, tells whether it is all there.
    pub fn fetch(&self, offline: bool, log: &Path, sink: &dyn Sink) -> Result<(), Problem> {
        let mut command = self.command("fetch");
        command.args(["--target", &self.target]);
        if offline {
            command.arg("--offline");
        }
        let mut file = start_log(log)?;
        run::run(&mut command, "cargo fetch", &mut file, log, sink).map_err(|problem| {
            problem.hint(if offline {
                "without --offline they are downloaded; or vendor them into the checkout (cargo vendor)"
            } else {
                "the whole output is in that file; a vendored checkout (cargo vendor) needs no network"
            })
        })
    }

    /// Compiles, without network, and returns the program.
    pub fn build(&self, parallel: Parallel, log: &Path, sink: &dyn Sink) -> Result<PathBuf, Problem> {
        tag(&self.target_dir).map_err(|error| Problem::system("cannot be made", &self.target_dir, &error))?;
        let mut command = self.command("build");
        command.args(["--offline", "--package", self.package, "--bin", self.package]);
        command.args(["--target", &self.target, "--profile", self.profile]);
        // Cargo keeps one result for a crate, whatever the flags: both kinds in one place would undo each other's.
        let target_dir = self.target_dir.join(self.linked());
        command.arg("--target-dir").arg(&target_dir);
        if let Parallel::Count(count) = parallel {
            command.arg(format!("-j{count}"));
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", self.rustflags().join("\u{1f}")).envs(&self.environment);
        let mut file = start_log(log)?;
        run::run(&mut command, "cargo build", &mut file, log, sink)?;
        Ok(target_dir.join(&self.target).join(self.profile).join(self.package))
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(&self.cargo);
        command.arg(what).arg("--locked").current_dir(&self.checkout.top);
        command.arg("--manifest-path").arg(self.checkout.top.join("Cargo.toml"));
        command.env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        // The tokens of `make`; any other flag of it is nothing to us.
        if let Some(flags) =
            env::var_os("MAKEFLAGS").filter(|flags| flags.to_string_lossy().contains("--jobserver"))
        {
            command.env("MAKEFLAGS", flags);
        }
        command.env("RUSTC", &self.rustc).env("LC_ALL", "C").env("CARGO_TERM_COLOR", "never");
        // Empty is how a wrapper that some configuration file names is taken away.
        command.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "").env("CARGO_INCREMENTAL", "0");
        if self.profile == "incremental" {
            command.env_remove("CARGO_INCREMENTAL");
        }
        let plain = self.target.replace(['-', '.'], "_");
        if let Some(linker) = &self.linker {
            command.env(format!("CARGO_TARGET_{}_LINKER", plain.to_uppercase()), linker);
            command.env(format!("CC_{plain}"), linker);
        }
        if let Some(cflags) = &self.cflags {
            command.env(format!("CFLAGS_{plain}"), cflags);
        }
        command
    }

    fn rustflags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if self.is_static {
            flags.push("-Ctarget-feature=+crt-static".to_owned());
        }
        // Of several that fit the last one counts, so that which lies inside another comes after it.
        let mut map =
            |from: &Path, to: &str| flags.push(format!("--remap-path-prefix={}={to}", from.display()));
        map(&self.checkout.top, "/src");
        map(&self.builddir, "/build");
        map(&self.target_dir, "/build");
        for index in registry_folders() {
            map(&index, "/cargo");
        }
        let commit = self.toolchain.line("commit-hash").unwrap_or("unknown");
        map(&self.toolchain.sysroot.join("lib/rustlib/src/rust"), &format!("/rustc/{commit}"));
        flags
    }
}

/// Whether a linker has a static C library. A bare name is its way to say that it has none.
fn has_libc(linker: &Path) -> bool {
    let output = Command::new(linker).arg("-print-file-name=libc.a").output();
    output.is_ok_and(|output| output.status.success() && output.stdout.trim_ascii() != b"libc.a")
}

/// Where cargo unpacks what it downloaded: a folder for each registry, whose name depends on the registry's address.
fn registry_folders() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let folders = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    let mut folders: Vec<_> = folders.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

fn start_log(log: &Path) -> Result<File, Problem> {
    let make = || -> io::Result<File> {
        fs::create_dir_all(log.parent().unwrap_or(Path::new(".")))?;
        File::create(log)
    };
    make().map_err(|error| Problem::system("cannot be written", log, &error))
}

/// The file by which `clean` knows a folder that it may remove with all it holds.
pub const TAG: &str = "CACHEDIR.TAG";
/// What is in it; the first line is what backup programs look for.
pub const TAG_TEXT: &str =
    "Signature: 8a477f597d28d172789f06886806bc55\n# Made by rkt-build, removed by `rkt-build clean`.\n";

fn tag(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let file = folder.join(TAG);
    if fs::read_to_string(&file).is_ok_and(|text| text == TAG_TEXT) {
        return Ok(());
    }
    fs::write(file, TAG_TEXT)
}
