//! Writing the pod's units and files into the root of stage1.

use super::env_file;
use crate::failure::{Failure, at, warn};
use crate::pod_dir::PodDir;
use crate::root_file;
use crate::systemd::app::ReadyApp;
use crate::systemd::isolation::resources::Enforced;
use crate::systemd::names::{self, UNITS};
use crate::systemd::unit::Unit;
use crate::systemd::unit::dialect::Dialect;
use crate::systemd::units::app::Life;
use crate::systemd::units::{pod, ports};
use ::pod::root::{Make, Root};
use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Directory of the links to sockets that are opened before apps start, among the units.
const SOCKETS: &str = "sockets.target.wants";
/// Directory of the links to volumes that are devices, in the root of stage1.
const DEVICES: &str = "rkt/volumes";
/// Largest unit that is read, in bytes.
const UNIT_LIMIT: u64 = 64 << 10;

/// The root of stage1, and whom files in it are given to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    /// The root.
    pub(crate) root: &'a Root,
    /// Number of the pod's root user on the host.
    pub(crate) shift: u32,
}

impl Files<'_> {
    /// Writes a file.
    pub(crate) fn write(&self, path: impl AsRef<Path>, content: &[u8], mode: u32) -> Result<(), Failure> {
        let path = path.as_ref();
        let mut file = self.create(path, mode)?;
        file.write_all(content).map_err(at("write", &self.root.outside(path)))
    }

    /// Opens a file to be written anew, which belongs to the pod's root user and has this mode. The process's mask must be
    /// empty.
    pub(crate) fn create(&self, path: &Path, mode: u32) -> Result<File, Failure> {
        self.create_new(path, mode).map_err(at("make", &self.root.outside(path)))
    }

    fn create_new(&self, path: &Path, mode: u32) -> io::Result<File> {
        let new = || self.root.create_file(path, mode);
        let opened = match new() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let parent = path.parent().unwrap_or(Path::new("/"));
                self.root.ensure(parent, Make::Directory, &[])?;
                new()
            }
            outcome => outcome,
        };
        let file = match opened {
            Ok(file) => File::from(file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let file = root_file::open_anew(self.root, path)?;
                rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
                file
            }
            Err(error) => return Err(error),
        };
        self.give(&file)?;
        Ok(file)
    }

    /// Gives something to the pod's root user.
    pub(crate) fn give(&self, fd: impl AsFd) -> io::Result<()> {
        if self.shift != 0 {
            let owner = (Uid::from_raw(self.shift), Gid::from_raw(self.shift));
            rustix::fs::fchown(fd, Some(owner.0), Some(owner.1))?;
        }
        Ok(())
    }

    /// Makes a directory.
    pub(crate) fn directory(&self, path: impl AsRef<Path>, mode: u32) -> Result<(), Failure> {
        let path = path.as_ref();
        let outside = self.root.outside(path);
        self.root.ensure(path, Make::Directory, &[]).map_err(at("make", &outside))?;
        let set = || {
            let fd = self.root.open_file(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
            self.give(&fd)?;
            rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
            Ok::<_, io::Error>(())
        };
        set().map_err(at("set owner and mode of", &outside))
    }

    /// Makes a symlink; one that is there stays.
    pub(crate) fn link(&self, path: impl AsRef<Path>, target: &str) -> Result<(), Failure> {
        let path = path.as_ref();
        let outside = self.root.outside(path);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Failure::new(format!("{} cannot be a link", outside.display())));
        };
        let directory = self.root.ensure(parent, Make::Directory, &[]).map_err(at("make", &outside))?;
        match rustix::fs::symlinkat(target, directory, name) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(at("make the link", &outside)(errno)),
        }
    }

    /// Writes a unit file.
    pub(crate) fn unit(&self, name: &str, unit: &Unit) -> Result<(), Failure> {
        self.write(Path::new(UNITS).join(name), unit.to_text().as_bytes(), 0o644)
    }
}

/// Writes the units of the pod and of its apps, with their environments and users.
pub(super) fn units(
    files: &Files<'_>,
    pod_dir: &PodDir,
    apps: &[ReadyApp],
    life: Life,
    dialect: Dialect,
    enforced: Enforced,
    flush: bool,
) -> Result<(), Failure> {
    let names: Vec<&str> = apps.iter().map(|app| app.units.name.as_str()).collect();
    for (name, unit) in pod::units(life, &names, dialect) {
        files.unit(name, &unit)?;
    }
    for ready in apps {
        app(files, pod_dir, ready, life, dialect, enforced)?;
    }
    for (link, target) in pod::wants(life, &names, flush) {
        files.link(Path::new(UNITS).join(link), &target)?;
    }
    Ok(())
}

