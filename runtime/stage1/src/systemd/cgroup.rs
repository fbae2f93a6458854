//! The pod's place among control groups, and the hierarchies of version 1 in its root.
//!
//! systemd in the pod uses a controller of version 1 only where it can write to its own group of it, and
//! nspawn mounts those read-only. So they are mounted in the pod's root before nspawn looks: read-only,
//! but for the pod's own group.

use crate::failure::{Failure, at};
use host::cgroup::{Controller, Layout, Membership, ROOT};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags};
use std::ffi::CString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The group that nspawn makes below ours for the container when it keeps the unit that it runs in.
const PAYLOAD: &str = "payload";

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
        let of =
            |wanted: &str| self.own.iter().find(|group| group.controllers.iter().any(|name| name == wanted));
        let version2 = || self.own.iter().find(|group| group.hierarchy == 0);
        let found = match self.layout {
            Layout::Unified => version2(),
            _ => of("name=systemd").or_else(|| of("cpu")).or_else(version2),
        };
        found.map_or(Path::new("/"), |group| &group.path)
    }

    /// Whether there are hierarchies with controllers that the host has not mounted.
    pub(crate) fn has_unmounted(&self) -> bool {
        self.hierarchies
            .iter()
            .flatten()
            .any(|name| !Path::new(ROOT).join(name).join("cgroup.procs").exists())
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
                // Refused where the group has processes and is not the root: then its children have no controllers.
                let wanted = below(Path::new(ROOT), own).join(SUBTREE);
                let _ = fs::write(wanted, format!("+{controller}"));
                listed(own, SUBTREE)
            }
            (Layout::Unified, Maker::Service) => listed(self.own_path(), "cgroup.controllers"),
            (Layout::Unified, Maker::Machined) => listed(Path::new("/"), "cgroup.controllers"),
            _ => self.hierarchies.iter().flatten().any(|name| name == controller),
        }
    }
}

/// Who makes the pod's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// We do, below the group that we are in.
    Rkt,
    /// It is that of the service that started us.
    Service,
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

/// Mounts hierarchies of version 1 that the host has but has not mounted, over its own in this mount
/// namespace: nspawn looks for every controller that this process is in.
pub(crate) fn mount_missing(host: &Host) -> Result<(), Failure> {
    let root = Path::new(ROOT);
    let systemd = root.join("systemd");
    let mounted = |path: &Path| path.join("cgroup.procs").exists();
    let all_there = host.hierarchies.iter().flatten().all(|name| mounted(&root.join(name)))
        && host.idle.iter().all(|name| root.join(name).exists())
        && mounted(&systemd);
    if all_there {
        return Ok(());
    }
    let unified = root.join("unified").is_dir();
    mount("tmpfs", root, "tmpfs", MountFlags::empty(), "mode=755")?;
    for names in &host.hierarchies {
        mount_hierarchy(root, names)?;
    }
    for name in &host.idle {
        directory(&root.join(name))?;
    }
    directory(&systemd)?;
    mount("cgroup", &systemd, "cgroup", CGROUP_FLAGS, "none,name=systemd")?;
    if unified {
        let path = root.join("unified");
        directory(&path)?;
        mount("cgroup2", &path, "cgroup2", CGROUP_FLAGS, "")?;
    }
    Ok(())
}

const CGROUP_FLAGS: MountFlags = MountFlags::NOSUID.union(MountFlags::NOEXEC).union(MountFlags::NODEV);

