//! What is mounted into the app's root, and taking it away again.

use super::volumes::{Source, VolumeMount};
use crate::failure::{Failure, at, warn};
use host::bind::{Tree, share};
use pod::layout;
use pod::protocol::{DnsConfMode, HostsMode, ResolvMode};
use pod::root::{Make, Root, is_file};
use rustix::fs::{FileType, Mode, OFlags};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Directories of the host that every app sees.
const OF_HOST: [&str; 3] = ["/dev", "/proc", "/sys"];

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// Largest resolver configuration that is copied, in bytes.
const RESOLV_LIMIT: u64 = 1 << 20;

/// What an app without a hosts file gets.
const DEFAULT_HOSTS: &[u8] = b"127.0.0.1 localhost localdomain\n";

/// Mounts everything. What was mounted before a failure is still there afterwards; see [`clear`].
pub(crate) fn make(
    pod_dir: &Path,
    root: &Root,
    volumes: &[VolumeMount],
    dns: DnsConfMode,
) -> Result<(), Failure> {
    write_etc(pod_dir, root, dns)?;
    for directory in OF_HOST {
        let directory = Path::new(directory);
        let tree = Tree::copy(directory, true).map_err(at("make a view of", directory))?;
        attach(tree, root, directory, Make::Directory, directory)?;
    }
    let tmp = Path::new("/tmp");
    let tree = Tree::tmpfs().map_err(|error| {
        Failure::new(format!("cannot make a file system in memory (tmpfs) for /tmp of the app: {error}"))
    })?;
    attach(tree, root, tmp, Make::Directory, Path::new("tmpfs"))?;
    for volume in volumes {
        mount_volume(pod_dir, root, volume)?;
    }
    if dns.resolv == ResolvMode::Host {
        bind_file(root, Path::new(RESOLV_CONF), RESOLV_CONF)?;
    }
    match dns.hosts {
        HostsMode::Host => bind_file(root, Path::new(HOSTS), HOSTS)?,
        HostsMode::Stage0 => {
            bind_file(root, &pod_dir.join(layout::STAGE1_ROOTFS).join(layout::RKT_HOSTS), HOSTS)?;
        }
        HostsMode::Default => {}
    }
    Ok(())
}

/// Takes away everything that is mounted below the root of an app.
pub(crate) fn clear(rootfs: &Path) -> Result<usize, Failure> {
    host::mounts::detach_below(rootfs).map_err(|error| {
        Failure::new(error.to_string())
            .hint("look at /proc/self/mountinfo for what is mounted there, and unmount it by hand")
    })
}

/// Files of `/etc` that are written into the image, before anything is mounted over it.
fn write_etc(pod_dir: &Path, root: &Root, dns: DnsConfMode) -> Result<(), Failure> {
    if dns.resolv == ResolvMode::Stage0 {
        let source = pod_dir.join(layout::STAGE1_ROOTFS).join(layout::RKT_RESOLV_CONF);
        let target = Path::new(RESOLV_CONF);
        let outside = root.outside(target);
        let length = fs::metadata(&source).map_err(at("look at", &source))?.len();
        if length > RESOLV_LIMIT {
            return Err(Failure::new(format!("{} is larger than {RESOLV_LIMIT} bytes", source.display())));
        }
        let content = fs::read(&source).map_err(at("read", &source))?;
        root.ensure(target, Make::File(0o644)).map_err(at("make", &outside))?;
        write_inside(root, target, &content).map_err(at("write", &outside))?;
    }
    if dns.hosts == HostsMode::Default
        && let Err(error) = root.lstat(HOSTS)
        && error.kind() == ErrorKind::NotFound
    {
        // An app without any `/etc` does not miss it; nor does one on a full disk.
        if root.stat("/etc").is_ok() && root.ensure(Path::new(HOSTS), Make::File(0o644)).is_ok() {
            let _ = write_inside(root, Path::new(HOSTS), DEFAULT_HOSTS);
        }
    }
    Ok(())
}

