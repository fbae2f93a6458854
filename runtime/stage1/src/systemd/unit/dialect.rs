//! Which directives a version of systemd understands.

use super::Unit;
use std::fmt;

/// The systemd that will read the units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Its version; 0 when it is not known, which counts as newest.
    version: u32,
}

impl Dialect {
    /// The dialect of a version; 0 for one that is not known.
    pub(crate) fn of(version: u32) -> Dialect {
        Dialect { version }
    }

    /// Whether it is this version or a later one.
    pub(crate) fn at_least(self, version: u32) -> bool {
        self.version == 0 || self.version >= version
    }

    /// Names of the directives that hide paths, make them read-only, and writable again.
    pub(crate) fn path_directives(self) -> [&'static str; 3] {
        if self.at_least(231) {
            ["InaccessiblePaths", "ReadOnlyPaths", "ReadWritePaths"]
        } else {
            ["InaccessibleDirectories", "ReadOnlyDirectories", "ReadWriteDirectories"]
        }
    }

    /// Whether paths of those directives are seen from the unit's own root: before 254 systemd set the
    /// mounts up in the root directory itself and found host paths there; since then it builds the root
    /// elsewhere, and drops paths that are not below it.
    pub(crate) fn paths_below_root(self) -> bool {
        self.at_least(254)
    }

    /// Directive of the memory limit. `MemoryMax=` holds on both kinds of control groups.
    pub(crate) fn memory_limit(self) -> &'static str {
        if self.at_least(231) { "MemoryMax" } else { "MemoryLimit" }
    }

    /// Whether `CPUShares=` still means something: 258 is the first without control groups of version 1.
    /// `CPUWeight=` is no substitute on those, because systemd rounds it to other shares.
    pub(crate) fn understands_cpu_shares(self) -> bool {
        !self.at_least(258)
    }

    /// Whether a unit that a waiting job wants is not stopped as unneeded: only then can a reaper start before its app.
    pub(crate) fn keeps_wanted_by_jobs(self) -> bool {
        self.at_least(240)
    }

    /// Lets a unit be started as often as somebody wants.
    pub(crate) fn no_start_limit(self, unit: &mut Unit) {
        if self.at_least(230) {
            unit.unit("StartLimitIntervalSec", "0");
        } else {
            unit.service("StartLimitInterval", "0");
        }
    }

    /// Whether it starts only where control groups are all of version 2.
    pub(crate) fn refuses_legacy_groups(self) -> bool {
        self.version > host::systemd::LAST_FOR_LEGACY
    }

    /// Whether the first process of a container takes settings as words of a kernel's command line and not as options.
    /// 262 passes over options; the words are as old as the oldest systemd that pods can have.
    pub(crate) fn takes_kernel_words_only(self) -> bool {
        self.version >= 258
    }

    /// Whether systemd takes an exit code for the container from `systemctl exit CODE`.
    pub(crate) fn exit_codes(self) -> bool {
        self.at_least(227)
    }

    /// Whether units can name files for their streams: `StandardInput=file:PATH`.
    pub(crate) fn stream_files(self) -> bool {
        self.at_least(236)
    }

    /// Whether units can get streams that a socket unit has opened: `StandardInput=fd`.
    pub(crate) fn stream_descriptors(self) -> bool {
        self.at_least(232)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Dialect;

    #[test]
    fn an_unknown_version_is_the_newest() {
        for (version, paths, memory, exit) in [
            (220, "ReadOnlyDirectories", "MemoryLimit", false),
            (230, "ReadOnlyDirectories", "MemoryLimit", true),
            (231, "ReadOnlyPaths", "MemoryMax", true),
            (252, "ReadOnlyPaths", "MemoryMax", true),
            (0, "ReadOnlyPaths", "MemoryMax", true),
        ] {
            let dialect = Dialect::of(version);
            assert_eq!(dialect.path_directives()[1], paths, "{version}");
            assert_eq!(dialect.memory_limit(), memory, "{version}");
            assert_eq!(dialect.exit_codes(), exit, "{version}");
        }
        assert!(Dialect::of(0).paths_below_root() && !Dialect::of(252).paths_below_root());
    }
}
