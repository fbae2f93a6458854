//! Which Rust compiler is used, told without starting it when nothing changed.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Problem;
use crate::store::identity::Identity;
use crate::store::memory::Memory;

/// A compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// What `rustc -vV` prints.
    pub version: String,
    /// The directory with its libraries.
    pub sysroot: PathBuf,
}

impl Toolchain {
    /// The compiler that `rustc` is when it is called in `directory`.
    ///
    /// A `rustc` of rustup is only a forwarder: which compiler it calls depends on its settings and on files above
    /// the directory. So the memory names those too, and the compiler that it forwarded to.
    pub fn find(rustc: &Path, directory: &Path, memory: &mut Memory) -> Result<Self, Problem> {
        let depends = depends(rustc, directory);
        // The fact tells which compiler was called; its identity is part of what makes the fact true.
        let remembered = memory.fact(&format!("compiler {depends}")).and_then(|fact| {
            let (identity, rest) = fact.split_once('\n')?;
            let (sysroot, version) = rest.split_once('\n')?;
            let toolchain = Self { version: version.to_owned(), sysroot: sysroot.into() };
            (identity == toolchain.identity()).then_some(toolchain)
        });
        if let Some(toolchain) = remembered {
            return Ok(toolchain);
        }
        let version = ask(rustc, directory, &["-vV"])?;
        let sysroot = PathBuf::from(ask(rustc, directory, &["--print", "sysroot"])?.trim_end());
        let toolchain = Self { version, sysroot };
        let Self { version, sysroot } = &toolchain;
        let fact = format!("{}\n{}\n{version}", toolchain.identity(), sysroot.display());
        memory.set_fact(&format!("compiler {depends}"), &fact);
        Ok(toolchain)
    }

    fn identity(&self) -> String {
        format!("{:?}", Identity::of(&self.sysroot.join("bin/rustc")).ok())
    }

    /// A line of `rustc -vV`, such as `commit-hash`.
    pub fn line(&self, name: &str) -> Option<&str> {
        self.version.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Whether the libraries of a target are installed.
    pub fn has_target(&self, target: &str) -> bool {
        self.sysroot.join("lib/rustlib").join(target).join("lib").is_dir()
    }
}

/// Everything that the answer of a `rustc` depends on, as text.
fn depends(rustc: &Path, directory: &Path) -> String {
    let mut text = format!("{} {:?}", rustc.display(), Identity::of(rustc).ok());
    for variable in ["RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "HOME"] {
        let _ = write!(text, " {variable}={:?}", env::var_os(variable));
    }
    let home = env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".rustup")));
    let settings = home.map(|home| home.join("settings.toml"));
    let above = directory.ancestors().flat_map(|folder| {
        ["rust-toolchain", "rust-toolchain.toml"].into_iter().map(|file| folder.join(file))
    });
    for file in settings.into_iter().chain(above) {
        if let Ok(identity) = Identity::of(&file) {
            let _ = write!(text, " {} {identity:?}", file.display());
        }
    }
    text
}

fn ask(rustc: &Path, directory: &Path, arguments: &[&str]) -> Result<String, Problem> {
    let place = rustc.display().to_string();
    let wrong = |what: String| {
        Problem::new(what).at(&place).hint(
            "install a Rust compiler (Debian: rustc, Fedora: rust, Arch: rust), or name one with RUSTC=",
        )
    };
    let output = Command::new(rustc)
        .args(arguments)
        .current_dir(directory)
        .output()
        .map_err(|error| wrong(format!("the compiler cannot be started: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(wrong(format!("the compiler does not tell its version: {}", said.trim())));
    }
    String::from_utf8(output.stdout).map_err(|_| wrong("the compiler's version is not text".to_owned()))
}