/// Mounts the hierarchies of version 1 in the pod's root: read-only but for the pod's own group.
pub(crate) fn mount_in_pod(
    host: &Host,
    rootfs: &Path,
    subcgroup: &Path,
    context: &str,
    writable_sys: bool,
) -> Result<(), Failure> {
    let sys = rootfs.join("sys");
    directory(&sys)?;
    mount("sysfs", &sys, "sysfs", CGROUP_FLAGS, "")?;
    let root = sys.join("fs/cgroup");
    let options =
        if context.is_empty() { "mode=755".to_owned() } else { format!("mode=755,context=\"{context}\"") };
    mount("tmpfs", &root, "tmpfs", CGROUP_FLAGS | MountFlags::STRICTATIME, &options)?;
    for names in &host.hierarchies {
        let hierarchy = mount_hierarchy(&root, names)?;
        let group = below(&hierarchy, subcgroup);
        // The container is in the first or in the second, as nspawn's version has it.
        make(&group.join(PAYLOAD))?;
        if names.iter().any(|name| name == "cpuset") {
            inherit_cpuset(&hierarchy, &group.join(PAYLOAD));
        }
        bind(&group, &group)?;
        read_only(&hierarchy)?;
    }
    for name in ["systemd", "unified"] {
        directory(&root.join(name))?;
    }
    for name in &host.idle {
        // A mount, so that nspawn leaves it alone; empty.
        let path = root.join(name);
        directory(&path)?;
        bind(&path, &path)?;
        read_only(&path)?;
    }
    read_only(&root)?;
    if !writable_sys {
        read_only(&sys)?;
    }
    Ok(())
}

/// One hierarchy with its controllers; a joint one gets links for each.
fn mount_hierarchy(root: &Path, names: &[String]) -> Result<PathBuf, Failure> {
    let joined = names.join(",");
    let path = root.join(&joined);
    directory(&path)?;
    mount("cgroup", &path, "cgroup", CGROUP_FLAGS, &joined)?;
    if names.len() > 1 {
        for name in names {
            let link = root.join(name);
            match std::os::unix::fs::symlink(&joined, &link) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(at("make the link", &link)(error));
                }
                _ => {}
            }
        }
    }
    Ok(path)
}

/// A new group of the cpuset controller has no processors and no memory nodes, and no process can join it before it has.
fn inherit_cpuset(hierarchy: &Path, group: &Path) {
    let Ok(inside) = group.strip_prefix(hierarchy) else { return };
    let mut parent = hierarchy.to_path_buf();
    for part in inside.components() {
        let child = parent.join(part);
        for file in ["cpuset.mems", "cpuset.cpus"] {
            // Where this fails, apps do without the controller, as they do in the original.
            if let Ok(value) = fs::read(parent.join(file)) {
                let _ = fs::write(child.join(file), value);
            }
        }
        parent = child;
    }
}

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
    }
    first
}

/// How deep groups may lie.
const DEPTH: usize = 64;

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

/// A path of a group below the root of a hierarchy.
fn below(hierarchy: &Path, group: &Path) -> PathBuf {
    hierarchy.join(group.strip_prefix("/").unwrap_or(group))
}

fn make(group: &Path) -> Result<(), Failure> {
    fs::create_dir_all(group).map_err(at("make the control group", group))
}

fn directory(path: &Path) -> Result<(), Failure> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(at("make the directory", path)(error))
        }
        _ => Ok(()),
    }
}

fn mount(source: &str, target: &Path, kind: &str, flags: MountFlags, options: &str) -> Result<(), Failure> {
    let options = CString::new(options).map_err(at("mount on", target))?;
    rustix::mount::mount(source, target, kind, flags, options.as_c_str())
        .map_err(|errno| at(&format!("mount {kind} on"), target)(errno))
}

fn bind(source: &Path, target: &Path) -> Result<(), Failure> {
    rustix::mount::mount_bind(source, target).map_err(at("bind", target))
}

/// Makes one mount read-only, not what is mounted on it.
fn read_only(path: &Path) -> Result<(), Failure> {
    rustix::mount::mount_remount(path, MountFlags::BIND | MountFlags::RDONLY | CGROUP_FLAGS, c"")
        .map_err(at("make read-only", path))
}

/// Gives this process mounts of its own that still see what the host mounts later, and are shared below.
pub(crate) fn own_mounts() -> Result<(), Failure> {
    let failed = |errno: Errno| Failure::new(format!("cannot have mounts of its own: {errno}"));
    crate::system::unshare_mounts()
        .map_err(|error| Failure::new(format!("cannot have mounts of its own: {error}")))?;
    for flags in [MountPropagationFlags::DOWNSTREAM, MountPropagationFlags::SHARED] {
        rustix::mount::mount_change("/", flags | MountPropagationFlags::REC).map_err(failed)?;
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
