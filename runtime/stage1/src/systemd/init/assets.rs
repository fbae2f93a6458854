//! The host's systemd in the pod: its programs, their libraries and a few of its units are copied into the root of stage1
//! when the pod starts.

use super::write::Files;
use crate::failure::{Failure, at};
use crate::systemd::unit::dialect::Dialect;
use elf::host::HostRoot;
use elf::{Closure, Needed, Nss, Request, Search};
use pod::root::Make;
use rustix::fs::OFlags;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// Where distributions keep the programs of systemd that are in no PATH.
const PROGRAM_DIRECTORIES: [&str; 2] = ["/usr/lib/systemd", "/lib/systemd"];
/// Where they keep its units.
const UNIT_DIRECTORIES: [&str; 2] = ["/usr/lib/systemd/system", "/lib/systemd/system"];
/// The directory in which every loader looks, whatever the layout of the host.
const COMMON_LIBRARIES: &str = "/usr/lib";

/// When something is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// From this version of systemd on.
    Since(u32),
    /// When the pod's journal is kept on disk.
    JournalKept,
}

/// Where a program is looked for on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Path,
    Systemd,
}

/// Programs, what for, and where in the pod.
const PROGRAMS: &[(&str, Where, When, &str)] = &[
    ("systemd", Where::Systemd, When::Always, "the first process of a pod"),
    ("systemd-journald", Where::Systemd, When::Always, "the output of apps"),
    ("systemd-shutdown", Where::Systemd, When::Always, "ending a pod"),
    ("systemd-executor", Where::Systemd, When::Since(255), "starting services"),
    ("systemctl", Where::Path, When::Always, "exit codes, and changing pods"),
    ("systemd-sysusers", Where::Path, When::Always, "names of users"),
    ("journalctl", Where::Path, When::JournalKept, "keeping the journal"),
];

/// Units of the host that pods use as they are.
const UNITS: &[(&str, When)] = &[
    ("systemd-journald.service", When::Always),
    ("systemd-journald.socket", When::Always),
    ("systemd-journald-dev-log.socket", When::Always),
    ("systemd-journald-audit.socket", When::Always),
    ("systemd-journal-flush.service", When::JournalKept),
];

/// Copies everything. Reads nothing twice, and runs nothing.
///
/// # Errors
/// With all that is missing together, each with what needs it.
pub(super) fn copy(files: &Files<'_>, dialect: Dialect, journal_kept: bool) -> Result<(), Failure> {
    let wanted = |when: When| match when {
        When::Always => true,
        When::Since(version) => dialect.at_least(version),
        When::JournalKept => journal_kept,
    };
    let mut missing = Vec::new();
    let mut programs = Vec::new();
    for (name, place, _, why) in PROGRAMS.iter().filter(|(_, _, when, _)| wanted(*when)) {
        match find(name, *place) {
            Some(path) => programs.push((*name, *place, path, *why)),
            None => missing.push(format!("{name}, needed for {why}: not in {}", searched(*place))),
        }
    }
    let mut units = Vec::new();
    for (name, _) in UNITS.iter().filter(|(_, when)| wanted(*when)) {
        let found = UNIT_DIRECTORIES
            .iter()
            .map(|directory| Path::new(directory).join(name))
            .find(|path| path.is_file());
        match found {
            Some(path) => units.push((*name, path)),
            // Kernels without auditing have no use for its socket, and some distributions leave it out.
            None if *name == "systemd-journald-audit.socket" => {}
            None => missing.push(format!("unit {name}: not in {}", UNIT_DIRECTORIES.join(", "))),
        }
    }
    let requests: Vec<Request> = programs.iter().map(|(_, _, path, why)| Request::file(path, *why)).collect();
    let search =
        Search { nss: Nss::Named(vec!["files".to_owned(), "compat".to_owned()]), ..Search::default() };
    let root = HostRoot::host().map_err(at("open", Path::new("/")))?;
    let closure = match elf::closure(&root, &requests, &search) {
        Ok(closure) => Some(closure),
        Err(error) => {
            missing.push(error.to_string());
            None
        }
    };
    let Some(closure) = closure.filter(|_| missing.is_empty()) else {
        return Err(Failure::new(format!("the host lacks what pods of flavor host need:\n{}", missing.join("\n")))
            .hint("install systemd whole (Debian: systemd, systemd-container); rkt check-host tells what is missing"));
    };
    copy_closure(files, &closure)?;
    for (name, place, path, _) in &programs {
        link_program(files, name, *place, path)?;
    }
    for (name, path) in &units {
        let text = fs::read(path).map_err(at("read", path))?;
        files.write(Path::new(crate::systemd::names::UNITS).join(name), &text, 0o644)?;
    }
    Ok(())
}

