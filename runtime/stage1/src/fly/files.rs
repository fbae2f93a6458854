//! Files that are written into the app's image, and into the stage1 image.

use crate::failure::{Failure, at};
use crate::root_file::write;
use pod::layout;
use pod::protocol::{DnsConfMode, HostsMode, ResolvMode};
use pod::root::Root;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

pub(super) const RESOLV_CONF: &str = "/etc/resolv.conf";
pub(super) const HOSTS: &str = "/etc/hosts";

/// Largest resolver configuration that is copied, in bytes.
const RESOLV_LIMIT: u64 = 1 << 20;

/// What an app without a hosts file gets.
const DEFAULT_HOSTS: &[u8] = b"127.0.0.1 localhost localdomain\n";

/// Files of `/etc`; to be called before anything is mounted over it.
pub(super) fn write_etc(pod_dir: &Path, root: &Root, dns: DnsConfMode) -> Result<(), Failure> {
    if dns.resolv == ResolvMode::Stage0 {
        let source = pod_dir.join(layout::STAGE1_ROOTFS).join(layout::RKT_RESOLV_CONF);
        let length = fs::metadata(&source).map_err(at("look at", &source))?.len();
        if length > RESOLV_LIMIT {
            return Err(Failure::new(format!("{} is larger than {RESOLV_LIMIT} bytes", source.display())));
        }
        let content = fs::read(&source).map_err(at("read", &source))?;
        write(root, Path::new(RESOLV_CONF), &content)?;
    }
    if dns.hosts == HostsMode::Default
        && let Err(error) = root.lstat(HOSTS)
        && error.kind() == ErrorKind::NotFound
        && root.stat("/etc").is_ok()
    {
        // An app without any `/etc` does not miss it; on a full or read-only disk it does without.
        let _ = write(root, Path::new(HOSTS), DEFAULT_HOSTS);
    }
    Ok(())
}
