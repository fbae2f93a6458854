//! A program of ours for images: `programs/app.rs`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};
use serde_json::json;

use super::{Image, Sandbox};
use crate::common::{TOP, ok};

/// The program, linked statically; compiled when its source has changed.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let lock = File::create(place.join("app.lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let source = Path::new(TOP).join("tests/functional/programs/app.rs");
        let program = place.join("app");
        let time = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
        if time(&program) <= time(&source) {
            let mut rustc = Command::new("rustc");
            rustc.args([
                "--edition=2024",
                "-Copt-level=1",
                "-Ctarget-feature=+crt-static",
                "-Cstrip=symbols",
            ]);
            ok(rustc.arg("-o").arg(&program).arg(source));
        }
        program
    })
}

impl Image {
    /// An image whose app is our program with these arguments, beside busybox.
    pub(crate) fn program(name: &str, sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let image = Self::busybox(name, sandbox);
        std::fs::copy(program(), image.at("/app")).unwrap();
        let exec: Vec<_> = ["/app"].iter().chain(arguments).collect();
        image.app("exec", json!(exec))
    }
}
