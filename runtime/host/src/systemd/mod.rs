//! systemd of the machine: whether it runs, which version it has, and where this process is in its tree.

pub mod assets;
pub mod tools;
mod units;
mod version;

pub use units::{
    escape, expand_slice, machine_scope, owner_of_cgroup, slice_of_cgroup, unescape, unit_of_cgroup,
};
pub use version::{VersionError, parse_version, version};

use crate::cgroup::{self, Layout, Membership};
use crate::job;
use std::io;
use std::path::Path;

/// The last version that starts, in containers too, where control groups of version 1 are mounted.
pub const LAST_FOR_LEGACY: u32 = 257;

/// Whether the machine was booted with systemd: `sd_booted(3)`.
pub fn is_booted() -> bool {
    std::fs::symlink_metadata("/run/systemd/system").is_ok_and(|data| data.is_dir())
}

/// Whether this process was started by a system service of a systemd that runs: it is in a unit that no
/// user owns, and leads a session.
///
/// A shell, or `su` in one, stays in the session of the user; what a service starts directly leads one.
///
/// # Errors
/// When the cgroups of this process cannot be read.
pub fn is_system_service() -> io::Result<bool> {
    if !is_booted() || job::own()?.session != std::process::id() {
        return Ok(false);
    }
    let layout = cgroup::layout(Path::new(cgroup::ROOT))?;
    match cgroup::own() {
        Ok(memberships) => Ok(cgroup_of(&memberships, layout).is_some_and(is_system_unit)),
        // A kernel without cgroups has no units either.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The cgroup in the hierarchy that systemd manages: that of version 2 where nothing else is mounted, though a kernel may
/// have others, which are then no business of systemd's here. Else the one with its name, or what comes closest.
pub fn cgroup_of(memberships: &[Membership], layout: Layout) -> Option<&Path> {
    let with = |wanted: &str| {
        memberships.iter().find(|membership| membership.controllers.iter().any(|name| name == wanted))
    };
    let unified = || memberships.iter().find(|membership| membership.hierarchy == 0);
    let found = match layout {
        Layout::Unified => unified(),
        _ => with("name=systemd").or_else(|| with("cpu")).or_else(unified),
    };
    found.map(|membership| membership.path.as_path())
}

fn is_system_unit(cgroup: &Path) -> bool {
    owner_of_cgroup(cgroup).is_none() && unit_of_cgroup(cgroup).is_some()
}

#[cfg(test)]
mod tests {
    use super::{cgroup_of, is_booted, is_system_service, is_system_unit};
    use crate::cgroup::{Layout, memberships};
    use std::path::Path;

    #[test]
    fn the_hierarchy_of_systemd() {
        let table: &[(Layout, &str, Option<&str>)] = &[
            (Layout::Hybrid, "3:cpu:/a\n1:name=systemd:/b\n0::/c\n", Some("/b")),
            (Layout::Unified, "3:cpu:/a\n1:name=systemd:/b\n0::/c\n", Some("/c")),
            (Layout::Legacy, "3:cpu:/a\n0::/c\n", Some("/a")),
            (Layout::Legacy, "3:memory:/a\n0::/c\n", Some("/c")),
            (Layout::Legacy, "3:memory:/a\n2:name=other:/b\n", None),
            (Layout::Unified, "3:cpu:/a\n", None),
            (Layout::Hybrid, "", None),
        ];
        for (layout, text, expected) in table {
            let memberships = memberships(text.as_bytes());
            assert_eq!(cgroup_of(&memberships, *layout), expected.map(Path::new), "{text}");
        }
    }

    #[test]
    fn system_units() {
        let table = [
            ("/system.slice/rkt-x.service", true),
            ("/system.slice/system-rkt.slice/rkt@1.service/payload", true),
            ("/machine.slice/machine-a.scope", true),
            ("/rkt.service", true),
            ("/init.scope", true),
            ("/user.slice/user-1000.slice/session-2.scope", false),
            ("/user.slice/user-0.slice/user@0.service/app.slice/x.service", false),
            ("/", false),
            ("/system.slice", false),
            ("/process_api/2601b3", false),
        ];
        for (cgroup, expected) in table {
            assert_eq!(is_system_unit(Path::new(cgroup)), expected, "{cgroup}");
        }
    }

    #[test]
    fn no_service_without_systemd() {
        assert!(is_booted() || !is_system_service().unwrap());
    }
}
