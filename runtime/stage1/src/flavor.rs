//! Which flavor the image is of that this executable lies in, and which engine serves it.

use crate::failure::{Failure, at};
use std::fs;
use std::path::Path;

/// Target of the symlink `flavor` beside this executable.
pub(crate) fn own() -> Result<String, Failure> {
    let link = Path::new("/proc/self/exe");
    let executable = fs::read_link(link).map_err(at("read the link", link))?;
    let flavor = executable.with_file_name("flavor");
    match fs::read_link(&flavor) {
        Ok(name) => Ok(name.to_string_lossy().into_owned()),
        Err(error) => Err(Failure::new(format!("cannot read the link {}: {error}", flavor.display()))
            .hint("a stage1 image has a symlink `flavor` beside its executable that names the flavor")),
    }
}

/// What starts and ends the apps of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// A chroot in the namespaces of the caller.
    Fly,
    /// systemd in a container of systemd-nspawn.
    Systemd,
}

/// Flavors and their engines.
const ENGINES: &[(&str, Engine)] =
    &[("fly", Engine::Fly), ("host", Engine::Systemd), ("coreos", Engine::Systemd), ("src", Engine::Systemd)];

impl Engine {
    /// The engine of a flavor.
    pub(crate) fn of(flavor: &str) -> Result<Engine, Failure> {
        ENGINES.iter().find(|(name, _)| *name == flavor).map(|(_, engine)| *engine).ok_or_else(|| {
            let known: Vec<&str> = ENGINES.iter().map(|(name, _)| *name).collect();
            Failure::new(format!(
                "the link `flavor` of the image names \"{flavor}\", which nothing here serves"
            ))
            .hint(format!(
                "it names one of {}; a flavor that extends one keeps that one's link",
                known.join(", ")
            ))
        })
    }

    /// What the messages of an entry point begin with: as the original's do.
    pub(crate) fn prefix(self, entry_point: &str) -> String {
        match self {
            Engine::Fly => format!("fly-{entry_point}"),
            Engine::Systemd if entry_point == "init" => "stage1".to_owned(),
            Engine::Systemd => entry_point.to_owned(),
        }
    }
}
