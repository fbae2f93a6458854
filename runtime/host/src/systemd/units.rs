//! Units, slices and cgroups: how systemd makes the names of one from the other.
//!
//! After `systemd.unit(5)`, `systemd.slice(5)`, `systemd-escape(1)` and systemd's `cgroup-util.c`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The longest name of a unit, in bytes.
const LONGEST: usize = 255;

/// What names of units end in.
const SUFFIXES: &[&str] = &[
    ".service",
    ".socket",
    ".target",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".timer",
    ".path",
    ".slice",
    ".scope",
];

/// The unit that the processes of a cgroup belong to: the first component that is no slice, if it is the
/// name of a unit.
pub fn unit_of_cgroup(cgroup: &Path) -> Option<String> {
    let unit = components(cgroup).find(|name| !is_slice(name))?;
    is_unit(unit).then(|| unit.to_owned())
}

/// The slice that a cgroup is in: the last of the slices that its path begins with; `-.slice` is the
/// root.
pub fn slice_of_cgroup(cgroup: &Path) -> String {
    components(cgroup).take_while(|name| is_slice(name)).last().unwrap_or("-.slice").to_owned()
}

/// The number of the user whose slice a cgroup is in (`sd_pid_get_owner_uid(3)`).
pub fn owner_of_cgroup(cgroup: &Path) -> Option<u32> {
    let slice = slice_of_cgroup(cgroup);
    let number = slice.strip_prefix("user-")?.strip_suffix(".slice")?;
    // `parse` would take a sign.
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
}

/// The cgroup of a slice, without leading slash: `a.slice/a-b.slice` for `a-b.slice`, nothing for the
/// root `-.slice`. `None` for what is no slice.
pub fn expand_slice(slice: &str) -> Option<PathBuf> {
    if !is_slice(slice) {
        return None;
    }
    let name = slice.strip_suffix(".slice")?;
    let mut path = PathBuf::new();
    if name == "-" {
        return Some(path);
    }
    for (dash, _) in name.match_indices('-') {
        path.push(format!("{}.slice", &name[..dash]));
    }
    path.push(slice);
    Some(path)
}

/// A text as a part of a unit's name: `a\x2db` for `a-b`, `a-b` for `a/b`.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'/' => escaped.push('-'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' => escaped.push(byte.into()),
            b'.' if at > 0 => escaped.push('.'),
            // Writing to a string does not fail.
            _ => drop(write!(escaped, "\\x{byte:02x}")),
        }
    }
    escaped
}

/// Undoes [`escape`]; `None` for what it never makes, or when the result is not UTF-8.
pub fn unescape(text: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'-' => plain.push(b'/'),
            b'\\' => {
                let digits = tail.strip_prefix(b"x")?.get(..2)?;
                let digits = str::from_utf8(digits).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                plain.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &tail[3..];
            }
            _ => plain.push(first),
        }
    }
    String::from_utf8(plain).ok()
}

/// The scope that systemd-machined makes for a machine: `machine-rkt\x2d….scope` for `rkt-…`.
pub fn machine_scope(machine: &str) -> String {
    format!("machine-{}.scope", escape(machine))
}

/// The names of a cgroup's path, as far as they are text. systemd puts `_` before what the kernel keeps
/// for itself.
fn components(cgroup: &Path) -> impl Iterator<Item = &str> {
    let names = cgroup.iter().filter(|name| *name != "/").map(|name| name.to_str().unwrap_or_default());
    names.map(|name| name.strip_prefix('_').unwrap_or(name))
}

fn is_slice(name: &str) -> bool {
    let Some(prefix) = name.strip_suffix(".slice") else { return false };
    prefix == "-" || is_unit(name) && prefix.split('-').all(|part| !part.is_empty())
}

