//! Control groups: how they are laid out here, and which of them a process is in.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// `CGROUP_SUPER_MAGIC` of `linux/magic.h`: a hierarchy of version 1.
const CGROUP: u64 = 0x0027_e0eb;
/// `CGROUP2_SUPER_MAGIC`.
const CGROUP2: u64 = 0x6367_7270;

/// The most that is read of a file of `/proc` or of a cgroup, in bytes; they have a line a controller.
const LIMIT: u64 = 1 << 20;

/// Where the hierarchies are mounted.
pub const ROOT: &str = "/sys/fs/cgroup";

/// How the hierarchies are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// The one hierarchy of version 2, on `/sys/fs/cgroup` itself.
    Unified,
    /// Hierarchies of version 1, and below them that of version 2, on `unified` or (systemd 232) on
    /// `systemd`. Controllers are usually with version 1.
    Hybrid,
    /// Hierarchies of version 1 only.
    Legacy,
    /// None is mounted.
    Absent,
}

impl Layout {
    /// The name in messages and documents.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Unified => "unified",
            Layout::Hybrid => "hybrid",
            Layout::Legacy => "legacy",
            Layout::Absent => "absent",
        }
    }
}

/// Finds out how the hierarchies are mounted below a directory, usually [`ROOT`].
///
/// # Errors
/// When the directory or what lies in it cannot be examined; that it is missing is [`Layout::Absent`].
pub fn layout(sys_fs_cgroup: &Path) -> io::Result<Layout> {
    let own = match magic(sys_fs_cgroup) {
        Ok(magic) => magic,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Layout::Absent),
        Err(error) => return Err(error),
    };
    let mut below = Vec::new();
    if own != CGROUP && own != CGROUP2 {
        for entry in std::fs::read_dir(sys_fs_cgroup)? {
            let entry = entry?;
            // Joint controllers have symlinks beside their directory.
            if entry.file_type()?.is_dir() {
                below.push((entry.file_name(), magic(&entry.path())?));
            }
        }
    }
    Ok(judge(own, below.iter().map(|(name, magic)| (name.as_os_str(), *magic))))
}

/// The layout, from the type of the file system of the directory and of each directory in it.
fn judge<'a>(own: u64, below: impl Iterator<Item = (&'a OsStr, u64)>) -> Layout {
    match own {
        CGROUP2 => return Layout::Unified,
        CGROUP => return Layout::Legacy,
        _ => {}
    }
    let mut layout = Layout::Absent;
    for (name, magic) in below {
        match magic {
            CGROUP2 if name == "unified" || name == "systemd" => return Layout::Hybrid,
            CGROUP => layout = Layout::Legacy,
            _ => {}
        }
    }
    layout
}

fn magic(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statfs(path)?;
    // Signed on some machines; no magic number is negative.
    Ok(u64::try_from(stat.f_type).unwrap_or(0))
}

/// In which cgroup of one hierarchy a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Number of the hierarchy; 0 is version 2.
    pub hierarchy: u32,
    /// The controllers of the hierarchy; `name=NAME` for one that was given a name. Empty for version 2.
    pub controllers: Vec<String>,
    /// The cgroup, from the root of the hierarchy as the reader sees it.
    pub path: PathBuf,
}

/// Reads the text of `/proc/PID/cgroup`. Lines that are not of its form are passed over.
pub fn memberships(text: &[u8]) -> Vec<Membership> {
    text.split(|&byte| byte == b'\n').filter_map(membership).collect()
}

fn membership(line: &[u8]) -> Option<Membership> {
    // A name, and a path even more, may hold a colon; the number and the list of controllers do not.
    let mut fields = line.splitn(3, |&byte| byte == b':');
    let hierarchy = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let controllers = str::from_utf8(fields.next()?).ok()?;
    let path = fields.next()?;
    if !path.starts_with(b"/") {
        return None;
    }
    let controllers = controllers.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Some(Membership { hierarchy, controllers, path: PathBuf::from(OsStr::from_bytes(path)) })
}

/// The cgroups of this process.
///
/// # Errors
/// When `/proc/self/cgroup` cannot be read; it is missing from kernels without cgroups.
pub fn own() -> io::Result<Vec<Membership>> {
    Ok(memberships(&read(Path::new("/proc/self/cgroup"))?))
}

/// A controller that the kernel has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Its name.
    pub name: String,
    /// Number of the hierarchy of version 1 that it is in; 0 when it is in none of those.
    pub hierarchy: u32,
    /// Whether it is switched on: the kernel's command line can switch it off.
    pub enabled: bool,
}

/// Reads the text of `/proc/cgroups`, in its order. Lines that are not of its form are passed over.
pub fn parse_controllers(text: &[u8]) -> Vec<Controller> {
    text.split(|&byte| byte == b'\n').filter_map(controller).collect()
}

