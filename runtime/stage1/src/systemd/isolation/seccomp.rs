//! Which system calls an app may make.

use super::list;
use crate::failure::Failure;
use crate::systemd::unit::dialect::Dialect;
use appc::{IsolatorValue, Seccomp};

const DOCKER_WHITELIST: &str = include_str!("data/docker-whitelist.txt");
const DOCKER_BLACKLIST: &str = include_str!("data/docker-blacklist.txt");
const NEWER_WHITELIST: &str = include_str!("data/newer-whitelist.txt");
const ARM_WHITELIST: &str = include_str!("data/arm-whitelist.txt");
const CALLS: &str = include_str!("data/system-calls.txt");
const ERRORS: &str = include_str!("data/errors.txt");

/// Groups that systemd itself knows.
const SYSTEMD_GROUPS: [&str; 8] =
    ["clock", "default-whitelist", "mount", "network-io", "obsolete", "privileged", "process", "raw-io"];
/// What `@systemd/default-whitelist` stands for.
const SYSTEMD_DEFAULT: &[&str] =
    &["@clock", "@default", "@mount", "@network-io", "@obsolete", "@privileged", "@process", "@raw-io"];

/// A filter of system calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Whether only these calls are allowed; else they are the ones that are refused.
    pub(crate) retain: bool,
    /// Calls, and groups of systemd that begin with `@`.
    pub(crate) calls: Vec<String>,
    /// Error of a refused call; without it the app is ended.
    pub(crate) errno: Option<String>,
}

/// The filter of an app, `None` when it has none, and what of its sets is not understood, in words.
///
/// # Errors
/// When there are several filters, or one that this systemd does not know, or an error that no kernel has.
pub(crate) fn filter(
    isolators: &[IsolatorValue],
    arch: &str,
    dialect: Dialect,
) -> Result<(Option<Filter>, Vec<String>), Failure> {
    let mut given: Option<(bool, &Seccomp)> = None;
    for isolator in isolators {
        let found = match isolator {
            IsolatorValue::SeccompRetain(seccomp) => (true, seccomp),
            IsolatorValue::SeccompRemove(seccomp) => (false, seccomp),
            _ => continue,
        };
        if given.replace(found).is_some() {
            return Err(Failure::new("too many seccomp isolators specified").hint("leave one of them"));
        }
    }
    let default = || Filter { retain: true, calls: whitelist(arch), errno: None };
    let Some((retain, seccomp)) = given else { return Ok((Some(default()), Vec::new())) };
    if let Some(errno) = seccomp.errno.as_deref().filter(|errno| !list(ERRORS).any(|known| known == *errno)) {
        return Err(Failure::new(format!("there is no error {errno} for a seccomp filter to answer with"))
            .hint("names are written as errno(3) does: EPERM"));
    }
    let (mut calls, mut unknown) = (Vec::new(), Vec::new());
    for item in &seccomp.set {
        match item.as_str() {
            "@appc.io/all" if retain => return Ok((None, notes(&unknown))),
            "@appc.io/empty" if !retain => return Ok((Some(default()), notes(&unknown))),
            // Nothing refused of all, or nothing allowed of nothing: as the original has it, no filter.
            "@appc.io/all" | "@appc.io/empty" => return Ok((None, notes(&unknown))),
            "@docker/default-whitelist" | "@rkt/default-whitelist" => calls.extend(whitelist(arch)),
            "@docker/default-blacklist" | "@rkt/default-blacklist" => {
                calls.extend(list(DOCKER_BLACKLIST).map(str::to_owned));
            }
            group if group.starts_with("@systemd/") => {
                let name = &group["@systemd/".len()..];
                if !SYSTEMD_GROUPS.contains(&name) {
                    unknown.push(item.clone());
                } else if !dialect.at_least(231) {
                    return Err(Failure::new(format!("seccomp group {group} needs systemd 231 or newer"))
                        .hint("list the system calls by name, or use @rkt/default-whitelist"));
                } else if name == "default-whitelist" {
                    calls.extend(SYSTEMD_DEFAULT.iter().map(|&name| name.to_owned()));
                } else {
                    calls.push(format!("@{name}"));
                }
            }
            group if group.starts_with('@') => unknown.push(item.clone()),
            _ if !is_name(item) => {
                return Err(Failure::new(format!("\"{item}\" is not the name of a system call"))
                    .hint("names have lower-case letters, digits and underscores"));
            }
            _ => {
                if !list(CALLS).any(|known| known == item) {
                    unknown.push(item.clone());
                }
                calls.push(item.clone());
            }
        }
    }
    if calls.is_empty() {
        return Ok((None, notes(&unknown)));
    }
    Ok((Some(Filter { retain, calls, errno: seccomp.errno.clone() }), notes(&unknown)))
}