/// Writes the units of one app, with its environment and users.
pub(crate) fn app(
    files: &Files<'_>,
    pod_dir: &PodDir,
    ready: &ReadyApp,
    life: Life,
    dialect: Dialect,
    enforced: Enforced,
) -> Result<(), Failure> {
    let mut units = ready.units.clone();
    let name = units.name.clone();
    let written = env_file::write(files, &name, &ready.environment)?;
    units.env_file = written.path;
    let (service, warnings) = units.service(life, dialect, enforced)?;
    for warning in warnings.iter().chain(&written.warnings) {
        warn(format_args!("stage1: warning: app \"{name}\": {warning}"));
    }
    files.unit(&names::service(&name), &service)?;
    files.unit(&names::reaper(&name), &units.reaper(life, dialect, enforced))?;
    let pod_app = pod_dir.app(&name)?;
    if let Some((socket, warnings)) = ports::socket(&name, &units.image, pod_app.app()?, &pod_dir.manifest) {
        for warning in &warnings {
            warn(format_args!("stage1: warning: {warning}"));
        }
        files.unit(&names::socket(&name), &socket)?;
        files.link(
            Path::new(UNITS).join(SOCKETS).join(names::socket(&name)),
            &format!("../{}", names::socket(&name)),
        )?;
    }
    if let Some(attachable) = &units.streams.attachable {
        let directory = PathBuf::from(names::attach_directory(&name));
        files.directory(&directory, 0o700)?;
        files.write(directory.join("env"), &attachable.environment(), 0o644)?;
        for (socket, unit) in attachable.sockets(&name, dialect) {
            files.unit(&socket, &unit)?;
        }
    }
    volumes_of_devices(files, ready)?;
    let users = sysusers(units.uid, units.gid, &units.supplementary);
    files.write(sysusers_file(&name), users.as_bytes(), 0o640)
}

/// Takes away what [`app`] has written for an app. What cannot be taken away does not keep the rest.
pub(crate) fn forget_app(root: &Root, name: &str) -> Result<(), Failure> {
    let units = Path::new(UNITS);
    let socket = names::socket(name);
    let mut paths: Vec<PathBuf> = vec![
        units.join(names::service(name)),
        units.join(names::reaper(name)),
        units.join(&socket),
        units.join(SOCKETS).join(&socket),
        sysusers_file(name),
    ];
    paths.extend(env_file::paths(name));
    // Another app may have a socket of the same name.
    let own = format!("Service={}\n", names::service(name));
    for stream in ["stdin", "stdout", "stderr"] {
        let path = units.join(names::stream_socket(name, stream));
        let text = root.read(&path, UNIT_LIMIT).ok().flatten().unwrap_or_default();
        if String::from_utf8_lossy(&text).contains(&own) {
            paths.push(path);
        }
    }
    let directory = PathBuf::from(names::attach_directory(name));
    let mut first = root_file::remove_directory(root, &directory);
    for path in &paths {
        first = first.and(root_file::remove(root, path));
    }
    first.and(forget_devices(root, name))
}

/// Takes away the links of an app's volumes that are devices.
fn forget_devices(root: &Root, name: &str) -> Result<(), Failure> {
    let volumes = Path::new(DEVICES);
    let Ok(directory) = root.open_file(volumes, OFlags::RDONLY | OFlags::DIRECTORY) else { return Ok(()) };
    let outside = root.outside(volumes);
    let app_root = names::app_root(name);
    for entry in Dir::read_from(&directory).map_err(at("read the directory", &outside))? {
        let entry = entry.map_err(at("read the directory", &outside))?;
        let target = rustix::fs::readlinkat(&directory, entry.file_name(), Vec::new());
        if target.is_ok_and(|target| Path::new(OsStr::from_bytes(target.to_bytes())).starts_with(&app_root)) {
            rustix::fs::unlinkat(&directory, entry.file_name(), AtFlags::empty())
                .map_err(at("remove a link in", &outside))?;
        }
    }
    Ok(())
}

/// Links from the names of volumes that are devices to where they are: `prepare-app` makes nodes for them.
fn volumes_of_devices(files: &Files<'_>, ready: &ReadyApp) -> Result<(), Failure> {
    if ready.units.devices.is_none() {
        return Ok(());
    }
    for mount in ready.mounts.iter().filter(|mount| mount.device) {
        let target = PathBuf::from(names::app_root(&ready.units.name))
            .join(mount.target.strip_prefix("/").unwrap_or(&mount.target));
        files.directory(DEVICES, 0o600)?;
        files.link(Path::new(DEVICES).join(&mount.volume), &target.to_string_lossy())?;
    }
    Ok(())
}

/// Users and groups of an app.
fn sysusers_file(app: &str) -> PathBuf {
    PathBuf::from(format!("usr/lib/sysusers.d/{app}.service.conf"))
}

/// Users and groups that the app's numbers get names from, for sysusers.d(5).
fn sysusers(uid: u32, gid: u32, supplementary: &[u32]) -> String {
    let mut groups: Vec<String> = Vec::new();
    for number in supplementary.iter().chain([&gid]) {
        let line = format!("g gen{number} {number}\n");
        if !groups.contains(&line) {
            groups.push(line);
        }
    }
    groups.push(format!("u gen{uid} {uid} \"gen{uid}\"\n"));
    groups.join("\n")
}

#[cfg(test)]
mod tests {
    use super::sysusers;

    #[test]
    fn users_of_an_app() {
        assert_eq!(sysusers(0, 0, &[]), "g gen0 0\n\nu gen0 0 \"gen0\"\n");
        assert_eq!(sysusers(1, 2, &[3, 2]), "g gen3 3\n\ng gen2 2\n\nu gen1 1 \"gen1\"\n");
    }
}
