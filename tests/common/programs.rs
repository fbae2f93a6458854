//! What tests of pods run: `rkt`, the stage1 images that `rkt-build` makes, and an application image.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};

use super::{PROGRAM, TOP, clean, executables, ok, ready_made};

/// The flavors whose images are built. The first one is the default of the `rkt` that is built with them.
pub(crate) const FLAVORS: [&str; 2] = ["fly", "host"];

/// The variable that names a build directory whose programs and images are tested, instead of those that are built here.
pub(crate) const BUILD: &str = "RKT_TEST_BUILD";

/// The programs and images of a pod.
#[derive(Debug)]
pub(crate) struct Programs {
    build: PathBuf,
    busybox: PathBuf,
}

impl Programs {
    /// The build directory that they are in.
    pub(crate) fn build(&self) -> &Path {
        &self.build
    }

    /// `rkt`, stage0.
    pub(crate) fn rkt(&self) -> PathBuf {
        self.build.join("bin/rkt")
    }

    /// The stage1 image of a flavor.
    pub(crate) fn stage1(&self, flavor: &str) -> PathBuf {
        let image = self.build.join(format!("bin/stage1-{flavor}.aci"));
        assert!(image.exists(), "there is no image of the flavor {flavor} in {}", self.build.display());
        image
    }

    /// An application image: Debian's busybox.
    pub(crate) fn busybox(&self) -> &Path {
        &self.busybox
    }
}

/// Builds the programs and images unless they are there already, and says where they are.
pub(crate) fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let lock = File::create(place.join("images.lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let busybox = Path::new(TOP).join("tests/cache/busybox.aci");
        ok(Command::new(Path::new(TOP).join("tests/images/busybox")).arg(&busybox));
        if let Some(build) = env::var_os(BUILD) {
            let programs = Programs { build: build.into(), busybox };
            assert!(programs.rkt().exists(), "{} is missing", programs.rkt().display());
            return programs;
        }
        let executables = executables();
        let build = executables.rkt.with_file_name("build");
        let mut command = Command::new(PROGRAM);
        command.arg("build").arg("-q").args(ready_made(executables));
        command.arg(format!("--with-stage1-flavors={}", FLAVORS.join(",")));
        command.arg(format!("BUILDDIR={}", build.display()));
        clean(&mut command);
        ok(&mut command);
        Programs { build, busybox }
    })
}