/// What is not understood, in words. Systemd, too, leaves out calls that it does not know.
fn notes(unknown: &[String]) -> Vec<String> {
    let (groups, calls): (Vec<&str>, Vec<&str>) =
        unknown.iter().map(String::as_str).partition(|name| name.starts_with('@'));
    let note = |what: &str, names: &[&str]| {
        (!names.is_empty())
            .then(|| format!("seccomp {what} that nobody knows are ignored: {}", names.join(", ")))
    };
    [note("groups", &groups), note("system calls", &calls)].into_iter().flatten().collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn whitelist(arch: &str) -> Vec<String> {
    let more = if arch == "aarch64" || arch.starts_with("arm") { ARM_WHITELIST } else { "" };
    list(DOCKER_WHITELIST).chain(list(more)).chain(list(NEWER_WHITELIST)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{Filter, filter, list};
    use crate::systemd::unit::dialect::Dialect;
    use appc::{IsolatorValue, Seccomp};

    fn set(retain: bool, names: &str) -> IsolatorValue {
        let set = names.split_whitespace().map(str::to_owned).collect();
        let seccomp = Seccomp { set, errno: Some("ENOSYS".to_owned()) };
        if retain { IsolatorValue::SeccompRetain(seccomp) } else { IsolatorValue::SeccompRemove(seccomp) }
    }

    /// Mode and calls as one line; long sets as their length.
    fn made(isolators: &[IsolatorValue]) -> String {
        match filter(isolators, "amd64", Dialect::of(252)).expect("filter").0 {
            None => "none".to_owned(),
            Some(Filter { retain, calls, .. }) if calls.len() > 10 => format!("{retain} {}", calls.len()),
            Some(Filter { retain, calls, .. }) => format!("{retain} {}", calls.join(" ")),
        }
    }

    #[test]
    fn sets_and_groups() {
        for (retain, names, expected) in [
            (true, "read write", "true read write"),
            (false, "mount", "false mount"),
            (false, "@appc.io/empty", "true 357"),
            (false, "@appc.io/all read", "none"),
            (true, "read @appc.io/all", "none"),
            (true, "@appc.io/empty", "none"),
            (true, "@rkt/default-whitelist", "true 357"),
            (false, "@docker/default-blacklist", "false 50"),
            (true, "@systemd/clock @systemd/raw-io", "true @clock @raw-io"),
            (
                true,
                "@systemd/default-whitelist",
                "true @clock @default @mount @network-io @obsolete @privileged @process @raw-io",
            ),
        ] {
            assert_eq!(made(&[set(retain, names)]), expected, "{names}");
        }
        assert_eq!(made(&[]), "true 357");
        let arm = filter(&[], "aarch64", Dialect::of(252)).expect("filter").0.expect("default");
        assert_eq!(arm.calls.len(), 363);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let (made, notes) =
            filter(&[set(true, "@nobody/knows read @systemd/none raed")], "amd64", Dialect::of(252))
                .expect("filter");
        assert_eq!(
            notes,
            [
                "seccomp groups that nobody knows are ignored: @nobody/knows, @systemd/none",
                "seccomp system calls that nobody knows are ignored: raed"
            ]
        );
        assert_eq!(made.expect("one call").errno.as_deref(), Some("ENOSYS"));
        for (isolators, version) in [
            (vec![set(true, "read"), set(false, "write")], 252),
            (vec![set(true, "@systemd/clock")], 230),
            (vec![set(true, "read,write")], 252),
        ] {
            assert!(filter(&isolators, "amd64", Dialect::of(version)).is_err());
        }
        let odd = Seccomp { set: vec!["read".to_owned()], errno: Some("ENONE".to_owned()) };
        assert!(filter(&[IsolatorValue::SeccompRemove(odd)], "amd64", Dialect::of(252)).is_err());
    }

    #[test]
    fn the_lists_hold_names_of_calls() {
        for lines in
            [super::DOCKER_WHITELIST, super::NEWER_WHITELIST, super::ARM_WHITELIST, super::DOCKER_BLACKLIST]
        {
            for name in list(lines) {
                assert!(list(super::CALLS).any(|known| known == name), "{name}");
            }
        }
    }
}
