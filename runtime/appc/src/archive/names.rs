//! Which paths an archive has used: the rules that reader and writer share.

use std::collections::BTreeMap;

use super::{EntryKind, Limits, MANIFEST, ROOTFS, Refusal};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Only entries below it came so far: an archive may leave directories out.
    Implied,
    Directory,
    Symlink,
    Other,
}

#[derive(Debug)]
struct Node {
    seen: Seen,
    children: BTreeMap<Box<[u8]>, usize>,
}

/// The paths so far, as a tree: so that a look costs no more than the path is long.
#[derive(Debug)]
pub(super) struct Names {
    nodes: Vec<Node>,
    /// Bytes of all names.
    bytes: u64,
    /// Directories that were made for what is in them.
    implied: u64,
}

/// Cleans a path: leading `./`, doubled slashes and a slash at the end go. Empty if nothing but the top is left.
pub(super) fn normalize(raw: &[u8], limits: &Limits) -> Result<Vec<u8>, Refusal> {
    if raw.is_empty() || raw.contains(&0) {
        return Err(Refusal::BadPath);
    }
    if raw.len() > limits.path {
        return Err(Refusal::Limit { what: "bytes in a path", limit: limits.path as u64 });
    }
    if raw[0] == b'/' {
        return Err(Refusal::Absolute);
    }
    let mut path = Vec::with_capacity(raw.len());
    let mut depth = 0;
    for component in raw.split(|b| *b == b'/') {
        match component {
            b"" | b"." => continue,
            b".." => return Err(Refusal::DotDot),
            _ => {}
        }
        depth += 1;
        if depth > limits.depth {
            return Err(Refusal::Limit { what: "components in a path", limit: limits.depth as u64 });
        }
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(component);
    }
    Ok(path)
}

fn below_rootfs(path: &[u8]) -> bool {
    path.strip_prefix(ROOTFS.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'/'))
}

