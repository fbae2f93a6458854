//! What is known of a root: each name is looked up once, each file is read once.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::error::ClosureError;
use crate::object::{Content, ObjectError};
use crate::root::{Entry, Root, fill};

/// Most names that a root is asked for in one closure. All 722 dynamic programs of a Debian machine take 1,668.
pub const MAX_LOOKUPS: usize = 1 << 18;
/// Most places that are looked at in one closure, known ones too. The same programs take 48,658.
pub const MAX_STEPS: usize = 1 << 24;
/// Most bytes of names and paths that are kept for one closure. The same programs take a million.
pub const MAX_KEPT: usize = 256 << 20;
/// Most links on the way to a file; the kernel's own limit.
const MAX_LINKS: usize = 40;

/// A symbolic link on the way to a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Where it is; no link is above it.
    pub path: PathBuf,
    /// What it says.
    pub target: PathBuf,
}

/// Why a path does not lead to a file or directory.
#[derive(Debug, Clone)]
pub(crate) enum Lost {
    /// Nothing is there.
    Missing,
    /// A component on the way is no directory.
    NotADirectory,
    /// Links lead in a circle.
    Loop,
    /// What the root says.
    Io(Arc<io::Error>),
}

impl From<Lost> for io::Error {
    fn from(lost: Lost) -> io::Error {
        use io::ErrorKind;
        match lost {
            Lost::Missing => io::Error::new(ErrorKind::NotFound, "does not exist"),
            Lost::NotADirectory => io::Error::new(ErrorKind::NotADirectory, "a part of the path is a file"),
            Lost::Loop => io::Error::other("too many symbolic links on the way"),
            Lost::Io(error) => io::Error::new(error.kind(), error),
        }
    }
}

/// A directory or file, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Node(usize);

/// Where a path leads.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) node: Node,
    pub(crate) links: Vec<Link>,
}

impl Found {
    /// How many bytes the links have.
    pub(crate) fn size(&self) -> usize {
        let size = |link: &Link| link.path.as_os_str().len() + link.target.as_os_str().len();
        self.links.iter().map(size).sum()
    }
}

/// A place at which a directory's path was looked up.
pub(crate) type Directory = Arc<Result<Found, Lost>>;

struct Known {
    path: PathBuf,
    above: Node,
    kind: Kind,
}

enum Kind {
    Directory(HashMap<OsString, Name>),
    File(Option<Result<Content, Arc<ObjectError>>>),
    Other,
}

#[derive(Clone)]
enum Name {
    Missing,
    Failed(Arc<io::Error>),
    Link(Arc<Path>),
    Node(Node),
}

/// A root, and what is known of it.
pub(crate) struct Tree<'r> {
    root: &'r dyn Root,
    nodes: Vec<Known>,
    /// By their paths; as plain strings, which are hashed faster.
    directories: HashMap<OsString, Directory>,
    lookups: usize,
    steps: usize,
    kept: usize,
}

/// The root directory.
pub(crate) const TOP: Node = Node(0);

