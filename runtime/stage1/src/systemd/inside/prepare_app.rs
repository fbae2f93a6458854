//! `prepare-app`: gives an app's root what every app may expect, before the app starts. Runs in the pod.

use super::supervisor;
use crate::failure::{Failure, at};
use crate::systemd::watch::BOOTED;
use host::mountinfo;
use pod::root::{Make, Root};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Directories, in the order in which they are made, and their modes where they are missing.
const DIRECTORIES: [(&str, u32); 11] = [
    ("dev", 0o755),
    ("dev/net", 0o755),
    ("dev/shm", 0o755),
    ("etc", 0o755),
    ("proc", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("dev/pts", 0o755),
    ("run", 0o755),
    ("run/systemd", 0o755),
    ("run/systemd/journal", 0o755),
];

/// Device nodes of the pod that every app has.
const DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/net/tun",
    "/dev/console",
];

/// Directories of the pod that every app has, and whether with what is mounted in them.
const SHARED: [(&str, bool); 4] =
    [("/proc", true), ("/dev/shm", false), ("/dev/pts", false), ("/run/systemd/journal", false)];

/// Files of the pod and where apps have them.
const FILES: [(&str, &str); 4] = [
    ("/etc/rkt-resolv.conf", "/etc/resolv.conf"),
    ("/etc/rkt-hosts", "/etc/hosts"),
    ("/proc/sys/kernel/hostname", "/etc/hostname"),
    ("/run/systemd/notify", "/run/systemd/notify"),
];

/// Hosts file of apps that have none.
const HOSTS_FALLBACK: &str = "/etc/hosts-fallback";
/// Links of stage1 to volumes that are devices.
const VOLUMES: &str = "/rkt/volumes";
/// Where nodes for them are, for units to name.
const VOLUME_NODES: &str = "/dev/.rkt";
/// Marks of apps that systemd has begun to start.
const MARKS: &str = "/run/rkt-prepared";
/// Where programs log to.
const LOG: &str = "/run/systemd/journal/dev-log";

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    supervisor::say_first(BOOTED);
    let Ok([path]) = <[OsString; 1]>::try_from(arguments) else {
        return Err(Failure::new(format!("usage: {program} ROOT")));
    };
    rustix::process::umask(Mode::empty());
    let path = Path::new(&path);
    leave_mark(path)?;
    rustix::mount::mount_bind_recursive(path, path).map_err(at("bind on itself", path))?;
    // Opened after that, so that what is mounted goes on the view.
    let root = Root::open(path).map_err(at("use as root of the app", path))?;
    let app = App { root };
    app.directories()?;
    for device in DEVICES.iter().filter(|device| Path::new(device).exists()) {
        app.bind(Path::new(device), device, Make::File(0o644), false)?;
    }
    for (source, recursive) in SHARED {
        if Path::new(source).exists() {
            app.bind(Path::new(source), source, Make::Directory, recursive)?;
        }
    }
    app.sys()?;
    app.files()?;
    app.ptmx()?;
    volume_nodes()?;
    app.log()?;
    Ok(ExitCode::SUCCESS)
}

/// Leaves a mark that systemd has begun to start an app, whose root this is.
fn leave_mark(root: &Path) -> Result<(), Failure> {
    let Some(app) = root.parent().and_then(Path::file_name) else { return Ok(()) };
    let marks = Path::new(MARKS);
    match rustix::fs::mkdir(marks, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(at("make", marks)(errno)),
    }
    let mark = marks.join(app);
    fs::write(&mark, "").map_err(at("write", &mark))
}

/// Whether systemd has begun to start an app.
pub(super) fn has_begun(app: &str) -> bool {
    Path::new(MARKS).join(app).exists()
}

struct App {
    root: Root,
}

impl App {
    fn outside(&self, path: &str) -> PathBuf {
        self.root.outside(Path::new(path))
    }

