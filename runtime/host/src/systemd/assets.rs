//! What pods of the host flavor take from the machine's systemd.

use crate::program;
use elf::host::HostRoot;
use elf::{Closure, ClosureError, Nss, Request, Search};
use std::io;
use std::path::{Path, PathBuf};

/// Where distributions keep the programs of systemd that are in no `PATH`.
pub const PROGRAM_DIRECTORIES: &[&str] = &["/usr/lib/systemd", "/lib/systemd"];
/// Where they keep its units.
pub const UNIT_DIRECTORIES: &[&str] = &["/usr/lib/systemd/system", "/lib/systemd/system"];

/// What an asset is, and where it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A program in the directories of `PATH`.
    Path,
    /// A program in [`PROGRAM_DIRECTORIES`], or in the directory that belongs to the `systemctl` in `PATH`.
    Programs,
    /// A unit in [`UNIT_DIRECTORIES`].
    Units,
}

/// When an asset is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// From this version of systemd on.
    Since(u32),
    /// When the pod's journal is kept on disk.
    JournalKept,
    /// It is taken where it is there.
    IfThere,
}

/// A program or unit of systemd.
#[derive(Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its name.
    pub name: &'static str,
    /// Where it is looked for.
    pub place: Place,
    /// When it is needed.
    pub when: When,
    /// What for.
    pub why: &'static str,
}

const fn asset(name: &'static str, place: Place, when: When, why: &'static str) -> Asset {
    Asset { name, place, when, why }
}

/// All of them, without `systemd-nspawn` itself.
pub const ASSETS: &[Asset] = &[
    asset("systemd", Place::Programs, When::Always, "the first process of a pod"),
    asset("systemd-journald", Place::Programs, When::Always, "the output of apps"),
    asset("systemd-shutdown", Place::Programs, When::Always, "ending a pod"),
    asset("systemd-executor", Place::Programs, When::Since(255), "starting services"),
    asset("systemctl", Place::Path, When::Always, "exit codes, and changing pods"),
    asset("systemd-sysusers", Place::Path, When::Always, "names of users"),
    asset("journalctl", Place::Path, When::JournalKept, "keeping the journal"),
    asset("systemd-journald.service", Place::Units, When::Always, "the output of apps"),
    asset("systemd-journald.socket", Place::Units, When::Always, "the output of apps"),
    asset("systemd-journald-dev-log.socket", Place::Units, When::Always, "the output of apps"),
    // Kernels without auditing have no use for it, and some distributions leave it out.
    asset("systemd-journald-audit.socket", Place::Units, When::IfThere, "what the kernel tells of apps"),
    asset("systemd-journal-flush.service", Place::Units, When::JournalKept, "keeping the journal"),
];

impl Asset {
    /// Where it is on this machine.
    pub fn find(&self) -> Option<PathBuf> {
        let below = |directory: &Path| directory.join(self.name);
        match self.place {
            Place::Path => program::find(self.name),
            Place::Programs => {
                let own = program::find("systemctl")
                    .and_then(|path| path.canonicalize().ok())
                    .and_then(|path| Some(path.parent()?.parent()?.join("lib/systemd")));
                let directories = PROGRAM_DIRECTORIES.iter().map(PathBuf::from).chain(own);
                directories.map(|directory| below(&directory)).find(|path| program::is_executable(path))
            }
            Place::Units => UNIT_DIRECTORIES
                .iter()
                .map(|directory| below(Path::new(directory)))
                .find(|path| path.is_file()),
        }
    }

    /// Where [`Asset::find`] looks, for messages.
    pub fn searched(&self) -> String {
        match self.place {
            Place::Path => "PATH".to_owned(),
            Place::Programs => PROGRAM_DIRECTORIES.join(" or "),
            Place::Units => UNIT_DIRECTORIES.join(" or "),
        }
    }

    /// Whether pods need it: with a systemd that is `at_least` some version, and with or without a journal
    /// that is kept.
    pub fn is_needed(&self, at_least: impl Fn(u32) -> bool, journal_kept: bool) -> bool {
        match self.when {
            When::Always => true,
            When::Since(version) => at_least(version),
            When::JournalKept => journal_kept,
            When::IfThere => false,
        }
    }