/// Replaces the content of a regular file inside the root.
fn write_inside(root: &Root, path: &Path, content: &[u8]) -> io::Result<()> {
    // Not truncated before it is known to be a file.
    let fd = root.open_file(path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    if !is_file(&rustix::fs::fstat(&fd)?) {
        return Err(io::Error::other("not a regular file"));
    }
    let mut file = File::from(fd);
    file.set_len(0)?;
    file.write_all(content)
}

/// Mounts a view on a place inside the root, which is made if it is missing.
fn attach(tree: Tree, root: &Root, path: &Path, make: Make, source: &Path) -> Result<(), Failure> {
    let outside = root.outside(path);
    let place = root.ensure(path, make).map_err(|error| {
        let kind = error.kind();
        let (source, outside) = (source.display(), outside.display());
        match kind {
            ErrorKind::NotADirectory if make == Make::Directory => Failure::new(format!(
                "can't mount because \"{source}\" is a directory while \"{outside}\" is not"
            )),
            ErrorKind::IsADirectory => Failure::new(format!(
                "can't mount because \"{outside}\" is a directory while \"{source}\" is not"
            )),
            _ => Failure::new(format!("cannot make {outside} to mount \"{source}\" on: {error}"))
                .hint("make the directory when the image is built, or mount somewhere else"),
        }
    })?;
    tree.attach(place).map_err(|error| {
        Failure::new(format!("can't mount \"{}\" on \"{}\": {error}", source.display(), outside.display()))
    })
}

/// Mounts a file of the host on a file of the app, for reading.
fn bind_file(root: &Root, source: &Path, target: &str) -> Result<(), Failure> {
    let tree = Tree::copy(source, false).map_err(at("make a view of", source))?;
    tree.read_only(false).map_err(at("make read-only the view of", source))?;
    attach(tree, root, Path::new(target), Make::File(0o644), source)
}

fn mount_volume(pod_dir: &Path, root: &Root, volume: &VolumeMount) -> Result<(), Failure> {
    let name = &volume.name;
    let source = match &volume.source {
        Source::Host(path) => {
            // Users of fly rely on seeing on the host what an app mounts in a volume.
            match share(path) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(Failure::new(format!(
                        "volume \"{name}\": the host has no {}",
                        path.display()
                    ))
                    .hint("make it, or correct the volume's source"));
                }
                Err(error) => return Err(at("share the mount on", path)(error)),
            }
            path.clone()
        }
        Source::Empty { mode, uid, gid } => empty_directory(pod_dir, name, *mode, *uid, *gid)?,
    };
    let place = rustix::fs::open(&source, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(at("open", &source))?;
    let stat = rustix::fs::fstat(&place).map_err(at("look at", &source))?;
    let directory = FileType::from_raw_mode(stat.st_mode).is_dir();
    let make = if directory { Make::Directory } else { Make::File(0o700) };
    let tree = Tree::copy_of(&place, volume.recursive).map_err(at("make a view of", &source))?;
    if volume.read_only {
        tree.read_only(volume.recursive).map_err(|error| {
            at("make read-only the view of", &source)(error).hint("read-only volumes need Linux 5.12")
        })?;
    }
    attach(tree, root, Path::new(&volume.path), make, &source)
}

/// The directory of a volume of kind `empty`.
fn empty_directory(pod_dir: &Path, name: &str, mode: u32, uid: u32, gid: u32) -> Result<PathBuf, Failure> {
    let make = |path: &Path, mode: u32| match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(at("make the directory", path)),
    };
    let parent = pod_dir.join(layout::SHARED_VOLUMES);
    make(&parent, 0o755)?;
    let path = pod_dir.join(layout::shared_volume(name));
    make(&path, 0o770)?;
    // The owner first: changing it may clear bits of the mode.
    std::os::unix::fs::lchown(&path, Some(uid), Some(gid)).map_err(at("give away", &path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(at("set the mode of", &path))?;
    Ok(path)
}

/// Says which wishes of an app fly does not fulfil.
pub(crate) fn warn_ignored(app: &str, ignored: &[&str]) {
    if !ignored.is_empty() {
        warn(format_args!("Warning: fly ignores of app \"{app}\": {}", ignored.join(", ")));
    }
}

/// Writes a file into a directory tree of the pod that may be an overlay, making what leads to it.
pub(crate) fn write_below(root: &Root, path: &Path, content: &[u8]) -> Result<(), Failure> {
    let outside = root.outside(path);
    root.ensure(path, Make::File(0o644)).map_err(at("make", &outside))?;
    write_inside(root, path, content).map_err(at("write", &outside))
}

/// Opens a directory inside a root, to go there later.
pub(crate) fn open_directory(root: &Root, path: &OsStr) -> Result<OwnedFd, Failure> {
    root.open_file(path, OFlags::PATH | OFlags::DIRECTORY).map_err(|error| {
        at("go to the working directory", &root.outside(Path::new(path)))(error)
            .hint("choose another with --working-dir=PATH, or make it when the image is built")
    })
}
