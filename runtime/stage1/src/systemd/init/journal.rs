//! The pod's journal: whether it is kept, and who on the host may read it.

use super::write::Files;
use crate::failure::{Failure, at, warn};
use crate::systemd::nspawn::machine_id;
use pod::Uuid;
use pod::protocol::RunArgs;
use pod::root::Make;
use rustix::fs::XattrFlags;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

/// Where journald keeps it, when it is there.
const DIRECTORY: &str = "var/log/journal";
/// The group of those who may look at pods.
const GROUP: &str = "rkt";

/// What happens to the pod's journal.
#[derive(Debug)]
pub(super) struct Journal {
    /// Number of the group that may read it.
    group: Option<u32>,
    /// Whether it is kept on disk.
    pub(super) persistent: bool,
}

impl Journal {
    /// Kept where somebody could read it: members of the group, or the host's own journal.
    pub(super) fn of_host(args: &RunArgs, linked: bool) -> Journal {
        let group = fs::read("/etc/group").ok().and_then(|text| group_number(&text));
        if group.is_none() && args.debug {
            warn(
                "stage1: warning: error setting journal ACLs, you'll need root to read the pod journal: group \"rkt\" not found",
            );
        }
        Journal { group, persistent: linked || group.is_some() }
    }

    /// Makes the directory and lets the group read what will be in it.
    pub(super) fn prepare(&self, files: &Files<'_>) -> Result<(), Failure> {
        let Some(group) = self.group else { return Ok(()) };
        let path = Path::new(DIRECTORY);
        let place =
            files.root.ensure(path, Make::Directory, &[]).map_err(at("make", &files.root.outside(path)))?;
        let handle = format!("/proc/self/fd/{}", place.as_fd().as_raw_fd());
        let set = rustix::fs::setxattr(
            handle.as_str(),
            "system.posix_acl_default",
            &acl(group),
            XattrFlags::empty(),
        );
        if let Err(errno) = set {
            warn(format_args!(
                "stage1: warning: error setting journal ACLs, you'll need root to read the pod journal: {errno}"
            ));
        }
        Ok(())
    }
}

/// Where the host's journal has links to those of its containers.
pub(crate) const HOST_DIRECTORY: &str = "/var/log/journal";

/// Shows the pod's journal among those of the host, if the host keeps any.
///
/// # Errors
/// When the directory of the pod's journal cannot be made. That the host has no link is only told.
pub(super) fn link(files: &Files<'_>, rootfs: &Path, uuid: Uuid) -> Result<(), Failure> {
    let host = Path::new(HOST_DIRECTORY);
    if !host.is_dir() {
        return Ok(());
    }
    let id = machine_id(uuid);
    let path = Path::new(DIRECTORY).join(&id);
    files.directory(&path, 0o755)?;
    match std::os::unix::fs::symlink(rootfs.join(path), host.join(&id)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            warn(format_args!(
                "stage1: warning: the host's journal does not show the pod's: {}: {error}",
                host.join(id).display()
            ));
        }
        _ => {}
    }
    Ok(())
}

/// The number of the group in the text of `/etc/group`.
fn group_number(text: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().find(|line| line.split(':').next() == Some(GROUP))?;
    line.split(':').nth(2)?.parse().ok()
}

/// A default access list as the kernel stores it (`linux/posix_acl_xattr.h`): owner all, group and others reading, and the
/// named group reading.
fn acl(group: u32) -> Vec<u8> {
    const VERSION: u32 = 2;
    const UNDEFINED: u32 = u32::MAX;
    const READ: u16 = 4 | 1;
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 7, UNDEFINED),
        (0x04, READ, UNDEFINED),
        (0x08, READ, group),
        (0x10, READ, UNDEFINED),
        (0x20, READ, UNDEFINED),
    ];
    let mut bytes = VERSION.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{acl, group_number};

    #[test]
    fn the_group_and_its_list() {
        assert_eq!(group_number(b"root:x:0:\nrkt-admin:x:5:\nrkt:x:997:me\n"), Some(997));
        assert_eq!(group_number(b"rkt:x\nx"), None);
        assert_eq!(acl(997).len(), 4 + 5 * 8);
    }
}
