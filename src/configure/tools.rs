//! Data about tools: which packages have them, and which compilers have known security faults.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::failure::Problem;

/// A program, header or library that may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    what: String,
    why: String,
    debian: Option<String>,
    fedora: Option<String>,
    arch: Option<String>,
}

/// All that is known about packages.
#[derive(Debug, Clone)]
pub(crate) struct Tools(BTreeMap<String, Tool>);

impl Tools {
    /// Those that came with this version.
    pub(crate) fn builtin() -> Self {
        Self(toml::from_str(include_str!("data/tools.toml")).expect("a test reads this file"))
    }

    /// The problem that a tool is missing, with the packages that have it.
    pub(crate) fn missing(&self, name: &str) -> Problem {
        let Some(tool) = self.0.get(name) else {
            return Problem::new(format!("{name} is missing"));
        };
        let packages = [("Debian", &tool.debian), ("Fedora", &tool.fedora), ("Arch", &tool.arch)];
        let named: Vec<_> = packages
            .iter()
            .filter_map(|(system, package)| Some(format!("{system}: {}", (*package).as_ref()?)))
            .collect();
        Problem::new(format!("{} is missing; {}", tool.what, tool.why))
            .hint(format!("install it ({})", named.join(", ")))
    }
}

/// A compiler version, without what distributions and channels add to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32, u32, u32);

impl Version {
    /// Reads `1.95.0`, `1.97.0-nightly`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(['-', '+', ' ']).next()?;
        let mut parts = numbers.split('.').map(|part| part.parse().ok());
        let version = Self(parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
        parts.next().is_none().then_some(version)
    }
}

/// A security fault of some versions of the compiler.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advisory {
    /// Its public number.
    pub(super) id: String,
    since: String,
    /// The first version without it.
    pub(super) fixed: String,
    /// What it is, in one line.
    pub(super) what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisories {
    advisory: Vec<Advisory>,
}

/// The known faults of a version.
pub(super) fn advisories(version: Version) -> Vec<Advisory> {
    let list: Advisories =
        toml::from_str(include_str!("data/advisories.toml")).expect("a test reads this file");
    let affected = |advisory: &Advisory| {
        let bounds = (Version::parse(&advisory.since), Version::parse(&advisory.fixed));
        matches!(bounds, (Some(since), Some(fixed)) if since <= version && version < fixed)
    };
    list.advisory.into_iter().filter(affected).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(Version::parse("1.95.0"), Some(Version(1, 95, 0)));
        assert_eq!(Version::parse("1.97.0-nightly"), Some(Version(1, 97, 0)));
        assert_eq!(Version::parse("1.5"), Some(Version(1, 5, 0)));
        for bad in ["", "1", "x.y.z", "1.2.3.4", "1..2", "99999999999.1.1"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn faults_by_version() {
        let ids = |version| {
            advisories(Version::parse(version).unwrap()).into_iter().map(|a| a.id).collect::<Vec<_>>()
        };
        assert_eq!(ids("1.29.0"), ["CVE-2018-1000810", "CVE-2021-29922", "CVE-2022-21658", "CVE-2023-38497"]);
        assert_eq!(ids("1.58.0"), ["CVE-2022-21658", "CVE-2023-38497"]);
        assert_eq!(ids("1.58.1"), ["CVE-2023-38497"]);
        assert!(ids("1.89.0").is_empty());
    }

    #[test]
    fn packages_are_named() {
        let problem = Tools::builtin().missing("static-libc");
        assert_eq!(
            problem.hint.as_deref(),
            Some("install it (Debian: libc6-dev, Fedora: glibc-static, Arch: glibc)")
        );
        assert!(
            Tools::builtin().missing("linker-i386").hint.unwrap().ends_with("(Debian: gcc-i686-linux-gnu)")
        );
    }
}
