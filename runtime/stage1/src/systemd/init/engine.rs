//! Where systemd and nspawn of a pod come from: the host, or the image.

use super::assets;
use super::write::Files;
use crate::failure::{Failure, at};
use crate::systemd::unit::dialect::Dialect;
use elf::{Content, Object};
use host::cgroup::Layout;
use host::nspawn::{Abilities, OLDEST, PROGRAM};
use host::systemd::assets::Miss;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// nspawn in an image, relative to its root.
const OWN_NSPAWN: &str = "usr/bin/systemd-nspawn";
/// The image's root, relative to the pod's directory.
const ROOTFS: &str = "stage1/rootfs";
/// Where an image has its libraries.
const LIBRARIES: &str = "stage1/rootfs/usr/lib:stage1/rootfs/usr/lib/systemd";

/// How a container is started.
#[derive(Debug)]
pub(super) struct Engine {
    /// What the pod's systemd understands.
    pub(super) dialect: Dialect,
    /// What nspawn understands.
    pub(super) abilities: Abilities,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Everything is the host's.
    Host { nspawn: PathBuf },
    /// Everything is in the image; its programs are started through its own loader.
    Image { loader: PathBuf },
}

/// What is executed.
#[derive(Debug)]
pub(super) struct Program {
    /// The file.
    pub(super) path: PathBuf,
    /// The first words: the program's name and, for a loader, what it loads.
    pub(super) words: Vec<OsString>,
    /// Where the loader looks for libraries first.
    pub(super) library_path: Option<OsString>,
}

impl Engine {
    /// Finds nspawn and asks it what it can do.
    ///
    /// # Errors
    /// When there is none, or it is too old; with all else that the host lacks for a pod whose journal is kept or not.
    pub(super) fn find(flavor: &str, rootfs: &Path, journal_kept: bool) -> Result<Engine, Failure> {
        if flavor == "host" { Engine::of_host(journal_kept) } else { Engine::of_image(rootfs) }
    }

    fn of_host(journal_kept: bool) -> Result<Engine, Failure> {
        let lacking = |known: &dyn Display| assets::lacking(journal_kept, known);
        let nspawn =
            host::program::find(PROGRAM).ok_or_else(|| lacking(&format_args!("{PROGRAM} is not in PATH")))?;
        // A wrapper tells its version, and what it can do, only when it is asked.
        let known = object(&nspawn)?.as_deref().and_then(library_version);
        let version = match known {
            Some(version) => version,
            None => host::systemd::version(&nspawn).map_err(|error| lacking(&error))?,
        };
        if version < OLDEST {
            return Err(lacking(&Miss::TooOld(version)));
        }
        let abilities = match known {
            Some(version) => Abilities::of_version(version),
            None => Abilities::of(&nspawn).map_err(|error| lacking(&error))?,
        };
        Ok(Engine { dialect: Dialect::of(version), abilities, source: Source::Host { nspawn } })
    }

    fn of_image(rootfs: &Path) -> Result<Engine, Failure> {
        let nspawn = rootfs.join(OWN_NSPAWN);
        let object = object(&nspawn)?;
        let loader = object.and_then(|object| object.interpreter.clone()).ok_or_else(|| {
            Failure::new(format!("{} names no loader", nspawn.display())).hint("rkt-build lint checks images")
        })?;
        let stated = fs::read_to_string(rootfs.join("systemd-version")).unwrap_or_default();
        // `v233`; what is no number counts as newest.
        let version = stated.trim().strip_prefix('v').and_then(|number| number.parse().ok()).unwrap_or(0);
        let abilities = Abilities::of_version(if version == 0 { u32::MAX } else { version });
        Ok(Engine { dialect: Dialect::of(version), abilities, source: Source::Image { loader } })
    }

    /// What to execute, relative to the pod's directory where it is in the image.
    pub(super) fn program(&self) -> Program {
        match &self.source {
            Source::Host { nspawn } => {
                Program { path: nspawn.clone(), words: vec![nspawn.clone().into()], library_path: None }
            }
            Source::Image { loader } => {
                let path = Path::new(ROOTFS).join(loader.strip_prefix("/").unwrap_or(loader));
                let words = vec![path.clone().into(), Path::new(ROOTFS).join(OWN_NSPAWN).into()];
                Program { path, words, library_path: Some(LIBRARIES.into()) }
            }
        }
    }

    /// Brings into the pod what its image does not hold. Tells why systemd in it cannot filter system calls, if it cannot.
    pub(super) fn fill(
        &self,
        files: &Files<'_>,
        persistent_journal: bool,
    ) -> Result<Option<String>, Failure> {
        match &self.source {
            Source::Host { .. } => assets::copy(files, self.dialect, persistent_journal),
            Source::Image { .. } => Ok(None),
        }
    }

    /// Fails where the pod's systemd would not start because of how control groups are mounted.
    pub(super) fn expect_groups(&self, layout: Layout) -> Result<(), Failure> {
        if layout == Layout::Unified || !self.dialect.refuses_legacy_groups() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "systemd {} of the pod does not start where control groups of version 1 are mounted",
            self.dialect
        ))
        .hint("have only version 2 mounted (systemd.unified_cgroup_hierarchy=1 on the kernel's command line), or use a stage1 image with an older systemd, or fly"))
    }
}

/// What is in a program's file; `None` for a script.
fn object(path: &Path) -> Result<Option<Arc<Object>>, Failure> {
    let mut file = File::open(path).map_err(at("open", path))?;
    match Content::read(&mut file).map_err(at("read", path))? {
        Content::Elf(object) => Ok(Some(object)),
        Content::Script(_) => Ok(None),
    }
}

/// The version in the name of systemd's own library: `libsystemd-shared-252.so`. Faster than asking the program.
fn library_version(object: &Object) -> Option<u32> {
    object.needed.iter().find_map(|name| {
        let rest = name.to_str()?.strip_prefix("libsystemd-shared-")?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}
