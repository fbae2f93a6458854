//! What was typed: which options, with which values, before anything is decided.

use std::collections::BTreeMap;

use super::table::{self, Kind};

/// The options that mean something to `configure`. What each is called and takes is in [`table::OPTIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A standard installation directory, by its name in [`super::dirs::DEFAULTS`].
    Directory(&'static str),
    /// `--build`
    Build,
    /// `--host`
    Host,
    /// `--target`
    Target,
    /// `--srcdir`
    SourceDirectory,
    /// `--cache-dir`
    CacheDirectory,
    /// `--offline`
    Offline,
    /// `--program-prefix`
    ProgramPrefix,
    /// `--program-suffix`
    ProgramSuffix,
    /// `--program-transform-name`
    ProgramTransformName,
    /// `--enable-option-checking`
    OptionChecking,
    /// `--with-stage1-flavors`
    Flavors,
    /// `--with-stage1-flavors-version-override`
    FlavorsVersion,
    /// `--with-stage1-default-flavor`
    DefaultFlavor,
    /// `--with-stage1-default-name`
    DefaultName,
    /// `--with-stage1-default-version`
    DefaultVersion,
    /// `--with-stage1-default-location`
    DefaultLocation,
    /// `--with-stage1-default-images-directory`
    ImagesDirectory,
    /// `--with-stage1-systemd-src`
    SystemdSource,
    /// `--with-stage1-systemd-version`
    SystemdVersion,
    /// `--with-stage1-systemd-revision`
    SystemdRevision,
    /// `--with-stage1-kvm-hypervisors`
    KvmHypervisors,
    /// `--with-coreos-local-pxe-image-path`
    PxePath,
    /// `--with-coreos-local-pxe-image-systemd-version`
    PxeSystemdVersion,
    /// `--with-flavors-dir`
    FlavorsDirectory,
    /// `--with-stage1-target`
    Stage1Target,
    /// `--with-stage1-executable`
    Stage1Executable,
    /// `--with-rkt-executable`
    RktExecutable,
    /// `--enable-functional-tests`
    FunctionalTests,
    /// `--enable-incremental-build`
    IncrementalBuild,
    /// `--enable-tpm`
    Tpm,
    /// `--enable-sdjournal`
    Sdjournal,
    /// `--enable-insecure-go`
    InsecureGo,
    /// Accepted because generated configure scripts accept it; changes nothing here. By its name.
    Ignored(&'static str),
}

impl Key {
    /// The option as a user types it, without a value: `--with-stage1-flavors`.
    pub fn spelling(self) -> String {
        table::OPTIONS
            .iter()
            .find(|row| row.key == self)
            .map_or_else(|| format!("{self:?}"), table::Row::spelling)
    }
}

/// One option as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its value: `yes` and `no` for an option that was given without one.
    pub value: String,
    /// The words of the command line.
    pub typed: String,
}

/// A `--with-*` or `--enable-*` option that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The words of the command line.
    pub typed: String,
    /// The option that was perhaps meant.
    pub nearest: Option<String>,
}

/// The command line as typed, sorted by what it is about. Where an option is given twice, the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    given: BTreeMap<Key, Given>,
    /// `NAME=VALUE` words.
    pub variables: BTreeMap<String, String>,
    /// Options that exist for nobody but are only warned about, as autoconf has it.
    pub unknown: Vec<Unknown>,
    /// Options of older versions: as typed, and what to type today.
    pub old: Vec<(String, String)>,
}

impl Options {
    /// Notes an option.
    pub fn set(&mut self, key: Key, value: impl Into<String>, typed: impl Into<String>) {
        self.given.insert(key, Given { value: value.into(), typed: typed.into() });
    }

    /// The option as it was given.
    pub fn given(&self, key: Key) -> Option<&Given> {
        self.given.get(&key)
    }

    /// The value of an option that was given.
    pub fn value(&self, key: Key) -> Option<&str> {
        self.given.get(&key).map(|given| given.value.as_str())
    }

    /// Whether an option was given.
    pub fn has(&self, key: Key) -> bool {
        self.given.contains_key(&key)
    }

    /// Whether an option that is a plain switch is on.
    pub fn is_on(&self, key: Key) -> bool {
        self.value(key).is_some_and(|value| value != "no")
    }

    /// All options that were given.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Given)> {
        self.given.iter().map(|(key, given)| (*key, given))
    }

    /// Whether anything was given that decides how something is built, other than what a single run may change.
    pub fn configures(&self) -> bool {
        let single_run = [Key::Offline, Key::CacheDirectory, Key::SourceDirectory];
        self.given.keys().any(|key| !single_run.contains(key))
            || self
                .variables
                .keys()
                .any(|name| table::VARIABLES.iter().all(|row| row.name != name || row.kept))
            || !self.unknown.is_empty()
            || !self.old.is_empty()
    }
}

/// The value of an option without one, or of its negative.
pub fn bare_value(kind: Kind, negative: bool) -> Option<&'static str> {
    match kind {
        Kind::With | Kind::Enable | Kind::Flag => Some(if negative { "no" } else { "yes" }),
        Kind::Value => None,
    }
}
