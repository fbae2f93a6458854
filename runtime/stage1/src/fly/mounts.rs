//! What is mounted into the app's root, and taking it away again.

use super::files::{self, HOSTS, RESOLV_CONF};
use super::volumes::VolumeMount;
use crate::failure::{Failure, at};
use crate::pod_dir::OneAppPod;
use crate::volume::{Source, empty_directory};
use host::bind::{Tree, share};
use pod::layout;
use pod::protocol::{DnsConfMode, HostsMode, ResolvMode};
use pod::root::{Make, Root, mount_id};
use rustix::fs::{FileType, Mode, OFlags};
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Directories of the host that every app sees.
const OF_HOST: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Where every app has a file system in memory.
const TMP: &str = "/tmp";

/// Lays a view of the app's root over it, and opens that as root. Everything else is mounted on the
/// view, which is cut off from other mount namespaces: they do not keep copies of what is mounted here,
/// and one unmount takes all away.
pub(super) fn own_root(pod: &OneAppPod) -> Result<Root, Failure> {
    let rootfs = pod.the_app().rootfs();
    let below = Root::open(&rootfs).map_err(|error| {
        at("use as root of the app", &rootfs)(error)
            .hint("it must be a directory, with no symlink on the way; rkt image verify checks the image")
    })?;
    let tree = Tree::copy_of(&below, false).map_err(at("make a view of", &rootfs))?;
    tree.attach(&below).map_err(at("mount a view on", &rootfs))?;
    tree.make_private().map_err(|error| {
        // Where it came from; nothing else is mounted yet.
        let _ = clear(&pod.dir, &rootfs);
        at("make private the mount on", &rootfs)(error).hint("fly needs Linux 5.12 or newer")
    })?;
    Ok(Root::from_fd(tree.into_fd(), rootfs))
}

/// Mounts everything. What was mounted before a failure is still there afterwards; see [`clear`].
///
/// Where `/dev`, `/proc`, `/sys` and `/tmp` of the image are is found out before the first mount, and
/// they must be four different directories: with an image in which one is a link to another, or to
/// `/`, we would mount on a view of the host, and on a host whose mounts are shared it would see that.
pub(super) fn make(
    pod_dir: &Path,
    root: &Root,
    volumes: &[VolumeMount],
    dns: DnsConfMode,
) -> Result<(), Failure> {
    files::write_etc(pod_dir, root, dns)?;
    let mut places = Vec::with_capacity(OF_HOST.len() + 1);
    for path in OF_HOST.into_iter().chain([TMP]) {
        let place = place(root, Path::new(path), Make::Directory, path, &[])?;
        different(root, &place, &places, path)?;
        places.push((path, place));
    }
    let tmp = places.pop();
    for (path, place) in &places {
        let source = Path::new(path);
        let tree = Tree::copy(source, true).map_err(at("make a view of", source))?;
        attach(&tree, place, root, source, path)?;
    }
    let of_host_or_stage0 = dns.resolv == ResolvMode::Host || dns.hosts != HostsMode::Default;
    let views = if volumes.is_empty() && !of_host_or_stage0 { Vec::new() } else { mounts_so_far(root)? };
    if let Some((path, place)) = tmp {
        let tree =
            Tree::tmpfs().map_err(at("make a file system in memory for the app's", Path::new(path)))?;
        attach(&tree, &place, root, Path::new(path), "tmpfs")?;
    }
    for volume in volumes {
        mount_volume(pod_dir, root, volume, &views)?;
    }
    if dns.resolv == ResolvMode::Host {
        bind_file(root, Path::new(RESOLV_CONF), RESOLV_CONF, &views)?;
    }
    match dns.hosts {
        HostsMode::Host => bind_file(root, Path::new(HOSTS), HOSTS, &views),
        HostsMode::Stage0 => {
            let source = pod_dir.join(layout::STAGE1_ROOTFS).join(layout::RKT_HOSTS);
            bind_file(root, &source, HOSTS, &views)
        }
        HostsMode::Default => Ok(()),
    }
}

/// Takes away everything that is mounted on the root of an app, except what stage0 has made it of.
pub(super) fn clear(pod_dir: &Path, rootfs: &Path) -> Result<usize, Failure> {
    let of_stage0 = usize::from(pod_dir.join(layout::OVERLAY_PREPARED).exists());
    host::mounts::detach_above(rootfs, of_stage0).map_err(|error| {
        Failure::new(error.to_string())
            .hint("look at /proc/self/mountinfo for what is mounted there, and unmount it by hand")
    })
}

/// Numbers of the mounts below the root: called when only views of the host are mounted. What is
/// missing there is not made, and only who names such a place outright may mount there.
fn mounts_so_far(root: &Root) -> Result<Vec<u64>, Failure> {
    let list = Path::new("/proc/self/mountinfo");
    let mounts = host::mounts::mounts_below(root.path()).map_err(at("read", list))?;
    Ok(mounts.iter().map(|mount| mount.id).collect())
}

