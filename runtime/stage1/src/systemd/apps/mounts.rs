//! Mounts of an app in a pod that runs.
//!
//! Views of what is to be mounted are made here and mounted there: through open files, so that neither side can make a path
//! mean something else, and no mount has to find its way through directories that both sides share.

use crate::failure::{Failure, at};
use crate::systemd::enter::First;
use crate::systemd::names;
use crate::systemd::volumes::ReadyMount;
use host::bind::Tree;
use pod::root::{Make, Root};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::thread::{LinkNameSpaceType, ThreadNameSpaceType};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A volume that is ready to be mounted.
#[derive(Debug)]
struct View {
    tree: Tree,
    /// Path inside the app's root.
    target: PathBuf,
    make: Make,
    /// For messages.
    volume: String,
}

/// Mounts the volumes of an app in the pod; its root too, if the pod does not see it.
pub(super) fn mount(first: &First, app: &str, rootfs: &Path, mounts: &[ReadyMount]) -> Result<(), Failure> {
    let root = Root::open(rootfs).map_err(at("use as root of the app", rootfs))?;
    let here = rustix::fs::fstat(&root).map_err(at("look at", rootfs))?;
    let view = Tree::copy_of(&root, false).map_err(at("make a view of", rootfs))?;
    let views = mounts.iter().map(view_of).collect::<Result<Vec<_>, _>>()?;
    let place = PathBuf::from(names::app_root(app));
    in_pod(first, || {
        let there = open(&place).map_err(at("open in the pod", &place))?;
        let seen = rustix::fs::fstat(&there).map_err(at("look at in the pod", &place))?;
        let root = if (seen.st_dev, seen.st_ino) == (here.st_dev, here.st_ino) {
            there
        } else {
            // Mounts here are not seen there: they are private, or the pod was started somewhere else.
            view.attach(&there).map_err(at("mount in the pod", &place))?;
            view.make_private().map_err(at("make private in the pod", &place))?;
            view.into_fd()
        };
        let root = Root::from_fd(root, place.clone());
        views.iter().try_for_each(|view| attach(&root, view))
    })
}

/// Opens a directory without following a link anywhere on the way.
fn open(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

fn view_of(mount: &ReadyMount) -> Result<View, Failure> {
    let source = &mount.source;
    let failed = |failure: Failure| failure.within(&format!("volume \"{}\"", mount.volume));
    let tree = Tree::copy(source, mount.recursive).map_err(at("make a view of", source)).map_err(failed)?;
    if mount.read_only {
        tree.read_only(mount.recursive).map_err(at("make read-only the view of", source)).map_err(failed)?;
    }
    let directory = fs::metadata(source).map_err(at("look at", source)).map_err(failed)?.is_dir();
    let make = if directory { Make::Directory } else { Make::File(0o700) };
    Ok(View { tree, target: mount.target.clone(), make, volume: mount.volume.clone() })
}

fn attach(root: &Root, view: &View) -> Result<(), Failure> {
    let outside = root.outside(&view.target);
    let place = root.ensure(&view.target, view.make, &[]);
    let mounted = place.and_then(|place| view.tree.attach(place));
    mounted.map_err(|error| {
        Failure::new(format!(
            "cannot mount volume \"{}\" on {} in the pod: {error}",
            view.volume,
            outside.display()
        ))
    })
}

/// Does something among the mounts of a pod, in its root, with the rights of here. There is no `/proc` for us there.
fn in_pod<T>(first: &First, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let namespace = Path::new("/proc/self/ns/mnt");
    let own = rustix::fs::open(namespace, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(at("open", namespace))?;
    let directory =
        |path: &str| rustix::fs::open(path, flags, Mode::empty()).map_err(at("open", Path::new(path)));
    let (root, directory) = (directory("/")?, directory(".")?);
    let failed =
        |errno: rustix::io::Errno| Failure::new(format!("cannot go among the mounts of the pod: {errno}"));
    rustix::thread::move_into_thread_name_spaces(first.pidfd().as_fd(), ThreadNameSpaceType::MOUNT)
        .map_err(failed)?;
    let done = to_root(first.root()).map_err(failed).and_then(|()| work());
    let back = rustix::thread::move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Mount))
        .and_then(|()| to_root(&root))
        .and_then(|()| rustix::process::fchdir(&directory));
    back.map_err(|errno| Failure::new(format!("cannot come back from the mounts of the pod: {errno}")))?;
    done
}

fn to_root(root: &OwnedFd) -> rustix::io::Result<()> {
    rustix::process::fchdir(root)?;
    rustix::process::chroot(".")
}
