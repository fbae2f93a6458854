//! Knowing that an app was ended for want of memory, with control groups of version 1.
//!
//! With version 2 systemd tells. With version 1 only the app's own group counts it, and systemd removes the group when the app
//! has ended. A mount on the group keeps it until it has been read: the kernel removes no directory that something is
//! mounted on.

use crate::failure::{Failure, at};
use crate::systemd::names;
use host::cgroup::ROOT;
use rustix::mount::UnmountFlags;
use std::fs;
use std::path::{Path, PathBuf};

/// The slice that apps are in.
const SLICE: &str = "system.slice";
/// The group of systemd itself, beside the slice.
const INIT: &str = "init.scope";
/// Groups whose names begin like a file that the kernel makes get another name from systemd.
const PREFIXES: [&str; 10] =
    ["cgroup.", "memory.", "cpu.", "cpuacct.", "cpuset.", "blkio.", "io.", "devices.", "pids.", "bpf-"];

/// Makes the group of an app that is about to start, and keeps it from being removed.
///
/// # Errors
/// When there is no hierarchy of version 1 for memory, or it cannot be written to.
pub(super) fn hold(app: &str) -> Result<(), Failure> {
    let group = group(app)?;
    fs::create_dir_all(&group).map_err(at("make the control group", &group))?;
    rustix::mount::mount_bind(&group, &group).map_err(at("bind", &group))
}

/// How many processes of an app that has ended the kernel has ended for want of memory, and the limit in bytes; then the group is
/// let go.
pub(super) fn release(app: &str) -> Option<(u64, u64)> {
    let group = group(app).ok().filter(|group| group.is_dir())?;
    let events = fs::read_to_string(group.join("memory.oom_control")).unwrap_or_default();
    let limit = fs::read_to_string(group.join("memory.limit_in_bytes")).unwrap_or_default();
    // What cannot be let go is gone with the pod.
    let _ = rustix::mount::unmount(&group, UnmountFlags::DETACH);
    let _ = fs::remove_dir(&group);
    let killed = kills(&events);
    (killed > 0).then(|| (killed, limit.trim().parse().unwrap_or(0)))
}

/// The count in the text of `memory.oom_control`; kernels before 4.13 keep none.
fn kills(text: &str) -> u64 {
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// The group that systemd puts an app into.
fn group(app: &str) -> Result<PathBuf, Failure> {
    let path = Path::new("/proc/1/cgroup");
    let text = fs::read_to_string(path).map_err(at("read", path))?;
    let own = manager(&text)
        .ok_or_else(|| Failure::new(format!("{} does not say where systemd is", path.display())))?;
    let own = Path::new(own);
    let above = if own.ends_with(INIT) { own.parent().unwrap_or(own) } else { own };
    let hierarchy = Path::new(ROOT).join("memory");
    if !hierarchy.join("memory.limit_in_bytes").exists() && !hierarchy.join("cgroup.procs").exists() {
        return Err(Failure::new("there is no hierarchy of version 1 for memory"));
    }
    let below = hierarchy.join(above.strip_prefix("/").unwrap_or(above));
    Ok(below.join(SLICE).join(group_name(&names::service(app))))
}

/// The group of a process in systemd's own hierarchy, from the text of `/proc/PID/cgroup`.
fn manager(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.split_once(":name=systemd:")).map(|(_, path)| path)
}

/// The name of a unit's group: systemd puts an underscore before what could be taken for a file of the kernel.
fn group_name(unit: &str) -> String {
    let odd = unit.starts_with(['_', '.']) || PREFIXES.iter().any(|prefix| unit.starts_with(prefix));
    if odd { format!("_{unit}") } else { unit.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{group_name, kills, manager};

    #[test]
    fn what_the_kernel_tells() {
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), 2);
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\n"), 0);
        let text = "9:name=systemd:/a/payload/init.scope\n4:memory:/a\n0::/b\n";
        assert_eq!(manager(text), Some("/a/payload/init.scope"));
    }

    #[test]
    fn groups_are_named_as_systemd_does() {
        for (unit, name) in [
            ("bb.service", "bb.service"),
            ("memory.service", "_memory.service"),
            ("memory-hog.service", "memory-hog.service"),
        ] {
            assert_eq!(group_name(unit), name);
        }
    }
}
