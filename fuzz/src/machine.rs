//! What the kernel and programs of the machine say: a container around us may have put anything in their place.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use host::{cgroup, kernel, kvm, mountinfo, namespaces, nspawn, systemd};

/// Any bytes are each of these texts, with as many entries as lines at most.
pub fn run(data: &[u8]) {
    let lines = data.split(|&byte| byte == b'\n').count();
    let memberships = cgroup::memberships(data);
    assert!(memberships.len() <= lines);
    assert!(memberships.iter().all(|membership| membership.path.is_absolute()));
    for layout in [cgroup::Layout::Unified, cgroup::Layout::Hybrid] {
        systemd::cgroup_of(&memberships, layout);
    }
    assert!(cgroup::parse_controllers(data).len() <= lines);
    assert!(mountinfo::parse(data).len() <= lines);
    for option in nspawn::Abilities::parse(data).options() {
        assert!(!option.is_empty() && !option.contains(' '));
    }
    systemd::parse_version(data);
    namespaces::is_first(data);
    kvm::processor_helps(data);
    kernel::Config::parse(data);
    units(data);
}

fn units(data: &[u8]) {
    let cgroup = Path::new(OsStr::from_bytes(data));
    systemd::unit_of_cgroup(cgroup);
    systemd::owner_of_cgroup(cgroup);
    // What is taken for a slice has a place.
    let slice = systemd::slice_of_cgroup(cgroup);
    assert!(systemd::expand_slice(&slice).is_some(), "{slice}");
    if let Ok(text) = std::str::from_utf8(data) {
        systemd::unescape(text);
        assert_eq!(systemd::unescape(&systemd::escape(text)).as_deref(), Some(text));
    }
}