fn controller(line: &[u8]) -> Option<Controller> {
    let line = str::from_utf8(line).ok()?;
    if line.starts_with('#') {
        return None;
    }
    let mut fields = line.split_ascii_whitespace();
    let name = fields.next()?.to_owned();
    let hierarchy = fields.next()?.parse().ok()?;
    let _cgroups: u64 = fields.next()?.parse().ok()?;
    let enabled = match fields.next()? {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    Some(Controller { name, hierarchy, enabled })
}

/// The controllers of the running kernel, in the order of `/proc/cgroups`.
///
/// # Errors
/// When the file cannot be read; it is missing from kernels without cgroups.
pub fn controllers() -> io::Result<Vec<Controller>> {
    Ok(parse_controllers(&read(Path::new("/proc/cgroups"))?))
}

/// The controllers that a cgroup of version 2 has (`cgroup.controllers`).
///
/// # Errors
/// When the file cannot be read; it is missing where the directory is no cgroup of version 2.
pub fn unified_controllers(dir: &Path) -> io::Result<Vec<String>> {
    let text = read(&dir.join("cgroup.controllers"))?;
    Ok(String::from_utf8_lossy(&text).split_ascii_whitespace().map(str::to_owned).collect())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(LIMIT).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{
        CGROUP, CGROUP2, Controller, Layout, Membership, ROOT, controllers, judge, layout, memberships, own,
        parse_controllers, unified_controllers,
    };
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    const TMPFS: u64 = 0x0102_1994;
    const SYSFS: u64 = 0x6265_6572;

    #[test]
    fn layouts() {
        type Directories = &'static [(&'static str, u64)];
        let table: &[(u64, Directories, Layout)] = &[
            (CGROUP2, &[], Layout::Unified),
            (TMPFS, &[("cpu", CGROUP), ("systemd", CGROUP), ("unified", CGROUP2)], Layout::Hybrid),
            (TMPFS, &[("unified", CGROUP2), ("cpu", CGROUP)], Layout::Hybrid),
            (TMPFS, &[("cpu", CGROUP), ("systemd", CGROUP2)], Layout::Hybrid),
            (TMPFS, &[("cpu", CGROUP), ("systemd", CGROUP)], Layout::Legacy),
            (TMPFS, &[("cpu", CGROUP), ("unified", TMPFS)], Layout::Legacy),
            (TMPFS, &[("cpu", CGROUP), ("elsewhere", CGROUP2)], Layout::Legacy),
            (CGROUP, &[], Layout::Legacy),
            (TMPFS, &[("cpu", TMPFS)], Layout::Absent),
            (SYSFS, &[], Layout::Absent),
        ];
        for (own, below, expected) in table {
            let below = below.iter().map(|(name, magic)| (OsStr::new(*name), *magic));
            assert_eq!(judge(*own, below.clone()), *expected, "{own:x} {:?}", below.collect::<Vec<_>>());
        }
    }

    #[test]
    fn this_machine_has_the_layout_that_its_mounts_say() {
        let mounts = crate::mountinfo::read().unwrap();
        let mounted = |path: &str| {
            let last = mounts.iter().rfind(|mount| mount.mount_point == Path::new(path));
            last.map(|mount| mount.fs_type.as_str())
        };
        let in_it = |fs_type: &str| {
            mounts
                .iter()
                .any(|mount| mount.mount_point.parent() == Some(Path::new(ROOT)) && mount.fs_type == fs_type)
        };
        let expected = match (mounted(ROOT), mounted("/sys/fs/cgroup/unified")) {
            (Some("cgroup2"), _) => Layout::Unified,
            (_, Some("cgroup2")) => Layout::Hybrid,
            _ if in_it("cgroup") => Layout::Legacy,
            _ => Layout::Absent,
        };
        assert_eq!(layout(Path::new(ROOT)).unwrap(), expected);
        assert_eq!(layout(Path::new("/does/not/exist")).unwrap(), Layout::Absent);
        assert_eq!(layout(Path::new("/proc/self/fdinfo")).unwrap(), Layout::Absent);
        assert!(layout(Path::new("/etc/passwd")).is_err());
    }

    #[test]
    fn memberships_of_every_kind() {
        let text = b"9:name=systemd:/user.slice/a:b\n\
            8:cpu,cpuacct:/x y\n\
            0::/init.scope\n\
            3:pids:/\xff\n\
            no line\n\
            x:cpu:/\n\
            4:cpu:relative\n\
            5:cpu\n\
            -1:cpu:/\n\
            99999999999:cpu:/\n";
        let member = |hierarchy, controllers: &[&str], path: &[u8]| Membership {
            hierarchy,
            controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
            path: PathBuf::from(OsStr::from_bytes(path)),
        };
        assert_eq!(
            memberships(text),
            [
                member(9, &["name=systemd"], b"/user.slice/a:b"),
                member(8, &["cpu", "cpuacct"], b"/x y"),
                member(0, &[], b"/init.scope"),
                member(3, &["pids"], b"/\xff"),
            ]
        );
        assert_eq!(memberships(b""), []);
    }

    #[test]
    fn controllers_keep_their_order() {
        let text = b"#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
            memory\t4\t36\t1\n\
            cpuset\t0\t1\t0\n\
            cpu\t1\t1\n\
            io\tx\t1\t1\n\
            pids\t1\t1\t2\n\
            \xff\t1\t1\t1\n";
        let expected = [
            Controller { name: "memory".to_owned(), hierarchy: 4, enabled: true },
            Controller { name: "cpuset".to_owned(), hierarchy: 0, enabled: false },
        ];
        assert_eq!(parse_controllers(text), expected);
    }

    #[test]
    fn this_process_is_in_hierarchies_of_this_kernel() {
        let controllers = controllers().unwrap();
        let own = own().unwrap();
        assert!(!own.is_empty());
        for membership in &own {
            for name in membership.controllers.iter().filter(|name| !name.starts_with("name=")) {
                let controller = controllers.iter().find(|controller| controller.name == *name).unwrap();
                assert_eq!(controller.hierarchy, membership.hierarchy, "{name}");
            }
        }
    }

    #[test]
    fn unified_controllers_are_words() {
        let dir = tempfile::tempdir().unwrap();
        assert!(unified_controllers(dir.path()).is_err());
        let file = dir.path().join("cgroup.controllers");
        for (text, expected) in [("\n", &[][..]), ("cpuset cpu io\n", &["cpuset", "cpu", "io"])] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(unified_controllers(dir.path()).unwrap(), expected);
        }
    }
}
