//! What several tests of the build need: the two programs, compiled once, and a place of one's own to build in.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod isolation;
pub(crate) mod programs;
pub(crate) mod sandbox;

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_rkt-build");
pub(crate) const TOP: &str = env!("CARGO_MANIFEST_DIR");
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The two programs, ready made.
#[derive(Debug)]
pub(crate) struct Executables {
    /// `rkt`, with the defaults of a plain `cargo build`: prefix `/usr/local`, flavor fly, no features.
    pub(crate) rkt: PathBuf,
    /// The static executable of the images.
    pub(crate) stage1: PathBuf,
}

/// The target that this machine compiles for.
pub(crate) fn target() -> String {
    format!("{}-unknown-linux-gnu", env::consts::ARCH)
}

/// Both programs, compiled with the profile of the tests. The first test that asks compiles them, others wait; in
/// later runs cargo finds them as they are.
pub(crate) fn executables() -> &'static Executables {
    static MADE: OnceLock<Executables> = OnceLock::new();
    MADE.get_or_init(|| {
        let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let place = target_dir.join("test-executables");
        fs::create_dir_all(&place).unwrap();
        let lock = File::create(place.join(".lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        compile(target_dir, "rkt", &[], "");
        compile(target_dir, "rkt-stage1", &["--target", &target()], "-Ctarget-feature=+crt-static");
        // Copies: another cargo may replace its own files while a test reads them.
        let made = Executables { rkt: place.join("rkt"), stage1: place.join("stage1") };
        copy(&target_dir.join("debug/rkt"), &made.rkt);
        copy(&target_dir.join(target()).join("debug/rkt-stage1"), &made.stage1);
        made
    })
}

fn compile(target_dir: &Path, package: &str, words: &[&str], rustflags: &str) {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--locked", "--package", package, "--bin", package]).args(words);
    command.arg("--target-dir").arg(target_dir).current_dir(TOP);
    for (name, _) in env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"RKT_") {
            command.env_remove(name);
        }
    }
    if !rustflags.is_empty() {
        command.env("RUSTFLAGS", rustflags);
    }
    ok(&mut command);
}

/// Replaces a file only if it is another one, so that what depends on it is not made anew.
fn copy(from: &Path, to: &Path) {
    let bytes = fs::read(from).unwrap();
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return;
    }
    let beside = to.with_extension("new");
    fs::write(&beside, bytes).unwrap();
    fs::set_permissions(&beside, Permissions::from_mode(0o755)).unwrap();
    fs::rename(beside, to).unwrap();
}

/// Runs a command that must succeed.
#[track_caller]
pub(crate) fn ok(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", text(&output.stdout), text(&output.stderr));
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory to build in.
#[derive(Debug)]
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path below it.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A path below the build directory.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.at("b").join(name)
    }

    /// `rkt-build` in this directory, with nothing in its environment by chance.
    pub(crate) fn command<W: AsRef<OsStr>>(&self, words: &[W]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words).arg("BUILDDIR=b").current_dir(self.path());
        clean(&mut command);
        command
    }

    #[track_caller]
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        text(&ok(&mut self.command(words)).stdout)
    }

    /// What a command that must fail writes to standard error, with its exit code.
    #[track_caller]
    pub(crate) fn fails(&self, words: &[&str]) -> (i32, String) {
        let output = self.command(words).output().unwrap();
        assert!(!output.status.success(), "{words:?} succeeded: {}", text(&output.stdout));
        (output.status.code().unwrap(), text(&output.stderr))
    }

    /// Configures for the fly image with both programs ready made.
    #[track_caller]
    pub(crate) fn configure(&self, more: &[&str]) {
        ok(self.command(&["configure", "-q"]).args(ready_made(executables())).args(more));
    }

    /// `stage1-fly.aci.json`
    pub(crate) fn about(&self) -> Value {
        serde_json::from_slice(&fs::read(self.built("bin/stage1-fly.aci.json")).unwrap()).unwrap()
    }

    pub(crate) fn image(&self) -> Vec<u8> {
        fs::read(self.built("bin/stage1-fly.aci")).unwrap()
    }
}

/// The options with which ready-made programs are used.
pub(crate) fn ready_made(executables: &Executables) -> Vec<String> {
    vec![
        "--with-stage1-flavors=fly".to_owned(),
        "--enable-tpm=no".to_owned(),
        "--enable-sdjournal=no".to_owned(),
        format!("--with-rkt-executable={}", executables.rkt.display()),
        format!("--with-stage1-executable={}", executables.stage1.display()),
    ]
}

/// Leaves in the environment only what the compilers need.
pub(crate) fn clean(command: &mut Command) {
    command.env_clear();
    for name in ["PATH", "HOME", "RUSTUP_HOME", "CARGO_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// Everything below a directory: paths, with kinds, modes and sizes.
pub(crate) fn listing(directory: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let kind = if meta.is_dir() {
                folders.push(path.clone());
                'd'
            } else if meta.is_symlink() {
                'l'
            } else {
                'f'
            };
            let inside = path.strip_prefix(directory).unwrap().display();
            lines.push(format!("{kind} {:04o} {inside}", meta.permissions().mode() & 0o7777));
        }
    }
    lines.sort();
    lines
}
