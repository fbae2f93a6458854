//! The pod's groups when it is over, and the processes in them.

use super::{Host, MARK, below};
use crate::failure::{Failure, at};
use host::cgroup::ROOT;
use std::fs;
use std::io;
use std::path::Path;

/// How deep groups may lie.
const DEPTH: usize = 64;

/// Takes the pod's groups away, innermost first. Groups in which a process is are left; that is no failure where we are
/// that process, called from where the pod ran.
///
/// # Errors
/// With the first that could not be taken away.
pub(crate) fn remove(host: &Host, subcgroup: &Path) -> Result<(), Failure> {
    let root = Path::new(ROOT);
    let mut hierarchies = vec![root.to_path_buf()];
    let entries = fs::read_dir(root).map_err(at("read the directory", root))?;
    hierarchies.extend(
        entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path()),
    );
    let inside = host.own.iter().any(|group| group.path.starts_with(subcgroup));
    let mut first = Ok(());
    for hierarchy in hierarchies {
        let group = below(&hierarchy, subcgroup);
        if group == hierarchy {
            continue;
        }
        let removed = match remove_group(&group, 0) {
            Err(error) if inside && error.kind() == io::ErrorKind::ResourceBusy => Ok(()),
            other => other.map_err(at("remove the control group", &group)),
        };
        first = first.and(removed);
        remove_marked(&hierarchy, &group);
    }
    first
}

/// Removes the groups above one that is gone which were made only to have it in them.
fn remove_marked(hierarchy: &Path, group: &Path) {
    let above = group.ancestors().skip(1).take_while(|above| *above != hierarchy);
    for above in above {
        let is_marked = rustix::fs::getxattr(above, MARK, &mut [0_u8; 1]).is_ok();
        // One that has others in it, or processes, is not empty.
        if !is_marked || fs::remove_dir(above).is_err() {
            return;
        }
    }
}

/// Removes a group and those below it, as many as can be; gives the first failure.
fn remove_group(group: &Path, depth: usize) -> io::Result<()> {
    let entries = match fs::read_dir(group) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if depth > DEPTH {
        return Err(io::Error::other(format!("groups lie more than {DEPTH} deep")));
    }
    let mut below = Ok(());
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            below = below.and(remove_group(&entry.path(), depth + 1));
        }
    }
    below?;
    match fs::remove_dir(group) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The processes in the pod's group and the groups below it, in the hierarchies that systemd manages.
pub(crate) fn processes(subcgroup: &Path) -> Vec<u32> {
    let root = Path::new(ROOT);
    let mut found = Vec::new();
    for hierarchy in [root.to_path_buf(), root.join("systemd"), root.join("unified")] {
        collect(&below(&hierarchy, subcgroup), &mut found, 0);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn collect(group: &Path, found: &mut Vec<u32>, depth: usize) {
    if let Ok(text) = fs::read_to_string(group.join("cgroup.procs")) {
        // Zero is a process of another namespace.
        found.extend(text.lines().filter_map(|line| line.parse().ok()).filter(|&pid: &u32| pid != 0));
    }
    let Ok(entries) = fs::read_dir(group) else { return };
    for entry in entries.flatten().filter(|_| depth < DEPTH) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), found, depth + 1);
        }
    }
}
