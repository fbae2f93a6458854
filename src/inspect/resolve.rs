//! Paths inside an image's root, through its symlinks, as the host's kernel would follow them from outside.

use std::collections::HashMap;

use appc::archive::{EntryKind, ROOTFS};

use super::{Contents, Item};

/// Where a path of the root leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// To this entry, hard links followed.
    Entry(&'a Item),
    /// To a directory that has no entry of its own.
    Directory,
    /// Nowhere.
    Absent,
    /// Out of the root, by this symlink: the host's kernel takes an absolute target from the host's root.
    Outside(&'a Item),
    /// Round in a circle.
    Loop,
}

/// The entries of an image by path.
pub(super) struct Resolver<'a> {
    items: HashMap<&'a [u8], &'a Item>,
    /// Directories that have something in them.
    parents: HashMap<&'a [u8], usize>,
}

/// As many symlinks as the kernel follows.
const MOST_LINKS: usize = 40;

impl<'a> Resolver<'a> {
    pub(super) fn new(contents: &'a Contents) -> Self {
        let mut parents = HashMap::new();
        for item in &contents.items {
            let path = item.entry.path.as_slice();
            let mut end = path.len();
            while let Some(slash) = path[..end].iter().rposition(|b| *b == b'/') {
                end = slash;
                *parents.entry(&path[..end]).or_default() += 1;
            }
        }
        let items = contents.items.iter().map(|item| (item.entry.path.as_slice(), item)).collect();
        Self { items, parents }
    }

    /// How many entries lie below an archive path.
    pub(super) fn below(&self, path: &[u8]) -> usize {
        self.parents.get(path).copied().unwrap_or(0)
    }

    /// What stands at an archive path itself.
    pub(super) fn at(&self, path: &[u8]) -> Found<'a> {
        match self.items.get(path) {
            Some(item) => Found::Entry(self.through_hardlinks(item)),
            None if self.parents.contains_key(path) => Found::Directory,
            None => Found::Absent,
        }
    }

    fn through_hardlinks(&self, item: &'a Item) -> &'a Item {
        let mut item = item;
        // a link leads to an earlier entry, so this ends
        while let EntryKind::Hardlink { target } = &item.entry.kind {
            match self.items.get(target.as_slice()) {
                Some(next) => item = next,
                None => break,
            }
        }
        item
    }

    /// Follows a path that begins at the image's root.
    pub(super) fn follow(&self, path: &[u8]) -> Found<'a> {
        let mut waiting: Vec<Vec<u8>> = components(path);
        let mut here = ROOTFS.as_bytes().to_vec();
        let mut found = self.at(&here);
        let mut links = 0;
        let mut last_link = None;
        while let Some(component) = waiting.pop() {
            if component == b".." {
                let Some(slash) = here.iter().rposition(|b| *b == b'/') else {
                    return last_link.map_or(Found::Absent, Found::Outside);
                };
                here.truncate(slash);
                found = self.at(&here);
                continue;
            }
            let parent = here.len();
            here.push(b'/');
            here.extend_from_slice(&component);
            found = self.at(&here);
            match found {
                Found::Entry(item) => {
                    if let EntryKind::Symlink { target } = &item.entry.kind {
                        links += 1;
                        if links > MOST_LINKS {
                            return Found::Loop;
                        }
                        if target.starts_with(b"/") {
                            return Found::Outside(item);
                        }
                        last_link = Some(item);
                        waiting.extend(components(target));
                        here.truncate(parent);
                        found = self.at(&here);
                    } else if item.entry.kind != EntryKind::Directory && !waiting.is_empty() {
                        return Found::Absent;
                    }
                }
                Found::Directory => {}
                _ => return Found::Absent,
            }
        }
        found
    }
}

/// The components of a path, the first one last.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let real = path.split(|b| *b == b'/').filter(|c| !c.is_empty() && *c != b".");
    real.rev().map(<[u8]>::to_vec).collect()
}