    fn directories(&self) -> Result<(), Failure> {
        // Images of docker may have a link there.
        if let Ok(stat) = self.root.lstat("dev/shm")
            && !FileType::from_raw_mode(stat.st_mode).is_dir()
        {
            self.unlink("dev/shm")?;
        }
        for (path, mode) in DIRECTORIES {
            if self.root.stat(path).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir()) {
                continue;
            }
            let outside = self.outside(path);
            self.root.ensure(Path::new(path), Make::Directory, &[]).map_err(at("make", &outside))?;
            let fd = self
                .root
                .open_file(path, OFlags::RDONLY | OFlags::DIRECTORY)
                .map_err(at("open", &outside))?;
            rustix::fs::fchmod(fd, Mode::from_raw_mode(mode)).map_err(at("set the mode of", &outside))?;
        }
        Ok(())
    }

    fn unlink(&self, path: &str) -> Result<(), Failure> {
        let outside = self.outside(path);
        let (parent, name) = path.rsplit_once('/').unwrap_or(("/", path));
        let directory =
            self.root.open_file(parent, OFlags::PATH | OFlags::DIRECTORY).map_err(at("open", &outside))?;
        rustix::fs::unlinkat(directory, name, AtFlags::empty()).map_err(at("remove", &outside))
    }

    /// Shows something of the pod in the app.
    fn bind(&self, source: &Path, target: &str, make: Make, recursive: bool) -> Result<(), Failure> {
        let outside = self.outside(target);
        let place = self.root.ensure(Path::new(target), make, &[]).map_err(|error| {
            at("make", &outside)(error)
                .hint("the image has something else there; correct it when it is built")
        })?;
        let handle = handle(&place);
        let mounted = if recursive {
            rustix::mount::mount_bind_recursive(source, handle.as_str())
        } else {
            rustix::mount::mount_bind(source, handle.as_str())
        };
        mounted.map_err(|errno| {
            Failure::new(format!("cannot bind {} on {}: {errno}", source.display(), outside.display()))
        })
    }

    /// `/sys`, unless a volume is there. With the control groups mounted in it only where the kernel allows nothing else.
    fn sys(&self) -> Result<(), Failure> {
        let place = self.outside("/sys");
        let mounts = mountinfo::read().map_err(at("read", Path::new("/proc/self/mountinfo")))?;
        if mounts.iter().any(|mount| mount.mount_point.starts_with(&place)) {
            return Ok(());
        }
        let unified = host::cgroup::layout(Path::new(host::cgroup::ROOT))
            .is_ok_and(|layout| layout == host::cgroup::Layout::Unified);
        self.bind(Path::new("/sys"), "/sys", Make::Directory, unified || in_user_namespace())
    }

    fn files(&self) -> Result<(), Failure> {
        // A copy of the image's own must be there before something is mounted over it.
        let has_hosts = self.root.stat("/etc/hosts").is_ok();
        for (source, target) in FILES.iter().filter(|(source, _)| Path::new(source).exists()) {
            self.bind(Path::new(source), target, Make::File(0o644), false)?;
        }
        if !has_hosts && !Path::new("/etc/rkt-hosts").exists() && Path::new(HOSTS_FALLBACK).exists() {
            self.bind(Path::new(HOSTS_FALLBACK), "/etc/hosts", Make::File(0o644), false)?;
        }
        Ok(())
    }

    /// Makes sure that terminals can be made: by the file system of terminals of the pod, else by a node.
    fn ptmx(&self) -> Result<(), Failure> {
        let usable = |path: &str| {
            self.root.stat(path).is_ok_and(|stat| {
                FileType::from_raw_mode(stat.st_mode).is_char_device()
                    && (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)) == (5, 2)
                    && stat.st_mode & 0o666 == 0o666
            })
        };
        if usable("/dev/ptmx") {
            return Ok(());
        }
        let outside = self.outside("/dev/ptmx");
        let directory =
            self.root.open_file("/dev", OFlags::PATH | OFlags::DIRECTORY).map_err(at("open", &outside))?;
        match rustix::fs::unlinkat(&directory, "ptmx", AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(at("remove", &outside)(errno)),
        }
        if usable("/dev/pts/ptmx") {
            return rustix::fs::symlinkat("/dev/pts/ptmx", &directory, "ptmx")
                .map_err(at("make the link", &outside));
        }
        let device = rustix::fs::makedev(5, 2);
        rustix::fs::mknodat(&directory, "ptmx", FileType::CharacterDevice, Mode::from_raw_mode(0o666), device)
            .map_err(at("make the node", &outside))
    }

    fn log(&self) -> Result<(), Failure> {
        let outside = self.outside("/dev/log");
        let directory =
            self.root.open_file("/dev", OFlags::PATH | OFlags::DIRECTORY).map_err(at("open", &outside))?;
        match rustix::fs::symlinkat(LOG, directory, "log") {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(at("make the link", &outside)(errno)),
        }
    }
}

/// A name of an open place that the mount call takes, and that nobody can make mean something else.
fn handle(place: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", place.as_raw_fd())
}

/// Nodes for volumes that are devices, under their volumes' names.
fn volume_nodes() -> Result<(), Failure> {
    let volumes = Path::new(VOLUMES);
    let entries = match fs::read_dir(volumes) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at("read the directory", volumes)(error)),
    };
    let nodes = Path::new(VOLUME_NODES);
    match rustix::fs::mkdir(nodes, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(at("make", nodes)(errno)),
    }
    for entry in entries {
        let entry = entry.map_err(at("read the directory", volumes))?;
        let target = fs::read_link(entry.path()).map_err(at("read the link", &entry.path()))?;
        let node = nodes.join(entry.file_name());
        match std::os::unix::fs::symlink(&target, &node) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(at("make the link", &node)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the pod's numbers of users are not the host's.
fn in_user_namespace() -> bool {
    let map = fs::read("/proc/1/uid_map").unwrap_or_default();
    let fields: Vec<&[u8]> = map.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).collect();
    !fields.is_empty() && fields != [&b"0"[..], b"0", b"4294967295"]
}