/// Opens the place for a mount, which is made if it is missing.
fn place(root: &Root, path: &Path, make: Make, source: &str, views: &[u64]) -> Result<OwnedFd, Failure> {
    let outside = root.outside(path);
    root.ensure(path, make, views).map_err(|error| {
        let kind = error.kind();
        let outside = outside.display();
        match kind {
            ErrorKind::NotADirectory if make == Make::Directory => Failure::new(format!(
                "can't mount because \"{source}\" is a directory while \"{outside}\" is not"
            )),
            ErrorKind::IsADirectory => Failure::new(format!(
                "can't mount because \"{outside}\" is a directory while \"{source}\" is not"
            )),
            _ => Failure::new(format!("cannot make {outside} to mount \"{source}\" on: {error}")).hint(
                "make it when the image is built (below /dev, /proc, /sys: on the host), or mount elsewhere",
            ),
        }
    })
}

/// Fails for a place that has been taken, or is the root itself.
fn different(root: &Root, place: &OwnedFd, taken: &[(&str, OwnedFd)], path: &str) -> Result<(), Failure> {
    let outside = root.outside(Path::new(path));
    let identity = |fd: &dyn AsFd| rustix::fs::fstat(fd.as_fd()).map(|stat| (stat.st_dev, stat.st_ino));
    let find = || {
        let own = identity(place)?;
        if identity(root)? == own {
            return Ok(Some("/"));
        }
        for (other, fd) in taken {
            if identity(fd)? == own {
                return Ok(Some(*other));
            }
        }
        Ok::<_, rustix::io::Errno>(None)
    };
    match find().map_err(at("look at", &outside))? {
        None => Ok(()),
        Some(other) => Err(Failure::new(format!(
            "{} is the same as {other} of the app, by a link in its image",
            outside.display()
        ))
        .hint("replace the link by a directory when the image is built")),
    }
}

/// Mounts a view on a place.
fn attach(tree: &Tree, place: &OwnedFd, root: &Root, path: &Path, source: &str) -> Result<(), Failure> {
    tree.attach(place).map_err(|error| {
        Failure::new(format!("can't mount \"{source}\" on \"{}\": {error}", root.outside(path).display()))
    })
}

/// Fails when a place is in a view of the host although its path does not say so.
fn not_in_view(root: &Root, place: &OwnedFd, path: &Path, views: &[u64]) -> Result<(), Failure> {
    let outright = OF_HOST.iter().any(|directory| {
        Path::new("/").join(path).starts_with(directory)
            && !path.components().any(|part| part.as_os_str() == "..")
    });
    let id = mount_id(place).map_err(at("look at", &root.outside(path)))?;
    if outright || !views.contains(&id) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} leads into the host's /dev, /proc or /sys, by a link in the app's image",
        root.outside(path).display()
    ))
    .hint("replace the link when the image is built, or mount elsewhere"))
}

/// Mounts a file of the host on a file of the app, for reading.
fn bind_file(root: &Root, source: &Path, target: &str, views: &[u64]) -> Result<(), Failure> {
    let tree = Tree::copy(source, false).map_err(at("make a view of", source))?;
    read_only(&tree, false, source)?;
    let (path, source) = (Path::new(target), source.to_string_lossy());
    let place = place(root, path, Make::File(0o644), &source, views)?;
    not_in_view(root, &place, path, views)?;
    attach(&tree, &place, root, path, &source)
}

fn mount_volume(pod_dir: &Path, root: &Root, volume: &VolumeMount, views: &[u64]) -> Result<(), Failure> {
    let source = match &volume.source {
        Source::Host(path) => {
            // Users of fly rely on seeing on the host what an app mounts in a volume.
            share(path).map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    let missing = format!("volume \"{}\": the host has no {}", volume.name, path.display());
                    Failure::new(missing).hint("make it, or correct the volume's source")
                }
                _ => at("share the mount on", path)(error),
            })?;
            path.clone()
        }
        Source::Empty { mode, uid, gid } => empty_directory(pod_dir, &volume.name, *mode, *uid, *gid)?,
    };
    let opened = rustix::fs::open(&source, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(at("open", &source))?;
    let stat = rustix::fs::fstat(&opened).map_err(at("look at", &source))?;
    let directory = FileType::from_raw_mode(stat.st_mode).is_dir();
    let make = if directory { Make::Directory } else { Make::File(0o700) };
    let tree = Tree::copy_of(&opened, volume.recursive).map_err(at("make a view of", &source))?;
    if volume.read_only {
        read_only(&tree, volume.recursive, &source)?;
    }
    let (path, source) = (Path::new(&volume.path), source.to_string_lossy());
    let place = place(root, path, make, &source, views)?;
    different(root, &place, &[], &volume.path)?;
    not_in_view(root, &place, path, views)?;
    attach(&tree, &place, root, path, &source)
}

fn read_only(tree: &Tree, recursive: bool, source: &Path) -> Result<(), Failure> {
    tree.read_only(recursive).map_err(|error| {
        at("make read-only the view of", source)(error).hint("read-only mounts need Linux 5.12 or newer")
    })
}