fn find(name: &str, place: Where) -> Option<PathBuf> {
    match place {
        Where::Path => host::program::find(name),
        Where::Systemd => {
            let own = host::program::find("systemctl")
                .and_then(|path| path.canonicalize().ok())
                .and_then(|path| Some(path.parent()?.parent()?.join("lib/systemd")));
            let directories = PROGRAM_DIRECTORIES.iter().map(PathBuf::from).chain(own);
            directories.map(|directory| directory.join(name)).find(|path| host::program::is_executable(path))
        }
    }
}

fn searched(place: Where) -> String {
    match place {
        Where::Path => "PATH".to_owned(),
        Where::Systemd => PROGRAM_DIRECTORIES.join(", "),
    }
}

fn copy_closure(files: &Files<'_>, closure: &Closure) -> Result<(), Failure> {
    let mut copied = BTreeSet::new();
    for object in &closure.objects {
        let place = clean(&object.path);
        if !copied.insert(place.clone()) {
            continue;
        }
        copy_file(files, &object.real, &place)?;
        reachable(files, object, &place)?;
    }
    Ok(())
}

/// Makes a library found by a directory that only the host's configuration names findable in the pod, which has no
/// configuration.
fn reachable(files: &Files<'_>, object: &Needed, place: &Path) -> Result<(), Failure> {
    let name = Path::new(&object.name);
    let is_name =
        name.components().count() == 1 && matches!(name.components().next(), Some(Component::Normal(_)));
    if !is_name || place.parent() == Some(Path::new(COMMON_LIBRARIES)) {
        return Ok(());
    }
    let link = Path::new(COMMON_LIBRARIES).join(name);
    if files.root.lstat(&link).is_ok() {
        return Ok(());
    }
    files.link(&link, &place.to_string_lossy())
}

/// The place of a program in the pod when the host has it elsewhere.
fn link_program(files: &Files<'_>, name: &str, place: Where, path: &Path) -> Result<(), Failure> {
    let directory = match place {
        Where::Path => "/usr/bin",
        Where::Systemd => PROGRAM_DIRECTORIES[0],
    };
    let wanted = Path::new(directory).join(name);
    if files.root.lstat(&wanted).is_ok() {
        return Ok(());
    }
    files.link(&wanted, &clean(path).to_string_lossy())
}

/// A path without `.` and `..`, by text: the loader's paths have such parts after `$ORIGIN`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            _ => {}
        }
    }
    clean
}

/// Copies the content of a file of the host.
fn copy_file(files: &Files<'_>, source: &Path, place: &Path) -> Result<(), Failure> {
    let outside = files.root.outside(place);
    let mut from = File::open(source).map_err(at("open", source))?;
    let mode = from.metadata().map_err(at("look at", source))?.permissions().mode();
    files.root.ensure(place, Make::File(0o755), &[]).map_err(at("make", &outside))?;
    let to = files
        .root
        .open_file(place, OFlags::WRONLY | OFlags::TRUNC | OFlags::NOFOLLOW)
        .map_err(at("write", &outside))?;
    io::copy(&mut from, &mut File::from(to)).map_err(at("write", &outside))?;
    files.give_away(place, if mode & 0o111 == 0 { 0o644 } else { 0o755 })
}
