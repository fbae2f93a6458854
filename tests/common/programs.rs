//! What tests of pods run: `rkt`, the fly image that `rkt-build` makes, and an application image.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};

use super::{PROGRAM, TOP, clean, executables, ok, ready_made};

/// The programs and images of a pod.
#[derive(Debug)]
pub(crate) struct Programs {
    /// `rkt`, stage0.
    pub(crate) rkt: PathBuf,
    /// The fly image.
    pub(crate) stage1_fly: PathBuf,
    /// An application image: Debian's busybox.
    pub(crate) busybox: PathBuf,
}

/// Builds the fly image and the application image unless they are there already, and says where they are.
pub(crate) fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let executables = executables();
        let place = executables.rkt.parent().unwrap();
        let lock = File::create(place.join(".images.lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let mut build = Command::new(PROGRAM);
        build.current_dir(place).args(["build", "-q", "BUILDDIR=build"]).args(ready_made(executables));
        clean(&mut build);
        ok(&mut build);
        let busybox = Path::new(TOP).join("tests/cache/busybox.aci");
        fs::create_dir_all(busybox.parent().unwrap()).unwrap();
        ok(Command::new(Path::new(TOP).join("tests/images/busybox")).arg(&busybox));
        let stage1_fly = place.join("build/bin/stage1-fly.aci");
        Programs { rkt: executables.rkt.clone(), stage1_fly, busybox }
    })
}
