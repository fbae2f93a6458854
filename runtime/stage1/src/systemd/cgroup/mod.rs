//! The pod's place among control groups.

mod groups;
mod mounts;

pub(crate) use groups::{processes, remove};
pub(crate) use mounts::{mount_in_pod, mount_missing, own_mounts};

use crate::failure::{Failure, at};
use host::cgroup::{Controller, Layout, Membership, ROOT};
use rustix::fs::{StatVfsMountFlags, XattrFlags};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What is known of the host's control groups.
#[derive(Debug)]
pub(crate) struct Host {
    /// How the hierarchies are mounted.
    pub(crate) layout: Layout,
    /// Where this process is.
    own: Vec<Membership>,
    /// Hierarchies of version 1 with controllers, in the kernel's order; joint controllers together.
    hierarchies: Vec<Vec<String>>,
    /// Controllers that the kernel has and nobody has mounted. nspawn wants a directory for each; to mount
    /// them would take them away from version 2 for everybody.
    idle: Vec<String>,
}

impl Host {
    /// Looks at the host.
    pub(crate) fn look() -> Result<Host, Failure> {
        let root = Path::new(ROOT);
        let layout = host::cgroup::layout(root).map_err(at("look at", root))?;
        let own = host::cgroup::own().map_err(at("read", Path::new("/proc/self/cgroup")))?;
        let controllers = match layout {
            Layout::Hybrid | Layout::Legacy => {
                host::cgroup::controllers().map_err(at("read", Path::new("/proc/cgroups")))?
            }
            Layout::Unified | Layout::Absent => Vec::new(),
        };
        let hierarchies = group(&controllers);
        let idle =
            controllers.into_iter().filter(|controller| controller.enabled && controller.hierarchy == 0);
        let idle = idle.map(|controller| controller.name).collect();
        if layout == Layout::Absent {
            return Err(Failure::new(format!("no control groups are mounted on {ROOT}"))
                .hint("mount them as the host's init does; rkt check-host tells what this host has"));
        }
        Ok(Host { layout, own, hierarchies, idle })
    }

    /// Whether controllers are of version 1.
    pub(crate) fn legacy(&self) -> bool {
        !self.hierarchies.is_empty() || self.layout == Layout::Legacy
    }

    /// The group of this process in the hierarchy that systemd manages.
    pub(crate) fn own_path(&self) -> &Path {
        host::systemd::cgroup_of(&self.own, self.layout).unwrap_or(Path::new("/"))
    }

    /// Whether all hierarchies of version 1 are mounted where they can be written to: the host may not have mounted all,
    /// and who runs rkt in a container may have them read-only.
    pub(crate) fn all_reachable(&self) -> bool {
        let reachable = |name: &str| is_writable(&Path::new(ROOT).join(name));
        self.hierarchies.iter().flatten().all(|name| reachable(name))
            && self.idle.iter().all(|name| Path::new(ROOT).join(name).exists())
            && (!self.legacy() || reachable("systemd"))
    }

    /// Whether a group that is there has a controller.
    pub(crate) fn has_in(&self, controller: &str, group: &Path) -> bool {
        match self.layout {
            Layout::Unified => host::cgroup::unified_controllers(&below(Path::new(ROOT), group))
                .is_ok_and(|names| names.iter().any(|name| name == controller)),
            _ => self.hierarchies.iter().flatten().any(|name| name == controller),
        }
    }

    /// Whether a controller can limit the pod.
    pub(crate) fn enforces(&self, controller: &str, maker: Maker) -> bool {
        let listed = |group: &Path, file: &str| {
            let text = fs::read_to_string(below(Path::new(ROOT), group).join(file)).unwrap_or_default();
            text.split_ascii_whitespace().any(|name| name == controller)
        };
        match (self.layout, maker) {
            (Layout::Unified, Maker::Rkt) => {
                let own = self.own_path();
                // Refused where the group has other processes and is not the root: then its children have no controllers.
                let wanted = below(Path::new(ROOT), own).join(SUBTREE);
                let _ = fs::write(wanted, format!("+{controller}"));
                listed(own, SUBTREE)
            }
            (Layout::Unified, Maker::Machined) => listed(Path::new("/"), "cgroup.controllers"),
            _ => self.hierarchies.iter().flatten().any(|name| name == controller),
        }
    }
}

