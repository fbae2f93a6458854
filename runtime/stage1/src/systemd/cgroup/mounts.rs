//! The hierarchies of version 1 in the pod's root.
//!
//! systemd in the pod uses a controller of version 1 only where it can write to its own group of it, and
//! nspawn mounts those read-only. So they are mounted in the pod's root before nspawn looks: read-only,
//! but for the pod's own group.

use super::{Host, below, make};
use crate::failure::{Failure, at};
use host::bind::Tree;
use host::cgroup::ROOT;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags};
use std::ffi::CString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The group that nspawn makes below ours for the container when it keeps the unit that it runs in.
const PAYLOAD: &str = "payload";

/// Mounts all hierarchies of version 1 over those of the host in this mount namespace, if some are not mounted there or
/// cannot be written to: nspawn looks for every controller that this process is in.
pub(crate) fn mount_missing(host: &Host) -> Result<(), Failure> {
    let root = Path::new(ROOT);
    if host.all_reachable() {
        return Ok(());
    }
    let unified = root.join("unified").is_dir();
    // Before they are hidden.
    let hierarchies: Vec<_> =
        host.hierarchies.iter().map(|names| (names, view(&root.join(names.join(","))))).collect();
    let (systemd, version2) = (view(&root.join("systemd")), view(&root.join("unified")));
    mount("tmpfs", root, "tmpfs", MountFlags::empty(), "mode=755")?;
    for (names, view) in hierarchies {
        mount_hierarchy(root, names, view)?;
    }
    for name in &host.idle {
        directory(&root.join(name))?;
    }
    show(systemd, &root.join("systemd"), "cgroup", "none,name=systemd")?;
    if unified {
        show(version2, &root.join("unified"), "cgroup2", "")?;
    }
    Ok(())
}

/// A view of a hierarchy that the host has mounted for writing. That is much faster than to mount the hierarchy again, for
/// which the kernel stops all changes of control groups.
fn view(path: &Path) -> Option<Tree> {
    if !super::is_writable(path) {
        return None;
    }
    let tree = Tree::copy(path, false).ok()?;
    // What is mounted on it is for this place alone.
    tree.make_private().ok()?;
    Some(tree)
}

/// Makes a hierarchy appear in a directory: as the view, or mounted anew.
fn show(view: Option<Tree>, path: &Path, kind: &str, options: &str) -> Result<(), Failure> {
    directory(path)?;
    match view {
        Some(view) => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let place = rustix::fs::open(path, flags, Mode::empty()).map_err(at("open", path))?;
            view.attach(place).map_err(at("mount on", path))
        }
        None => mount("cgroup", path, kind, CGROUP_FLAGS, options),
    }
}

const CGROUP_FLAGS: MountFlags = MountFlags::NOSUID.union(MountFlags::NOEXEC).union(MountFlags::NODEV);

/// Mounts the hierarchies of version 1 in the pod's root: read-only but for the pod's own group in those of which
/// `is_needed` says that limits of apps need them. Without those systemd has less to do. Where the pod's root user has
/// another number on the host, `shift`, its group is handed over to that one.
pub(crate) fn mount_in_pod(
    host: &Host,
    rootfs: &Path,
    subcgroup: &Path,
    context: &str,
    writable_sys: bool,
    shift: u32,
    is_needed: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    let sys = rootfs.join("sys");
    directory(&sys)?;
    mount("sysfs", &sys, "sysfs", CGROUP_FLAGS, "")?;
    let root = sys.join("fs/cgroup");
    let options =
        if context.is_empty() { "mode=755".to_owned() } else { format!("mode=755,context=\"{context}\"") };
    mount("tmpfs", &root, "tmpfs", CGROUP_FLAGS | MountFlags::STRICTATIME, &options)?;
    for names in &host.hierarchies {
        let of_host = Path::new(ROOT).join(names.join(","));
        let hierarchy = mount_hierarchy(&root, names, view(&of_host))?;
        if names.iter().any(|name| is_needed(name)) {
            let group = below(&hierarchy, subcgroup);
            // The container is in the first or in the second, as nspawn's version has it.
            make(&group.join(PAYLOAD))?;
            if names.iter().any(|name| name == "cpuset") {
                inherit_cpuset(&hierarchy, &group.join(PAYLOAD));
            }
            if shift != 0 {
                hand_over(&group, shift)?;
                hand_over(&group.join(PAYLOAD), shift)?;
            }
            bind(&group, &group)?;
        }
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
fn mount_hierarchy(root: &Path, names: &[String], view: Option<Tree>) -> Result<PathBuf, Failure> {
    let joined = names.join(",");
    let path = root.join(&joined);
    show(view, &path, "cgroup", &joined)?;
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

/// Lets a user make groups in a group and move processes there, not change the limits of the group itself: as nspawn does in
/// the hierarchies that it knows of.
fn hand_over(group: &Path, user: u32) -> Result<(), Failure> {
    const FILES: [&str; 4] = ["cgroup.procs", "tasks", "notify_on_release", "cgroup.clone_children"];
    let give = |path: &Path| std::os::unix::fs::chown(path, Some(user), Some(user));
    give(group).map_err(at("give away", group))?;
    for path in FILES.map(|name| group.join(name)) {
        match give(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(at("give away", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
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
