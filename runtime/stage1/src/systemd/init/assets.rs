//! The host's systemd in the pod: its programs, their libraries and a few of its units are copied into the root of stage1
//! when the pod starts.

use super::write::Files;
use crate::failure::{Failure, at};
use crate::systemd::unit::dialect::Dialect;
use elf::{Closure, How, Needed, Needer};
use host::systemd::assets::{self, ASSETS, Asset, Miss, Place, When};
use host::systemd::tools::Tools;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::thread;

/// Where the pod has the programs of systemd that are in no PATH.
const PROGRAMS: &str = "/usr/lib/systemd";
/// The directory in which every loader looks, whatever the layout of the host.
const COMMON_LIBRARIES: &str = "/usr/lib";

/// What objects say of a library that they open for filters of system calls.
const FILTERS: &str = "seccomp";

/// Copies everything. Reads nothing twice, and runs nothing. Tells why systemd cannot filter system calls, if it cannot.
///
/// # Errors
/// With all that is missing together, each with what needs it.
pub(super) fn copy(
    files: &Files<'_>,
    dialect: Dialect,
    journal_kept: bool,
) -> Result<Option<String>, Failure> {
    let mut found: Vec<(&Asset, PathBuf)> = Vec::new();
    for asset in ASSETS {
        let needed = asset.is_needed(|version| dialect.at_least(version), journal_kept);
        if !needed && asset.when != When::IfThere {
            continue;
        }
        match asset.find() {
            Some(path) => found.push((asset, path)),
            None if needed => return Err(lacking(journal_kept, &asset.miss())),
            None => {}
        }
    }
    let closure = assets::closure(found.iter().map(|(asset, path)| (*asset, path.as_path())))
        .map_err(|error| lacking(journal_kept, &error))?;
    copy_closure(files, &closure)?;
    for (asset, path) in &found {
        match asset.place {
            Place::Path => link_program(files, Path::new("/usr/bin"), asset.name, path)?,
            Place::Programs => link_program(files, Path::new(PROGRAMS), asset.name, path)?,
            Place::Units => {
                let text = fs::read(path).map_err(at("read", path))?;
                files.write(Path::new(crate::systemd::names::UNITS).join(asset.name), &text, 0o644)?;
            }
        }
    }
    Ok(missing_for_filters(&closure).map(ToString::to_string))
}

/// The library for filters that is opened when it is there, and is not. Of systemd without notes of what it opens, the
/// library is part from the start.
fn missing_for_filters(closure: &Closure) -> Option<&elf::Miss> {
    closure.absent.iter().find(|miss| {
        matches!(&miss.by, Needer::Object { how: How::Dlopen { feature: Some(feature), .. }, .. } if feature == FILTERS)
    })
}

/// All that the host lacks, of which `known` is what was found first.
pub(super) fn lacking(journal_kept: bool, known: &dyn Display) -> Failure {
    let misses = Tools::look().misses(journal_kept);
    let mut hints = Vec::new();
    for hint in misses.iter().map(Miss::hint) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    hints.push("rkt check-host tells more");
    let mut lines: Vec<String> = misses.iter().map(Miss::to_string).collect();
    if lines.is_empty() {
        lines.push(known.to_string());
    }
    Failure::new(format!("the host lacks what pods of flavor host need:\n{}", lines.join("\n")))
        .hint(hints.join("; "))
}

fn copy_closure(files: &Files<'_>, closure: &Closure) -> Result<(), Failure> {
    let mut copied = BTreeSet::new();
    let mut wanted: Vec<(&Needed, PathBuf)> = Vec::new();
    for object in &closure.objects {
        let place = clean(&object.path);
        if !copied.insert(place.clone()) {
            continue;
        }
        wanted.push((object, place));
    }
    // The copying is most of the work of starting a pod; two at once are as many as it is worth on any machine.
    let (one, other) = wanted.split_at(halfway(&wanted));
    let copy = |part: &[(&Needed, PathBuf)]| {
        part.iter().try_for_each(|(object, place)| copy_file(files, &object.real, place))
    };
    thread::scope(|scope| {
        let second = scope.spawn(|| copy(other));
        let first = copy(one);
        let second =
            second.join().unwrap_or_else(|_| Err(Failure::new("copying systemd of the host was broken off")));
        first.and(second)
    })?;
    wanted.iter().try_for_each(|(object, place)| reachable(files, object, place))
}

/// Where to cut, so that both parts have about as many bytes.
fn halfway(wanted: &[(&Needed, PathBuf)]) -> usize {
    let sizes: Vec<u64> =
        wanted.iter().map(|(object, _)| fs::metadata(&object.real).map_or(0, |data| data.len())).collect();
    let whole: u64 = sizes.iter().sum();
    let mut sum = 0;
    sizes
        .iter()
        .position(|size| {
            sum += size;
            sum * 2 >= whole
        })
        .map_or(0, |index| index + 1)
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
fn link_program(files: &Files<'_>, directory: &Path, name: &str, path: &Path) -> Result<(), Failure> {
    let wanted = directory.join(name);
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
    let from = File::open(source).map_err(at("open", source))?;
    let mode = from.metadata().map_err(at("look at", source))?.permissions().mode();
    let to = files.create(place, if mode & 0o111 == 0 { 0o644 } else { 0o755 })?;
    let copy = || {
        // In the kernel; across file systems it has no faster way.
        while rustix::fs::sendfile(&to, &from, None, CHUNK)? > 0 {}
        Ok::<_, rustix::io::Errno>(())
    };
    copy().map_err(at("write", &files.root.outside(place)))
}

/// How much is copied at once, in bytes.
const CHUNK: usize = 1 << 30;
