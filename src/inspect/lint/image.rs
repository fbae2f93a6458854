//! An image as the rules look at it.

use appc::ImageManifest;
use appc::archive::EntryKind;

use super::Faults;
use crate::inspect::report::text;
use crate::inspect::resolve::{Found, Resolver};
use crate::inspect::{Contents, Item};

const PREFIX: &str = "coreos.com/rkt/stage1/";
pub(super) const VERSION: &str = "interface-version";
/// The newest interface that any rkt knows.
pub(super) const NEWEST: u64 = 6;

/// An entry point of a stage1 image.
pub(super) struct EntryPoint {
    /// Its annotation behind the prefix.
    pub(super) name: &'static str,
    /// Without it, rkt fails so.
    pub(super) needed_for: Option<&'static str>,
    /// The interface that brought it.
    pub(super) since: u64,
}

const fn optional(name: &'static str) -> EntryPoint {
    EntryPoint { name, needed_for: None, since: 5 }
}

pub(super) const ENTRY_POINTS: &[EntryPoint] = &[
    EntryPoint { name: "run", needed_for: Some("no pod can be started"), since: 1 },
    EntryPoint { name: "enter", needed_for: Some("`rkt enter` and all app commands fail"), since: 1 },
    EntryPoint { name: "gc", needed_for: Some("`rkt gc` complains about each of its pods"), since: 1 },
    optional("stop"),
    optional("app/add"),
    optional("app/rm"),
    optional("app/start"),
    optional("app/stop"),
    optional("attach"),
];

/// What a rule looks at.
pub(super) struct Image<'a> {
    pub(super) contents: &'a Contents,
    pub(super) manifest: &'a ImageManifest,
    pub(super) resolver: Resolver<'a>,
}

impl<'a> Image<'a> {
    pub(super) fn new(contents: &'a Contents) -> Self {
        Self { contents, manifest: &contents.summary.manifest, resolver: Resolver::new(contents) }
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.manifest.annotation(&format!("{PREFIX}{name}"))
    }

    /// The interface that is declared, if it is one.
    pub(super) fn interface(&self) -> Option<u64> {
        let Some(text) = self.annotation(VERSION) else { return Some(1) };
        text.parse().ok().filter(|version| (1..=NEWEST).contains(version))
    }

    /// Names and paths of the entry points that are there.
    pub(super) fn entry_points(&self) -> impl Iterator<Item = (&'static str, &str)> {
        ENTRY_POINTS.iter().filter_map(|point| Some((point.name, self.annotation(point.name)?)))
    }

    /// Those that lead to a file, with it.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&'static str, &str, &Item)> {
        self.entry_points().filter_map(|(name, path)| match self.resolver.follow(path.as_bytes()) {
            Found::Entry(item) if is_file(item) => Some((name, path, item)),
            _ => None,
        })
    }

    pub(super) fn is_directory(&self, path: &str) -> bool {
        match self.resolver.follow(path.as_bytes()) {
            Found::Directory => true,
            Found::Entry(item) => item.entry.kind == EntryKind::Directory,
            _ => false,
        }
    }

    pub(super) fn each(&self, faults: &mut Faults, check: impl Fn(&Item) -> Option<String>) {
        let found =
            self.contents.items.iter().filter_map(|item| Some((text(&item.entry.path), check(item)?)));
        faults.extend(found);
    }
}

pub(super) fn is_file(item: &Item) -> bool {
    matches!(item.entry.kind, EntryKind::File { .. })
}

pub(super) fn annotation(name: &str) -> String {
    format!("annotation {PREFIX}{name}")
}