/// Whether a hierarchy is mounted there that can be written to.
fn is_writable(path: &Path) -> bool {
    path.join("cgroup.procs").exists()
        && rustix::fs::statvfs(path).is_ok_and(|stat| !stat.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Who makes the pod's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// We do, below the group that we are in.
    Rkt,
    /// systemd of the host, when nspawn registers the pod.
    Machined,
}

/// The controllers that a group of version 2 hands to the groups below it.
const SUBTREE: &str = "cgroup.subtree_control";

/// Controllers that are in hierarchies of version 1, joint ones together, in the kernel's order.
fn group(controllers: &[Controller]) -> Vec<Vec<String>> {
    let mut groups: Vec<(u32, Vec<String>)> = Vec::new();
    for controller in controllers.iter().filter(|controller| controller.enabled && controller.hierarchy != 0)
    {
        match groups.iter_mut().find(|(number, _)| *number == controller.hierarchy) {
            Some((_, names)) => names.push(controller.name.clone()),
            None => groups.push((controller.hierarchy, vec![controller.name.clone()])),
        }
    }
    groups.into_iter().map(|(_, names)| names).collect()
}

/// Makes the pod's group in the hierarchies that systemd manages, and moves this process there. To be
/// called in a mount namespace of its own.
pub(crate) fn join(host: &Host, subcgroup: &Path) -> Result<(), Failure> {
    let roots = match host.layout {
        Layout::Unified => vec![PathBuf::from(ROOT)],
        Layout::Hybrid => vec![Path::new(ROOT).join("systemd"), Path::new(ROOT).join("unified")],
        _ => vec![Path::new(ROOT).join("systemd")],
    };
    for root in roots.iter().filter(|root| root.is_dir()) {
        let group = below(root, subcgroup);
        make(&group)?;
        let procs = group.join("cgroup.procs");
        fs::write(&procs, "0").map_err(at("join the control group", &procs))?;
    }
    Ok(())
}

/// A path of a group below the root of a hierarchy.
fn below(hierarchy: &Path, group: &Path) -> PathBuf {
    hierarchy.join(group.strip_prefix("/").unwrap_or(group))
}

/// Mark of a group that was made only to have another one in it: whoever removes that one removes it too, if nobody else
/// has anything there.
const MARK: &str = "trusted.rkt";
/// How often a group is made again when its parent has gone with that of another pod meanwhile.
const TRIES: usize = 16;

/// Makes a group and those above it.
fn make(group: &Path) -> Result<(), Failure> {
    let mut made = make_marked(group);
    for _ in 0..TRIES {
        match &made {
            Err(error) if error.kind() == ErrorKind::NotFound => made = make_marked(group),
            _ => break,
        }
    }
    made.map_err(at("make the control group", group))
}

/// Marks what it makes above the group.
fn make_marked(group: &Path) -> io::Result<()> {
    let mut missing: Vec<&Path> = group.ancestors().take_while(|group| !group.exists()).collect();
    missing.reverse();
    for above in missing {
        match fs::create_dir(above) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            Ok(()) if above != group => {
                // Without the mark it stays, as it always did.
                let _ = rustix::fs::setxattr(above, MARK, b"", XattrFlags::empty());
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::group;
    use host::cgroup::Controller;

    #[test]
    fn joint_controllers_stay_together_in_the_kernel_s_order() {
        let controllers: Vec<Controller> = [
            ("cpuset", 3, true),
            ("cpu", 1, true),
            ("cpuacct", 1, true),
            ("net_cls", 0, true),
            ("pids", 8, false),
        ]
        .into_iter()
        .map(|(name, hierarchy, enabled)| Controller { name: name.to_owned(), hierarchy, enabled })
        .collect();
        assert_eq!(group(&controllers), [vec!["cpuset"], vec!["cpu", "cpuacct"]]);
    }
}