fn is_unit(name: &str) -> bool {
    let Some(prefix) = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)) else { return false };
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    !prefix.is_empty() && !prefix.starts_with('@') && name.len() <= LONGEST && name.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::{
        escape, expand_slice, machine_scope, owner_of_cgroup, slice_of_cgroup, unescape, unit_of_cgroup,
    };
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    #[test]
    fn cgroups_tell_slice_unit_and_owner() {
        let table: &[(&str, &str, Option<&str>, Option<u32>)] = &[
            ("/system.slice/rkt.service", "system.slice", Some("rkt.service"), None),
            ("/system.slice/system-a.slice/a@1.service/payload", "system-a.slice", Some("a@1.service"), None),
            (
                "/user.slice/user-1000.slice/session-2.scope",
                "user-1000.slice",
                Some("session-2.scope"),
                Some(1000),
            ),
            (
                "/user.slice/user-0.slice/user@0.service/x.slice/y.service",
                "user-0.slice",
                Some("user@0.service"),
                Some(0),
            ),
            ("/init.scope", "-.slice", Some("init.scope"), None),
            ("/system.slice/_cpu.service", "system.slice", Some("cpu.service"), None),
            ("/a.slice", "a.slice", None, None),
            ("/a/b.service", "-.slice", None, None),
            ("/user-x.slice/a.service", "user-x.slice", Some("a.service"), None),
            ("/user-+1.slice/a.service", "-.slice", None, None),
            ("/user-4294967296.slice/a.service", "user-4294967296.slice", Some("a.service"), None),
            ("/", "-.slice", None, None),
            ("", "-.slice", None, None),
            ("/@.service", "-.slice", None, None),
            ("/.service", "-.slice", None, None),
        ];
        for (cgroup, slice, unit, owner) in table {
            let cgroup = Path::new(cgroup);
            assert_eq!(slice_of_cgroup(cgroup), *slice, "{cgroup:?}");
            assert_eq!(unit_of_cgroup(cgroup).as_deref(), *unit, "{cgroup:?}");
            assert_eq!(owner_of_cgroup(cgroup), *owner, "{cgroup:?}");
        }
        assert_eq!(unit_of_cgroup(Path::new(OsStr::from_bytes(b"/\xff.service"))), None);
        assert_eq!(unit_of_cgroup(Path::new(&format!("/{}.service", "a".repeat(248)))), None);
    }

    #[test]
    fn slices_are_nested_by_their_dashes() {
        let table = [
            ("a-b.slice", Some("a.slice/a-b.slice")),
            ("a-b-c.slice", Some("a.slice/a-b.slice/a-b-c.slice")),
            ("machine.slice", Some("machine.slice")),
            ("a\\x2db.slice", Some("a\\x2db.slice")),
            ("-.slice", Some("")),
            ("-a.slice", None),
            ("a-.slice", None),
            ("a--b.slice", None),
            (".slice", None),
            ("a.service", None),
            ("a/b.slice", None),
            ("", None),
        ];
        for (slice, expected) in table {
            assert_eq!(expand_slice(slice).as_deref(), expected.map(Path::new), "{slice}");
        }
    }

    #[test]
    fn names_are_escaped_and_back() {
        let table = [
            ("a-b", "a\\x2db"),
            ("a/b", "a-b"),
            (".a.b", "\\x2ea.b"),
            ("a_b:c", "a_b:c"),
            ("a b\\", "a\\x20b\\x5c"),
            ("ä", "\\xc3\\xa4"),
            ("a@b", "a\\x40b"),
            ("", ""),
        ];
        for (plain, escaped) in table {
            assert_eq!(escape(plain), escaped);
            assert_eq!(unescape(escaped).as_deref(), Some(plain));
        }
        for bad in ["\\", "\\x", "\\x2", "\\xzz", "\\x+1", "\\n", "\\xff", "\\xä"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
        assert_eq!(machine_scope("rkt-0a1b-c"), "machine-rkt\\x2d0a1b\\x2dc.scope");
    }
}
