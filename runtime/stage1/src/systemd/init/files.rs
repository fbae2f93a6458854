//! Files of the pod's own `/etc`: its name, its machine ID, who it knows.

use super::write::Files;
use crate::failure::{Failure, at};
use crate::systemd::nspawn::{machine, machine_id};
use host::bind::Tree;
use pod::layout;
use pod::protocol::{HostsMode, ResolvMode, RunArgs};
use pod::root::Make;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The hosts file of apps that have none, in every image.
const HOSTS_FALLBACK: &str = "etc/hosts-fallback";
/// Largest hosts file that is read, in bytes.
const HOSTS_LIMIT: u64 = 16 << 20;
/// The zone of local time: a link into the host's zones.
const LOCALTIME: &str = "/etc/localtime";

/// Writes what does not depend on the apps.
pub(super) fn write(files: &Files<'_>, args: &RunArgs, dir: &Path) -> Result<(), Failure> {
    let hostname = if args.hostname.is_empty() { machine(args.uuid) } else { args.hostname.clone() };
    check_hostname(&hostname)?;
    files.write("etc/hostname", hostname.as_bytes(), 0o644)?;
    files.write("etc/machine-id", format!("{}\n", machine_id(args.uuid)).as_bytes(), 0o644)?;
    local_time(files)?;
    if args.dns_conf_mode.resolv == ResolvMode::Host {
        bind(files, Path::new("/etc/resolv.conf"), layout::RKT_RESOLV_CONF)?;
    }
    match args.dns_conf_mode.hosts {
        HostsMode::Host => bind(files, Path::new("/etc/hosts"), layout::RKT_HOSTS),
        HostsMode::Default => add_host(files, dir, HOSTS_FALLBACK, &hostname),
        HostsMode::Stage0 => add_host(files, dir, layout::RKT_HOSTS, &hostname),
    }
}

/// As systemd takes it: from other names it silently leaves out what it does not like, such as an underscore.
fn check_hostname(name: &str) -> Result<(), Failure> {
    const LIMIT: usize = 64;
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if name.len() <= LIMIT && name.split('.').all(label) {
        return Ok(());
    }
    Err(Failure::new(format!("\"{name}\" is not a host name"))
        .hint(format!("use up to {LIMIT} letters, digits, dashes and dots: --hostname=NAME")))
}

/// nspawn makes a link like the host's, which leads nowhere unless the zone is in the pod.
fn local_time(files: &Files<'_>) -> Result<(), Failure> {
    let Ok(link) = fs::read_link(LOCALTIME) else { return Ok(()) };
    let zone: PathBuf = Path::new("/etc").join(link);
    match fs::read(&zone) {
        Ok(content) => files.write(&zone, &content, 0o644),
        // The host has no such zone either.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at("read", &zone)(error)),
    }
}

/// Shows a file of the host in the pod, for reading.
fn bind(files: &Files<'_>, source: &Path, target: &str) -> Result<(), Failure> {
    let outside = files.root.outside(Path::new(target));
    let view = Tree::copy(source, false).map_err(|error| {
        at("show the pod", source)(error)
            .hint("the host has no such file; leave out --dns=host or --hosts-entry=host")
    })?;
    view.read_only(false).map_err(at("make read-only the view of", source))?;
    let place = files.root.ensure(Path::new(target), Make::File(0o644), &[]).map_err(at("make", &outside))?;
    view.attach(place).map_err(at("mount on", &outside))
}

/// Adds the pod's name to the line of the loopback address.
fn add_host(files: &Files<'_>, dir: &Path, file: &str, hostname: &str) -> Result<(), Failure> {
    let place = dir.join(layout::STAGE1_ROOTFS).join(file);
    let text = files.root.read(file, HOSTS_LIMIT).map_err(at("read", &place))?.ok_or_else(|| {
        Failure::new(format!("{} is missing", place.display()))
            .hint("every stage1 image of this engine has etc/hosts-fallback: rkt-build lint checks images")
    })?;
    files.write(file, with_host(&text, "127.0.0.1", hostname).as_bytes(), 0o644)
}

/// A hosts file with one more name for an address: on the first line of the address, else on a line of its own.
fn with_host(text: &[u8], address: &str, name: &str) -> String {
    let text = String::from_utf8_lossy(text);
    let mut added = false;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        if !added && line.split_ascii_whitespace().next() == Some(address) {
            added = true;
            lines.push(format!("{} {name}", line.trim_end()));
        } else {
            lines.push(line.to_owned());
        }
    }
    if !added {
        lines.push(format!("{address}\t{name}"));
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{check_hostname, with_host};

    #[test]
    fn names_are_added_to_their_address() {
        assert_eq!(
            with_host(b"# x\n127.0.0.1 a b\n127.0.0.1 c\n", "127.0.0.1", "me"),
            "# x\n127.0.0.1 a b me\n127.0.0.1 c\n"
        );
        assert_eq!(with_host(b"::1 x\n", "127.0.0.1", "me"), "::1 x\n127.0.0.1\tme\n");
        assert_eq!(with_host(b"", "127.0.0.1", "me"), "127.0.0.1\tme\n");
    }

    #[test]
    fn host_names() {
        for (name, good) in [
            ("a", true),
            ("a.b-c.d", true),
            ("", false),
            ("-a", false),
            ("a b", false),
            ("a..b", false),
            ("a_b", false),
            (&*"a".repeat(65), false),
        ] {
            assert_eq!(check_hostname(name).is_ok(), good, "{name}");
        }
    }
}
