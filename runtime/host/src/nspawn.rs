//! `systemd-nspawn` of the machine: what it can do.

use crate::program;
use std::collections::BTreeSet;
use std::path::Path;

/// The program's name, to be found in `PATH`.
pub const PROGRAM: &str = "systemd-nspawn";

/// The oldest version that pods can be started with.
pub const OLDEST: u32 = 220;

/// Help is indented more than this where it explains an option, and less where it names one.
const INDENTATION: usize = 8;

/// The options that a `systemd-nspawn` has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Abilities {
    options: BTreeSet<String>,
}

/// Options with which pods are started, and the version of systemd that brought each (its NEWS).
const SINCE: &[(&str, u32)] = &[
    ("register", 209),
    ("keep-unit", 209),
    ("notify-ready", 231),
    ("system-call-filter", 235),
    ("console", 242),
];

impl Abilities {
    /// Those of a version, as far as pods are started with them: to ask would take as long as to start.
    pub fn of_version(version: u32) -> Abilities {
        let options = SINCE.iter().filter(|(_, since)| version >= *since);
        Abilities { options: options.map(|(option, _)| (*option).to_owned()).collect() }
    }

    /// Reads the text of `systemd-nspawn --help`.
    pub fn parse(help: &[u8]) -> Abilities {
        let help = String::from_utf8_lossy(help);
        Abilities { options: help.lines().filter_map(option).map(str::to_owned).collect() }
    }

    /// Asks a `systemd-nspawn`.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn of(program: &Path) -> Result<Abilities, program::Error> {
        Ok(Abilities::parse(&program::ask(program, "--help")?))
    }

    /// Whether it has this option; the name is without dashes: `notify-ready`.
    pub fn has(&self, option: &str) -> bool {
        self.options.contains(option)
    }

    /// All options, without dashes, sorted.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(String::as_str)
    }
}

/// The long option that a line of the help names: `  -D --directory=PATH   Root directory`.
fn option(line: &str) -> Option<&str> {
    let words = line.trim_start_matches(' ');
    if line.len() - words.len() > INDENTATION {
        return None;
    }
    let mut words = words.split_ascii_whitespace();
    let mut word = words.next()?;
    if word.len() == 2 && word.starts_with('-') {
        word = words.next()?;
    }
    let name = word.strip_prefix("--")?;
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(name.len());
    (end > 0).then(|| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::{Abilities, PROGRAM};
    use crate::program;

    #[test]
    fn a_version_has_what_its_help_says() {
        let nspawn = program::find(PROGRAM).expect("tests/setup installs systemd-container");
        let (asked, version) = (Abilities::of(&nspawn).unwrap(), crate::systemd::version(&nspawn).unwrap());
        let known = Abilities::of_version(version);
        for (option, since) in super::SINCE {
            assert_eq!(known.has(option), asked.has(option), "--{option} since {since}, here {version}");
        }
        assert!(
            !Abilities::of_version(230).has("notify-ready") && Abilities::of_version(231).has("notify-ready")
        );
    }

    #[test]
    fn options_are_named_at_the_start_of_lines() {
        let help = b"systemd-nspawn [OPTIONS...] [PATH] [ARGUMENTS...]\n\n\
            Spawn a command or OS in a light-weight container.\n\n\
            \x20 -h --help                 Show this help\n\
            \x20    --version              Print version string\n\
            \x20    --volatile[=MODE]      Run the system in volatile mode\n\
            \x20    --notify-ready=BOOLEAN Receive notifications from the child init process\n\
            \x20    --private-users=UIDBASE[:NUIDS]\n\
            \x20                           Similar, see\n\
            \x20                           --not-an-option\n\
            \x20 -U                        Equivalent to --private-users=pick and\n\
            \x20                           --private-users-chown\n\
            \x20 -j                        Equivalent to --link-journal=try-guest\n\
            \x20 -P --pipe                 Equivalent to --console=pipe\n\
            \x20    --   nothing\n\
            \x20    --settings=\xff\n";
        let abilities = Abilities::parse(help);
        let expected = ["help", "notify-ready", "pipe", "private-users", "settings", "version", "volatile"];
        assert_eq!(abilities.options().collect::<Vec<_>>(), expected);
        assert!(abilities.has("notify-ready") && !abilities.has("link-journal") && !abilities.has(""));
        assert_eq!(Abilities::parse(b""), Abilities::default());
    }

    #[test]
    fn the_program_of_this_machine_knows_what_every_version_knows() {
        let program = program::find(PROGRAM).expect("systemd-nspawn, which tests/setup installs");
        let abilities = Abilities::of(&program).unwrap();
        for option in ["boot", "directory", "keep-unit", "link-journal", "machine", "register", "uuid"] {
            assert!(abilities.has(option), "{option}");
        }
        assert!(!abilities.has("share-system"));
    }
}
