//! What tests of pods run: `rkt`, the stage1 images that `rkt-build` makes, and an application image.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};

use super::{PROGRAM, TOP, clean, executables, ok, ready_made};

/// The flavors whose images are built. The first one is the default of the `rkt` that is built with them.
pub(crate) const FLAVORS: [&str; 2] = ["fly", "host"];

/// The programs and images of a pod.
#[derive(Debug)]
pub(crate) struct Programs {
    /// `rkt`, stage0.
    pub(crate) rkt: PathBuf,
    /// An application image: Debian's busybox.
    pub(crate) busybox: PathBuf,
    /// Where the stage1 images are.
    images: PathBuf,
}

impl Programs {
    /// The stage1 image of a flavor.
    pub(crate) fn stage1(&self, flavor: &str) -> PathBuf {
        assert!(FLAVORS.contains(&flavor), "the tests build no image of the flavor {flavor}");
        self.images.join(format!("stage1-{flavor}.aci"))
    }
}

/// Builds the stage1 images and the application image unless they are there already, and says where they are.
pub(crate) fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let executables = executables();
        let place = executables.rkt.parent().unwrap();
        let lock = File::create(place.join(".images.lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let mut build = Command::new(PROGRAM);
        build.current_dir(place).args(["build", "-q", "BUILDDIR=build"]).args(ready_made(executables));
        build.arg(format!("--with-stage1-flavors={}", FLAVORS.join(",")));
        clean(&mut build);
        ok(&mut build);
        let busybox = Path::new(TOP).join("tests/cache/busybox.aci");
        fs::create_dir_all(busybox.parent().unwrap()).unwrap();
        ok(Command::new(Path::new(TOP).join("tests/images/busybox")).arg(&busybox));
        Programs { rkt: executables.rkt.clone(), busybox, images: place.join("build/bin") }
    })
}