impl Names {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node { seen: Seen::Directory, children: BTreeMap::new() }], bytes: 0, implied: 0 }
    }

    /// Enters a path, which must be clean. The target of a hard link must be clean too.
    pub(super) fn add(&mut self, path: &[u8], kind: &EntryKind, limits: &Limits) -> Result<(), Refusal> {
        if path == ROOTFS.as_bytes() && *kind != EntryKind::Directory {
            return Err(Refusal::Rootfs(kind.describe()));
        }
        if path == MANIFEST.as_bytes() && !matches!(kind, EntryKind::File { .. }) {
            return Err(Refusal::ManifestKind(kind.describe()));
        }
        let seen = match kind {
            EntryKind::Directory => Seen::Directory,
            EntryKind::Symlink { .. } => Seen::Symlink,
            EntryKind::Hardlink { target } => self.link_target(path, target)?,
            _ => Seen::Other,
        };
        let node = self.place(path, limits)?;
        match (node.seen, seen) {
            (Seen::Implied, Seen::Directory) => node.seen = seen,
            (Seen::Implied, _) if node.children.is_empty() => node.seen = seen,
            (Seen::Implied, _) => return Err(Refusal::NotADirectory(kind.describe())),
            _ => return Err(Refusal::Duplicate),
        }
        Ok(())
    }

    /// What a hard link leads to.
    fn link_target(&self, path: &[u8], target: &[u8]) -> Result<Seen, Refusal> {
        if below_rootfs(path) && !below_rootfs(target) {
            return Err(Refusal::HardlinkOutside(target.to_vec()));
        }
        let mut node = &self.nodes[0];
        for component in target.split(|b| *b == b'/') {
            match node.children.get(component) {
                Some(index) => node = &self.nodes[*index],
                None => return Err(Refusal::HardlinkTarget(target.to_vec())),
            }
        }
        match node.seen {
            Seen::Implied | Seen::Directory => Err(Refusal::HardlinkToDirectory(target.to_vec())),
            seen => Ok(seen),
        }
    }

    /// The node of a path, made with its parents if need be.
    fn place(&mut self, path: &[u8], limits: &Limits) -> Result<&mut Node, Refusal> {
        let mut index = 0;
        let mut end = 0;
        for component in path.split(|b| *b == b'/') {
            match self.nodes[index].seen {
                Seen::Symlink => return Err(Refusal::ThroughSymlink(path[..end - 1].to_vec())),
                Seen::Other => return Err(Refusal::BelowNonDirectory(path[..end - 1].to_vec())),
                Seen::Implied | Seen::Directory => {}
            }
            end += component.len() + 1;
            index = if let Some(child) = self.nodes[index].children.get(component) {
                *child
            } else {
                self.bytes += component.len() as u64;
                if self.bytes > limits.names {
                    return Err(Refusal::Limit { what: "bytes of names", limit: limits.names });
                }
                let child = self.nodes.len();
                // One entry deep down makes a directory for each part of its path: as many of them as of entries.
                self.implied += u64::from(end <= path.len());
                if self.implied > limits.entries {
                    let what = "directories without an entry of their own";
                    return Err(Refusal::Limit { what, limit: limits.entries });
                }
                self.nodes.push(Node { seen: Seen::Implied, children: BTreeMap::new() });
                self.nodes[index].children.insert(component.into(), child);
                child
            };
        }
        Ok(&mut self.nodes[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_or_refused() {
        let limits = Limits { path: 20, depth: 3, ..Limits::default() };
        for (raw, want) in [
            ("rootfs", Ok("rootfs")),
            ("./rootfs/", Ok("rootfs")),
            (".//rootfs/./a//b", Ok("rootfs/a/b")),
            ("./", Ok("")),
            (".", Ok("")),
            ("...", Ok("...")),
            ("", Err(())),
            ("/rootfs", Err(())),
            ("rootfs/..", Err(())),
            ("../rootfs", Err(())),
            ("a\0b", Err(())),
            ("a/b/c/d", Err(())),
            ("aaaaaaaaaaaaaaaaaaaaa", Err(())),
        ] {
            let got = normalize(raw.as_bytes(), &limits).map_err(|_| ());
            assert_eq!(got, want.map(|path| path.as_bytes().to_vec()), "{raw:?}");
        }
    }

    /// Adds entries written as `path`, `path/`, `path -> target`, `path = target`; the error of the last, if any.
    fn add_all(entries: &[&str]) -> Option<Refusal> {
        let mut names = Names::new();
        let mut result = None;
        for (index, text) in entries.iter().enumerate() {
            let (path, kind) = if let Some((path, target)) = text.split_once(" -> ") {
                (path, EntryKind::Symlink { target: target.into() })
            } else if let Some((path, target)) = text.split_once(" = ") {
                (path, EntryKind::Hardlink { target: target.into() })
            } else if let Some(path) = text.strip_suffix('/') {
                (path, EntryKind::Directory)
            } else {
                (*text, EntryKind::File { size: 0 })
            };
            result = names.add(path.as_bytes(), &kind, &Limits::default()).err();
            assert!(result.is_none() || index + 1 == entries.len(), "{text}: {result:?}");
        }
        result
    }

    #[test]
    fn directories_that_no_entry_makes_are_limited_too() {
        let limits = Limits { entries: 3, ..Limits::default() };
        let file = EntryKind::File { size: 0 };
        let mut names = Names::new();
        assert!(names.add(b"rootfs/a/b/c", &file, &limits).is_ok());
        let refused = names.add(b"rootfs/d/e", &file, &limits);
        assert!(matches!(refused, Err(Refusal::Limit { limit: 3, .. })), "{refused:?}");
    }

    #[test]
    fn what_stands_where() {
        for good in [
            &["manifest", "rootfs/", "rootfs/a", "rootfs/b = rootfs/a"][..],
            &["rootfs/a/b", "rootfs/a/", "rootfs/"],
            &["rootfs/s -> a", "rootfs/t = rootfs/s"],
        ] {
            assert!(add_all(good).is_none(), "{good:?}");
        }
        for (bad, like) in [
            (&["a", "a"][..], "twice"),
            (&["a/", "a/"], "twice"),
            (&["rootfs/s -> /etc", "rootfs/s/passwd"], "symlink"),
            (&["rootfs/s -> /etc", "rootfs/t = rootfs/s", "rootfs/t/x/y"], "symlink"),
            (&["rootfs/a/b", "rootfs/a -> /etc"], "must be a directory"),
            (&["rootfs/a", "rootfs/a/b"], "not make a directory"),
            (&["rootfs -> /"], "`rootfs` must be a directory"),
            (&["manifest -> x"], "`manifest` must be a file"),
            (&["rootfs/a = rootfs/b"], "no earlier entry"),
            (&["rootfs/a = rootfs/a"], "no earlier entry"),
            (&["rootfs/d/", "rootfs/a = rootfs/d"], "directory"),
            (&["manifest", "rootfs/a = manifest"], "out of `rootfs`"),
        ] {
            let error = add_all(bad).map(|e| e.to_string()).unwrap_or_default();
            assert!(error.contains(like), "{bad:?}: {error}");
        }
    }
}
