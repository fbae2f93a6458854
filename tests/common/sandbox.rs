//! A data directory and a mount namespace of a test's own, and `rkt` in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::programs::{Programs, programs};

/// Runs `test` in a private mount namespace, so that what pods mount never reaches the machine.
///
/// The namespace belongs to a child: this test program, called again for the one test.
pub(crate) fn in_private_mounts(name: &str, test: impl FnOnce()) {
    const MARK: &str = "RKT_TEST_IN_PRIVATE_MOUNTS";
    assert!(rustix::process::geteuid().is_root(), "this test starts pods: run it as root");
    if std::env::var_os(MARK).is_some_and(|value| value == name) {
        return test();
    }
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(MARK, name)
        .status()
        .expect("unshare (package util-linux) runs");
    assert!(status.success(), "{name} failed in its mount namespace: {status}");
}

/// A fresh data directory with the programs under test.
#[derive(Debug)]
pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
    programs: &'static Programs,
}

impl Sandbox {
    /// In a new directory below the system's temporary directory.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("rkt-test-").tempdir().unwrap();
        Self { dir, programs: programs() }
    }

    /// The directory that everything of this sandbox is in.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `rkt`'s data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The application image (Debian's busybox).
    pub(crate) fn app(&self) -> &Path {
        &self.programs.busybox
    }

    /// The arguments that start every `rkt` of this sandbox.
    pub(crate) fn rkt_args(&self) -> Vec<String> {
        let empty = self.dir.path().join("no-config");
        vec![
            self.programs.rkt.display().to_string(),
            format!("--dir={}", self.data().display()),
            format!("--system-config={}", empty.display()),
            format!("--local-config={}", empty.display()),
            "--insecure-options=image".to_owned(),
        ]
    }

    /// The arguments of `rkt run` up to the image.
    pub(crate) fn stage1_arg(&self) -> String {
        format!("--stage1-path={}", self.programs.stage1("fly").display())
    }

    /// A command that runs `rkt` with these arguments.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let base = self.rkt_args();
        let mut command = Command::new(&base[0]);
        command.args(&base[1..]).args(args).current_dir(self.dir.path());
        command
    }

    /// Runs `rkt` and gives its output whatever the exit code.
    pub(crate) fn rkt<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.command(args).output().expect("rkt starts")
    }

    /// Runs `rkt`, which must succeed, and gives its standard output.
    pub(crate) fn rkt_ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let output = self.rkt(args);
        assert!(output.status.success(), "rkt failed ({}): {}", output.status, show(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Both streams of an output, for messages.
pub(crate) fn show(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
