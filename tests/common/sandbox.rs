//! A data directory of a test's own, and `rkt` in it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::programs::{Programs, programs};

/// A fresh data directory with the programs under test.
#[derive(Debug)]
pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
    programs: &'static Programs,
    flavor: &'static str,
}

impl Sandbox {
    /// In a new directory below the system's temporary directory; pods run with this flavor.
    pub(crate) fn new(flavor: &'static str) -> Self {
        let dir = tempfile::Builder::new().prefix("rkt-").tempdir().unwrap();
        Self { dir, programs: programs(), flavor }
    }

    /// The flavor under test.
    pub(crate) fn flavor(&self) -> &'static str {
        self.flavor
    }

    /// The directory that everything of this sandbox is in.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path in it.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `rkt`'s data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.at("data")
    }

    /// Files and directories outside of it that tests take what they run from.
    pub(crate) fn inputs(&self) -> [&Path; 2] {
        [self.programs.build(), self.programs.busybox()]
    }

    /// The application image (Debian's busybox).
    pub(crate) fn app(&self) -> &'static Path {
        self.programs.busybox()
    }

    /// The stage1 image of the flavor under test.
    pub(crate) fn stage1(&self) -> PathBuf {
        self.programs.stage1(self.flavor)
    }

    /// The option that chooses it.
    pub(crate) fn stage1_arg(&self) -> String {
        format!("--stage1-path={}", self.stage1().display())
    }

    /// A command that runs `rkt` with these arguments, in the sandbox's directory, with no input and a process group of its
    /// own, as a shell's background jobs have.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        use std::os::unix::process::CommandExt as _;
        let empty = self.at("no-config");
        let mut command = Command::new(self.programs.rkt());
        command
            .arg(format!("--dir={}", self.data().display()))
            .arg(format!("--system-config={}", empty.display()))
            .arg(format!("--local-config={}", empty.display()))
            .arg("--insecure-options=image")
            .args(args)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .process_group(0);
        // What only tells the processes of a test which they are.
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"RKT_TEST_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs `rkt` and gives its output whatever the exit code.
    pub(crate) fn rkt<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.command(args).output().expect("rkt starts")
    }

    /// Runs `rkt`, which must succeed, and gives its standard output.
    #[track_caller]
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
