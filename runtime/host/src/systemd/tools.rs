//! Which of systemd's tools the machine has, and whether they are enough for pods of the host flavor.

use super::assets::{self, ASSETS, Asset, Miss};
use super::version;
use crate::{nspawn, program};
use std::path::PathBuf;

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
    /// Whether all that the programs need to run is there, or what is not.
    pub libraries: Result<(), String>,
}

impl Tools {
    /// Looks at this machine.
    pub fn look() -> Tools {
        let nspawn = program::find(nspawn::PROGRAM);
        let version = nspawn.as_deref().map(|path| version(path).map_err(|error| error.to_string()));
        let abilities = nspawn.as_deref().and_then(|path| nspawn::Abilities::of(path).ok());
        let assets: Vec<_> = ASSETS.iter().map(|asset| (asset, asset.find())).collect();
        let found = assets.iter().filter_map(|(asset, path)| Some((*asset, path.as_deref()?)));
        let libraries = assets::closure(found).map(drop).map_err(|error| error.to_string());
        Tools { nspawn, version, abilities, assets, libraries }
    }

    /// The version, where it is known.
    pub fn known_version(&self) -> Option<u32> {
        self.version.as_ref()?.as_ref().ok().copied()
    }

    /// All that is missing for pods of the host flavor, whose journal is kept or not. Where systemd boots
    /// the machine it is.
    pub fn misses(&self, journal_kept: bool) -> Vec<Miss> {
        let mut misses = Vec::new();
        match &self.version {
            None => misses.push(Miss::File {
                name: nspawn::PROGRAM,
                why: "starting pods",
                searched: "PATH".to_owned(),
            }),
            Some(Err(reason)) => misses.push(Miss::UnknownVersion(reason.clone())),
            Some(Ok(version)) if *version < nspawn::OLDEST => misses.push(Miss::TooOld(*version)),
            Some(Ok(_)) => {}
        }
        let version = self.known_version().unwrap_or(0);
        let missing = self.assets.iter().filter(|(asset, path)| {
            path.is_none() && asset.is_needed(|since| version >= since, journal_kept)
        });
        misses.extend(missing.map(|(asset, _)| asset.miss()));
        misses.extend(self.libraries.as_ref().err().cloned().map(Miss::Libraries));
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
            libraries: Ok(()),
        }
    }

    #[test]
    fn misses() {
        let none: &[&str] = &[];
        let executor =
            "systemd-executor, needed for starting services: not in /usr/lib/systemd or /lib/systemd";
        let table: &[(Tools, bool, &[&str])] = &[
            (tools(Some(Ok(252)), &[]), true, none),
            (tools(Some(Ok(220)), &["systemd-journald-audit.socket"]), true, none),
            (tools(Some(Ok(254)), &["systemd-executor"]), true, none),
            (tools(Some(Ok(255)), &["systemd-executor"]), false, &[executor]),
            (tools(Some(Ok(255)), &["journalctl"]), false, none),
            (
                tools(Some(Ok(255)), &["journalctl"]),
                true,
                &["journalctl, needed for keeping the journal: not in PATH"],
            ),
            (
                tools(Some(Ok(219)), &[]),
                false,
                &["systemd-nspawn is of systemd 219, and 220 or newer is needed"],
            ),
            (
                tools(None, &["systemctl", "systemd", "systemd-executor", "systemd-journald.socket"]),
                false,
                &[
                    "systemd-nspawn, needed for starting pods: not in PATH",
                    "systemd, needed for the first process of a pod: not in /usr/lib/systemd or /lib/systemd",
                    "systemctl, needed for exit codes, and changing pods: not in PATH",
                    "systemd-journald.socket, needed for the output of apps: not in /usr/lib/systemd/system or \
                     /lib/systemd/system",
                ],
            ),
            (
                tools(Some(Err("no".to_owned())), &[]),
                false,
                &["the version of systemd-nspawn is not known: no"],
            ),
            (
                Tools { libraries: Err("libx.so: not found".to_owned()), ..tools(Some(Ok(252)), &[]) },
                false,
                &["libx.so: not found"],
            ),
        ];
        for (tools, journal_kept, expected) in table {
            let told: Vec<String> = tools.misses(*journal_kept).iter().map(Miss::to_string).collect();
            assert_eq!(told, *expected);
        }
    }

    #[test]
    fn this_machine_has_all() {
        let tools = Tools::look();
        assert_eq!(tools.misses(true), [], "tests/setup installs them");
        assert!(tools.abilities.unwrap().has("boot"));
    }
}
