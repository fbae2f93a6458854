//! The tree: a sorted map from image paths to entries.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use thiserror::Error;

use super::path::{ImagePath, Mode};
use crate::store::digest::Digest;

/// Most entries in one image; a real stage1 has a few hundred.
const MAX_ENTRIES: usize = 1_000_000;

/// The content of a file of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Held in memory: text from a flavor file, a file compiled into the program.
    Bytes(Cow<'static, [u8]>),
    /// A file of the build machine, named by its digest. It is read, and checked, when the image is written.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// Its SHA-256.
        sha256: Digest,
    },
}

impl Content {
    /// The size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
        }
    }

    /// The SHA-256 of the content.
    pub fn sha256(&self) -> Digest {
        match self {
            Self::Bytes(bytes) => Digest::of(bytes),
            Self::File { sha256, .. } => *sha256,
        }
    }
}

/// What kind of entry it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link with this text.
    Symlink(Vec<u8>),
}

/// Where an entry comes from. Never a path of the build machine, so that it is the same on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The flavor whose file names it (with `extends`, the one that was extended).
    pub flavor: String,
    /// The number of the layer in that file, from 1; 0 for a directory that is only there for what it holds.
    pub layer: usize,
    /// The kind of layer, such as `entries`.
    pub kind: &'static str,
    /// The input, where there is one: `stage1-executable`, or a file beside the flavor.
    pub input: Option<String>,
}

/// One entry of an image. The owner is always 0:0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its permission bits.
    pub mode: Mode,
    /// Where it comes from.
    pub origin: Origin,
}

/// A sorted map from image paths to entries. The root directory is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<ImagePath, Entry>,
}

/// Why an entry cannot be put into a tree.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TreeError {
    /// Two layers, or one layer twice, bring the same path.
    #[error("{path} is already there, from layer {layer} of the flavor {flavor}")]
    Exists {
        /// The path.
        path: ImagePath,
        /// Where the first one comes from.
        flavor: String,
        /// Where the first one comes from.
        layer: usize,
    },
    /// Something that is to be replaced does not exist.
    #[error("{0} is to be replaced, but no earlier layer brings it")]
    NothingToReplace(ImagePath),
    /// A directory with content is to be replaced by something else.
    #[error("{0} is a directory with content and cannot become something else")]
    NotEmpty(ImagePath),
    /// An entry below something that is not a directory.
    #[error("{path} would lie below {parent}, which is not a directory")]
    BelowNoDirectory {
        /// The new entry.
        path: ImagePath,
        /// What is not a directory.
        parent: ImagePath,
    },
    /// More entries than any image has.
    #[error("more than {MAX_ENTRIES} entries")]
    TooMany,
}

impl Tree {
    /// Puts an entry in; directories above it that are missing come with mode 0755.
    ///
    /// A path that is there already is an error unless `replace` says that it is to be replaced, except for a
    /// directory that is the same, or was only there for what it holds.
    pub fn insert(&mut self, path: ImagePath, entry: Entry, replace: bool) -> Result<(), TreeError> {
        if self.entries.len() >= MAX_ENTRIES {
            return Err(TreeError::TooMany);
        }
        match self.entries.get(&path) {
            None if replace => return Err(TreeError::NothingToReplace(path)),
            None => self.make_parents(&path, &entry.origin)?,
            Some(old) => {
                let both_directories = old.kind == Kind::Directory && entry.kind == Kind::Directory;
                let harmless = both_directories && (old.mode == entry.mode || old.origin.layer == 0);
                if !replace && !harmless {
                    let Origin { flavor, layer, .. } = old.origin.clone();
                    return Err(TreeError::Exists { path, flavor, layer });
                }
                if !both_directories && self.has_children(&path) {
                    return Err(TreeError::NotEmpty(path));
                }
            }
        }
        self.entries.insert(path, entry);
        Ok(())
    }

    fn make_parents(&mut self, path: &ImagePath, origin: &Origin) -> Result<(), TreeError> {
        let mut missing = Vec::new();
        let mut next = path.parent();
        while let Some(parent) = next {
            match self.entries.get(&parent) {
                Some(Entry { kind: Kind::Directory, .. }) => break,
                Some(_) => return Err(TreeError::BelowNoDirectory { path: path.clone(), parent }),
                None => next = parent.parent(),
            }
            missing.push(parent);
        }
        for parent in missing {
            let origin = Origin { layer: 0, input: None, ..origin.clone() };
            self.entries.insert(parent, Entry { kind: Kind::Directory, mode: Mode::PROGRAM, origin });
        }
        Ok(())
    }

