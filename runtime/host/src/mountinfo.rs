//! The kernel's list of mounts, `/proc/PID/mountinfo`.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Number of the mount.
    pub id: u64,
    /// Number of the mount that it is mounted on.
    pub parent: u64,
    /// Device number, major and minor.
    pub device: (u32, u32),
    /// Which part of the file system is mounted.
    pub root: PathBuf,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Number of the peer group that it shares mounts with.
    pub shared: Option<u64>,
    /// Number of the peer group that it receives mounts from.
    pub master: Option<u64>,
    /// Type of the file system.
    pub fs_type: String,
    /// What is mounted, as the file system says it.
    pub source: PathBuf,
    /// Whether the mount (not its file system) is read-only.
    pub read_only: bool,
    /// Options of the file system, separated by commas, as the kernel writes them.
    pub options: Vec<u8>,
}

/// Reads the text of a list of mounts. Lines that are no mounts are passed over: the kernel may learn
/// to say more.
pub fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|&byte| byte == b'\n').filter_map(parse_line).collect()
}

/// The mounts of this process.
///
/// # Errors
/// When `/proc` is not mounted or cannot be read.
pub fn read() -> io::Result<Vec<Mount>> {
    read_from(Path::new("/proc/self/mountinfo"))
}

/// The mounts of another process; paths are as that process sees them.
///
/// # Errors
/// When it is gone, or may not be looked at.
pub fn read_of(pid: u32) -> io::Result<Vec<Mount>> {
    read_from(Path::new(&format!("/proc/{pid}/mountinfo")))
}

fn read_from(path: &Path) -> io::Result<Vec<Mount>> {
    // The kernel does not tell the length; this holds the list of most machines.
    let mut text = Vec::with_capacity(16 << 10);
    File::open(path)?.read_to_end(&mut text)?;
    Ok(parse(&text))
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = number(fields.next()?)?;
    let parent = number(fields.next()?)?;
    let (major, minor) = str::from_utf8(fields.next()?).ok()?.split_once(':')?;
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let root = unescape(fields.next()?);
    let mount_point = unescape(fields.next()?);
    let read_only = fields.next()?.split(|&byte| byte == b',').any(|option| option == b"ro");
    let (mut shared, mut master) = (None, None);
    loop {
        let field = fields.next()?;
        if field == b"-" {
            break;
        }
        if let Some(group) = field.strip_prefix(b"shared:") {
            shared = number(group);
        } else if let Some(group) = field.strip_prefix(b"master:") {
            master = number(group);
        }
    }
    let fs_type = String::from_utf8_lossy(fields.next()?).into_owned();
    let source = unescape(fields.next()?);
    let options = fields.next().unwrap_or_default().to_vec();
    Some(Mount { id, parent, device, root, mount_point, shared, master, fs_type, source, read_only, options })
}

fn number(field: &[u8]) -> Option<u64> {
    str::from_utf8(field).ok()?.parse().ok()
}

/// Undoes the kernel's `\040` for space, tab, newline, backslash and `#`.
fn unescape(field: &[u8]) -> PathBuf {
    if !field.contains(&b'\\') {
        return Path::new(OsStr::from_bytes(field)).to_path_buf();
    }
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'\\'
            && let [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = tail
        {
            plain.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
            rest = &tail[3..];
        } else {
            plain.push(first);
            rest = tail;
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(plain))
}

#[cfg(test)]
mod tests {
    use super::{parse, read};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    #[test]
    fn fields_optional_fields_and_escapes() {
        let text = b"22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
            30 22 0:5 /a\\040b /mnt/with\\040space\\134x\\011 ro,nosuid shared:7 master:3 propagate_from:2 unbindable - tmpfs none rw\n\
            31 22 0:6 / /mnt/\xff\xfe rw - proc proc rw\n\
            garbage\n\
            32 22 0:6 / /cut rw\n\
            33 22 0:6 / /odd\\9\\04 rw - proc  rw\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 4);
        assert_eq!((mounts[0].id, mounts[0].parent, mounts[0].device), (22, 1, (0, 21)));
        assert_eq!((mounts[0].shared, mounts[0].master, mounts[0].read_only), (Some(1), None, false));
        assert_eq!(mounts[1].root, Path::new("/a b"));
        assert_eq!(mounts[1].mount_point, Path::new("/mnt/with space\\x\t"));
        assert_eq!((mounts[1].shared, mounts[1].master, mounts[1].read_only), (Some(7), Some(3), true));
        assert_eq!(mounts[2].mount_point.as_os_str(), OsStr::from_bytes(b"/mnt/\xff\xfe"));
        assert_eq!((mounts[2].fs_type.as_str(), mounts[2].source.as_path()), ("proc", Path::new("proc")));
        assert_eq!(mounts[3].mount_point, Path::new("/odd\\9\\04"));
        assert_eq!((mounts[1].options.as_slice(), mounts[3].options.as_slice()), (&b"rw"[..], &b"rw"[..]));
    }

    #[test]
    fn this_machine_has_a_root() {
        let mounts = read().expect("/proc/self/mountinfo");
        assert!(mounts.iter().any(|mount| mount.mount_point == Path::new("/")));
    }
}