impl<'r> Tree<'r> {
    pub(crate) fn new(root: &'r dyn Root) -> Tree<'r> {
        let top = Known { path: PathBuf::from("/"), above: TOP, kind: Kind::Directory(HashMap::new()) };
        Tree { root, nodes: vec![top], directories: HashMap::new(), lookups: 0, steps: 0, kept: 0 }
    }

    /// The path without links.
    pub(crate) fn path(&self, node: Node) -> &Path {
        &self.nodes[node.0].path
    }

    /// The directory in which it is.
    pub(crate) fn above(&self, node: Node) -> Node {
        self.nodes[node.0].above
    }

    pub(crate) fn is_directory(&self, node: Node) -> bool {
        matches!(self.nodes[node.0].kind, Kind::Directory(_))
    }

    /// Follows a path, from the top if it is absolute. The outer error is the end of the whole closure.
    pub(crate) fn follow(&mut self, from: Node, path: &Path) -> Result<Result<Found, Lost>, ClosureError> {
        let mut links = Vec::new();
        let mut here = from;
        let mut todo: Vec<OsString> = Vec::new();
        push(&mut todo, path, &mut here);
        while let Some(name) = todo.pop() {
            self.step()?;
            if !self.is_directory(here) {
                return Ok(Err(Lost::NotADirectory));
            }
            if name == ".." {
                here = self.nodes[here.0].above;
                continue;
            }
            match self.name(here, &name)? {
                Name::Missing => return Ok(Err(Lost::Missing)),
                Name::Failed(error) => return Ok(Err(Lost::Io(error))),
                Name::Node(node) => here = node,
                Name::Link(target) => {
                    if links.len() == MAX_LINKS {
                        return Ok(Err(Lost::Loop));
                    }
                    let path = self.path(here).join(&name);
                    links.push(Link { path, target: target.to_path_buf() });
                    push(&mut todo, &target, &mut here);
                }
            }
        }
        // `dir/file/` and `dir/file/.` are no files.
        if ends_as_directory(path) && !self.is_directory(here) {
            return Ok(Err(Lost::NotADirectory));
        }
        Ok(Ok(Found { node: here, links }))
    }

    /// Counts a place that is looked at.
    pub(crate) fn step(&mut self) -> Result<(), ClosureError> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(ClosureError::Limit { what: "places to look at", limit: MAX_STEPS });
        }
        Ok(())
    }

    /// Counts names and paths that are kept.
    pub(crate) fn keep(&mut self, bytes: usize) -> Result<(), ClosureError> {
        self.kept = self.kept.saturating_add(bytes);
        if self.kept > MAX_KEPT {
            return Err(ClosureError::Limit { what: "bytes of names and paths", limit: MAX_KEPT });
        }
        Ok(())
    }

    /// Follows the path of a directory that is searched again and again.
    pub(crate) fn directory(&mut self, path: &Path) -> Result<Directory, ClosureError> {
        if let Some(known) = self.directories.get(path.as_os_str()) {
            return Ok(Arc::clone(known));
        }
        let found = match self.follow(TOP, path)? {
            Ok(found) if !self.is_directory(found.node) => Err(Lost::NotADirectory),
            other => other,
        };
        let found = Arc::new(found);
        self.keep(path.as_os_str().len() + found.as_ref().as_ref().map_or(0, Found::size))?;
        self.directories.insert(path.into(), Arc::clone(&found));
        Ok(found)
    }

    fn name(&mut self, directory: Node, name: &OsStr) -> Result<Name, ClosureError> {
        let Kind::Directory(names) = &self.nodes[directory.0].kind else { return Ok(Name::Missing) };
        if let Some(known) = names.get(name) {
            return Ok(known.clone());
        }
        self.lookups += 1;
        if self.lookups > MAX_LOOKUPS {
            return Err(ClosureError::Limit { what: "look-ups of names", limit: MAX_LOOKUPS });
        }
        let path = self.nodes[directory.0].path.join(name);
        self.keep(path.as_os_str().len() + name.len())?;
        let known = match self.root.look(&path) {
            Ok(None) => Name::Missing,
            Ok(Some(Entry::Link(target))) => {
                self.keep(target.as_os_str().len())?;
                Name::Link(target.into())
            }
            Ok(Some(Entry::Directory)) => self.add(path, directory, Kind::Directory(HashMap::new())),
            Ok(Some(Entry::File)) => self.add(path, directory, Kind::File(None)),
            Ok(Some(Entry::Other)) => self.add(path, directory, Kind::Other),
            Err(error) => Name::Failed(Arc::new(error)),
        };
        if let Kind::Directory(names) = &mut self.nodes[directory.0].kind {
            names.insert(name.to_os_string(), known.clone());
        }
        Ok(known)
    }

    fn add(&mut self, path: PathBuf, above: Node, kind: Kind) -> Name {
        self.nodes.push(Known { path, above, kind });
        Name::Node(Node(self.nodes.len() - 1))
    }

    /// What a file is; directories and devices cannot be read as one.
    pub(crate) fn content(&mut self, node: Node) -> Result<Result<Content, Arc<ObjectError>>, ClosureError> {
        let known = &mut self.nodes[node.0];
        let read = match &mut known.kind {
            Kind::File(Some(content)) => return Ok(content.clone()),
            Kind::File(content) => {
                let open = self.root.open(&known.path).map_err(ObjectError::Io);
                let read = open.and_then(|mut file| Content::read(&mut *file)).map_err(Arc::new);
                content.insert(read).clone()
            }
            Kind::Directory(_) | Kind::Other => return Ok(Err(Arc::new(ObjectError::NotAFile))),
        };
        if let Ok(Content::Elf(object)) = &read {
            self.keep(object.size())?;
        }
        Ok(read)
    }

    /// The whole of a small file; `None` when there is none.
    pub(crate) fn small_file(&mut self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, ClosureError> {
        let failed = |source| ClosureError::Read { path: path.to_path_buf(), source };
        let found = match self.follow(TOP, path)? {
            Ok(found) => found,
            Err(Lost::Missing | Lost::NotADirectory) => return Ok(None),
            Err(lost) => return Err(failed(lost.into())),
        };
        let known = &self.nodes[found.node.0];
        if !matches!(known.kind, Kind::File(_)) {
            return Err(failed(io::Error::other("not a regular file")));
        }
        let mut file = self.root.open(&known.path).map_err(failed)?;
        let mut content = vec![0; limit + 1];
        let filled = fill(&mut *file, &mut content, 0).map_err(failed)?;
        if filled > limit {
            return Err(failed(io::Error::other(format!("larger than {limit} bytes"))));
        }
        content.truncate(filled);
        Ok(Some(content))
    }

    /// The names in a directory that are wanted, sorted; at most `limit`, of which it is not said which. A directory
    /// that cannot be read has none.
    pub(crate) fn names(
        &mut self,
        directory: Node,
        limit: usize,
        wanted: &dyn Fn(&OsStr) -> bool,
    ) -> Result<Vec<OsString>, ClosureError> {
        let mut names = Vec::new();
        self.step()?;
        let (root, steps) = (self.root, &mut self.steps);
        let listed = root.names(&self.nodes[directory.0].path, &mut |name| {
            *steps += 1;
            if wanted(name) {
                names.push(name.to_os_string());
            }
            names.len() < limit && *steps < MAX_STEPS
        });
        if listed.is_err() {
            names.clear();
        }
        self.step()?;
        names.sort_unstable();
        Ok(names)
    }
}

/// Puts the components of a path on the stack; an absolute one leads to the top first.
fn push(todo: &mut Vec<OsString>, path: &Path, here: &mut Node) {
    if path.is_absolute() {
        *here = TOP;
    }
    todo.extend(path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_os_string()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    }));
}

fn ends_as_directory(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.ends_with(b"/") || bytes.ends_with(b"/.")
}
