//! What pods of the host flavor take from the machine's systemd, and whether it is there.

use super::version;
use crate::{nspawn, program};
use std::path::{Path, PathBuf};

/// Where an asset is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the directories of `PATH`.
    Path,
    /// In these directories, the first first.
    Directories(&'static [&'static str]),
}

/// A file of systemd that pods take from the machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its name.
    pub name: &'static str,
    /// Where it is looked for.
    pub place: Place,
    /// The version of systemd from which on it is needed; 0 is always.
    pub since: u32,
}

const PROGRAMS: Place = Place::Directories(&["/usr/lib/systemd", "/lib/systemd"]);
const UNITS: Place = Place::Directories(&["/usr/lib/systemd/system", "/lib/systemd/system"]);

/// All of them, without `systemd-nspawn` itself.
pub const ASSETS: &[Asset] = &[
    Asset { name: "systemd", place: PROGRAMS, since: 0 },
    Asset { name: "systemd-journald", place: PROGRAMS, since: 0 },
    Asset { name: "systemd-shutdown", place: PROGRAMS, since: 0 },
    Asset { name: "systemd-executor", place: PROGRAMS, since: 255 },
    Asset { name: "systemd-journald.service", place: UNITS, since: 0 },
    Asset { name: "systemd-journald.socket", place: UNITS, since: 0 },
    Asset { name: "systemd-journald-dev-log.socket", place: UNITS, since: 0 },
    Asset { name: "systemctl", place: Place::Path, since: 0 },
    Asset { name: "systemd-sysusers", place: Place::Path, since: 0 },
];

impl Asset {
    /// Where it is on this machine.
    pub fn find(&self) -> Option<PathBuf> {
        match self.place {
            Place::Path => program::find(self.name),
            Place::Directories(dirs) => {
                dirs.iter().map(|dir| Path::new(dir).join(self.name)).find(|path| path.is_file())
            }
        }
    }
}

/// What there is of systemd.
#[derive(Debug, Clone)]
pub struct Tools {
    /// `systemd-nspawn` in `PATH`.
    pub nspawn: Option<PathBuf>,
    /// The version that it tells, or why it is not known; `None` where there is no `systemd-nspawn`.
    pub version: Option<Result<u32, String>>,
    /// The options that it lists; `None` where it could not be asked.
    pub abilities: Option<nspawn::Abilities>,
    /// Each of [`ASSETS`] with its place.
    pub assets: Vec<(&'static Asset, Option<PathBuf>)>,
}

/// Something of systemd that is not there, or does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// A program.
    #[error("{0} is not in PATH")]
    Program(&'static str),
    /// A file.
    #[error("{name} is not in {}", dirs.join(" or "))]
    File {
        /// Its name.
        name: &'static str,
        /// Where it was looked for.
        dirs: &'static [&'static str],
    },
    /// It has not the age.
    #[error("systemd-nspawn is of systemd {0}, and {oldest} or newer is needed", oldest = nspawn::OLDEST)]
    TooOld(u32),
    /// It cannot be asked.
    #[error("the version of systemd-nspawn is not known: {0}")]
    UnknownVersion(String),
}

impl Miss {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Miss::Program(nspawn::PROGRAM) => {
                "install systemd-nspawn; distributions have it in the package systemd-container or systemd"
            }
            Miss::Program(_) | Miss::File { .. } => "install systemd; it need not be what boots the machine",
            Miss::TooOld(_) => "use a newer system",
            Miss::UnknownVersion(_) => "see what `systemd-nspawn --version` says",
        }
    }
}

impl Tools {
    /// Looks at this machine.
    pub fn look() -> Tools {
        let nspawn = program::find(nspawn::PROGRAM);
        let version = nspawn.as_deref().map(|path| version(path).map_err(|error| error.to_string()));
        let abilities = nspawn.as_deref().and_then(|path| nspawn::Abilities::of(path).ok());
        let assets = ASSETS.iter().map(|asset| (asset, asset.find())).collect();
        Tools { nspawn, version, abilities, assets }
    }

    /// The version, where it is known.
    pub fn known_version(&self) -> Option<u32> {
        self.version.as_ref()?.as_ref().ok().copied()
    }

    /// All that is missing for pods of the host flavor.
    pub fn misses(&self) -> Vec<Miss> {
        let mut misses = Vec::new();
        match &self.version {
            None => misses.push(Miss::Program(nspawn::PROGRAM)),
            Some(Err(reason)) => misses.push(Miss::UnknownVersion(reason.clone())),
            Some(Ok(version)) if *version < nspawn::OLDEST => misses.push(Miss::TooOld(*version)),
            Some(Ok(_)) => {}
        }
        let version = self.known_version().unwrap_or(0);
        let needed = self.assets.iter().filter(|(asset, path)| path.is_none() && asset.since <= version);
        misses.extend(needed.map(|(asset, _)| match asset.place {
            Place::Path => Miss::Program(asset.name),
            Place::Directories(dirs) => Miss::File { name: asset.name, dirs },
        }));
        misses
    }
}

#[cfg(test)]
mod tests {
    use super::{ASSETS, Miss, Tools};

    /// A machine that has all but the named assets.
    fn tools(version: Option<Result<u32, String>>, without: &[&str]) -> Tools {
        let asset = |name: &str| (!without.contains(&name)).then(|| format!("/somewhere/{name}").into());
        Tools {
            nspawn: version.as_ref().map(|_| "/usr/bin/systemd-nspawn".into()),
            version,
            abilities: None,
            assets: ASSETS.iter().map(|a| (a, asset(a.name))).collect(),
        }
    }

    #[test]
    fn misses() {
        let told = |tools: &Tools| tools.misses().iter().map(Miss::to_string).collect::<Vec<_>>();
        let none: &[&str] = &[];
        let table: &[(Tools, &[&str])] = &[
            (tools(Some(Ok(252)), &[]), none),
            (tools(Some(Ok(220)), &[]), none),
            (tools(Some(Ok(254)), &["systemd-executor"]), none),
            (
                tools(Some(Ok(255)), &["systemd-executor"]),
                &["systemd-executor is not in /usr/lib/systemd or /lib/systemd"],
            ),
            (tools(Some(Ok(219)), &[]), &["systemd-nspawn is of systemd 219, and 220 or newer is needed"]),
            (
                tools(None, &["systemctl", "systemd", "systemd-executor"]),
                &[
                    "systemd-nspawn is not in PATH",
                    "systemd is not in /usr/lib/systemd or /lib/systemd",
                    "systemctl is not in PATH",
                ],
            ),
            (tools(Some(Err("no".to_owned())), &[]), &["the version of systemd-nspawn is not known: no"]),
        ];
        for (tools, expected) in table {
            assert_eq!(told(tools), *expected);
        }
    }

    #[test]
    fn this_machine_has_all() {
        let tools = Tools::look();
        assert_eq!(tools.misses(), [], "tests/setup installs them");
        assert!(tools.abilities.unwrap().has("boot"));
    }
}