    fn has_children(&self, path: &ImagePath) -> bool {
        let prefix = [path.as_bytes(), b"/"].concat();
        self.entries.keys().any(|other| other.as_bytes().starts_with(&prefix))
    }

    /// The entry at a path.
    pub fn get(&self, path: &ImagePath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// All entries in byte order of their paths, so that a directory comes before what it holds.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &Entry)> {
        self.entries.iter()
    }

    /// How many entries there are, without the root.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry that a path leads to through symbolic links in its last component, at most 40 of them.
    pub fn follow(&self, path: &ImagePath) -> Option<(ImagePath, &Entry)> {
        let mut at = path.clone();
        for _ in 0..40 {
            let entry = self.entries.get(&at)?;
            let Kind::Symlink(text) = &entry.kind else { return Some((at, entry)) };
            let next = at.resolve_link(text)?;
            at = ImagePath::new([b"/", &next[..]].concat()).ok()?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::new(text).unwrap()
    }

    fn entry(kind: Kind, layer: usize) -> Entry {
        let origin = Origin { flavor: "f".to_owned(), layer, kind: "entries", input: None };
        Entry { kind, mode: Mode::PROGRAM, origin }
    }

    fn file(layer: usize) -> Entry {
        entry(Kind::File(Content::Bytes(Cow::Borrowed(b"x"))), layer)
    }

    #[test]
    fn parents_come_by_themselves_and_before_what_they_hold() {
        let mut tree = Tree::default();
        tree.insert(path("/a/b/c"), file(1), false).unwrap();
        tree.insert(path("/a-b"), file(1), false).unwrap();
        let paths: Vec<_> = tree.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["/a", "/a-b", "/a/b", "/a/b/c"]);
        // An implied directory may be named later, with another mode.
        let named = Entry { mode: Mode::try_from("0700".to_owned()).unwrap(), ..entry(Kind::Directory, 2) };
        tree.insert(path("/a"), named.clone(), false).unwrap();
        let other = Entry { mode: Mode::PROGRAM, ..named };
        assert!(matches!(tree.insert(path("/a"), other, false), Err(TreeError::Exists { .. })));
    }

    #[test]
    fn a_path_is_replaced_only_when_told() {
        let mut tree = Tree::default();
        tree.insert(path("/a"), file(1), false).unwrap();
        let again = tree.insert(path("/a"), file(2), false);
        assert_eq!(again, Err(TreeError::Exists { path: path("/a"), flavor: "f".to_owned(), layer: 1 }));
        tree.insert(path("/a"), file(2), true).unwrap();
        assert_eq!(tree.insert(path("/b"), file(2), true), Err(TreeError::NothingToReplace(path("/b"))));
        tree.insert(path("/d/x"), file(2), false).unwrap();
        assert_eq!(tree.insert(path("/d"), file(3), true), Err(TreeError::NotEmpty(path("/d"))));
    }

    #[test]
    fn nothing_lies_below_a_file_or_a_link() {
        let mut tree = Tree::default();
        tree.insert(path("/l"), entry(Kind::Symlink(b"usr".to_vec()), 1), false).unwrap();
        let below = tree.insert(path("/l/x/y"), file(1), false);
        assert_eq!(below, Err(TreeError::BelowNoDirectory { path: path("/l/x/y"), parent: path("/l") }));
        assert_eq!(tree.len(), 1);
    }

    #[test]
    fn links_are_followed_and_circles_end() {
        let mut tree = Tree::default();
        tree.insert(path("/x/f"), file(1), false).unwrap();
        for (link, text) in [("/x/a", "f"), ("/b", "/x/a"), ("/c", "c"), ("/d", "../../e")] {
            tree.insert(path(link), entry(Kind::Symlink(text.into()), 1), false).unwrap();
        }
        assert_eq!(tree.follow(&path("/b")).unwrap().0, path("/x/f"));
        assert_eq!(tree.follow(&path("/c")), None);
        assert_eq!(tree.follow(&path("/d")), None);
    }
}