    /// The same as something that is missing.
    pub fn miss(&self) -> Miss {
        Miss::File { name: self.name, why: self.why, searched: self.searched() }
    }
}

/// Something that pods need of the machine and that is not there, or does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// A program or unit.
    #[error("{name}, needed for {why}: not in {searched}")]
    File {
        /// Its name.
        name: &'static str,
        /// What for.
        why: &'static str,
        /// Where it was looked for.
        searched: String,
    },
    /// `systemd-nspawn` has not the age.
    #[error("systemd-nspawn is of systemd {0}, and {oldest} or newer is needed", oldest = crate::nspawn::OLDEST)]
    TooOld(u32),
    /// `systemd-nspawn` does not tell its version.
    #[error("the version of systemd-nspawn is not known: {0}")]
    UnknownVersion(String),
    /// What the programs need to run cannot be found out, or is not there.
    #[error("{0}")]
    Libraries(String),
}

impl Miss {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Miss::File { name: crate::nspawn::PROGRAM, .. } => {
                "install systemd-nspawn; distributions have it in the package systemd-container or systemd"
            }
            Miss::File { .. } => "install systemd; it need not be what boots the machine",
            Miss::TooOld(_) => "use a newer system, or another flavor",
            Miss::UnknownVersion(_) => "see what `systemd-nspawn --version` says",
            Miss::Libraries(_) => "install systemd again, with what its package depends on",
        }
    }
}

/// Why it is not known what programs need.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The root directory cannot be opened.
    #[error("cannot open /: {0}")]
    Root(#[source] io::Error),
    /// Something is missing, or cannot be read.
    #[error(transparent)]
    Closure(#[from] ClosureError),
}

/// Everything that the programs among these assets need to run, of this machine.
///
/// # Errors
/// [`Error`] with all that is missing.
pub fn closure<'a>(found: impl IntoIterator<Item = (&'a Asset, &'a Path)>) -> Result<Closure, Error> {
    let programs = found.into_iter().filter(|(asset, _)| asset.place != Place::Units);
    let requests: Vec<Request> = programs.map(|(asset, path)| Request::file(path, asset.why)).collect();
    // Pods know their users by files.
    let search =
        Search { nss: Nss::Named(vec!["files".to_owned(), "compat".to_owned()]), ..Search::default() };
    let root = HostRoot::host().map_err(Error::Root)?;
    Ok(elf::closure(&root, &requests, &search)?)
}

#[cfg(test)]
mod tests {
    use super::{ASSETS, Asset, Error, Place, When, closure};
    use std::path::Path;

    #[test]
    fn when_assets_are_needed() {
        let of = |when| Asset { name: "x", place: Place::Path, when, why: "y" };
        for (when, version, journal_kept, expected) in [
            (When::Always, 220, false, true),
            (When::Since(255), 254, true, false),
            (When::Since(255), 255, false, true),
            (When::JournalKept, 255, false, false),
            (When::JournalKept, 220, true, true),
            (When::IfThere, 255, true, false),
        ] {
            assert_eq!(of(when).is_needed(|since| version >= since, journal_kept), expected, "{when:?}");
        }
    }

    #[test]
    fn programs_of_this_machine_have_their_libraries() {
        let found: Vec<_> = ASSETS.iter().filter_map(|asset| Some((asset, asset.find()?))).collect();
        let closure = closure(found.iter().map(|(asset, path)| (*asset, path.as_path()))).unwrap();
        let has = |name: &str| closure.objects.iter().any(|object| Path::new(&object.name).ends_with(name));
        assert!(has("libc.so.6"), "tests/setup installs systemd");
        assert!(ASSETS.iter().all(|asset| asset.find().is_none_or(|path| path.ends_with(asset.name))));
    }

    #[test]
    fn what_is_no_program_is_told() {
        let asset = &ASSETS[0];
        let error = closure([(asset, Path::new("/no/such/systemd"))]).unwrap_err();
        assert!(matches!(error, Error::Closure(_)));
        assert!(error.to_string().contains("/no/such/systemd"), "{error}");
    }
}
