//! A tree in memory, for tests and fuzzing.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::root::{Entry, ReadAt, Root};

/// Files in memory.
#[derive(Debug, Default)]
pub struct MemoryRoot {
    nodes: BTreeMap<PathBuf, Node>,
}

#[derive(Debug)]
enum Node {
    Directory,
    File { content: Vec<u8>, readable: bool },
    Link(PathBuf),
    Other,
}

impl MemoryRoot {
    /// An empty tree.
    pub fn new() -> MemoryRoot {
        MemoryRoot::default()
    }

    /// Adds a directory, and those above it.
    pub fn directory(&mut self, path: impl AsRef<Path>) -> &mut MemoryRoot {
        self.add(path.as_ref(), Node::Directory)
    }

    /// Adds a file, and the directories above it.
    pub fn file(&mut self, path: impl AsRef<Path>, content: impl Into<Vec<u8>>) -> &mut MemoryRoot {
        self.add(path.as_ref(), Node::File { content: content.into(), readable: true })
    }

    /// Adds a file that may not be read.
    pub fn unreadable(&mut self, path: impl AsRef<Path>) -> &mut MemoryRoot {
        self.add(path.as_ref(), Node::File { content: Vec::new(), readable: false })
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> &mut MemoryRoot {
        self.add(path.as_ref(), Node::Link(target.as_ref().to_path_buf()))
    }

    /// Adds something that is no file, directory or link.
    pub fn other(&mut self, path: impl AsRef<Path>) -> &mut MemoryRoot {
        self.add(path.as_ref(), Node::Other)
    }

    fn add(&mut self, path: &Path, node: Node) -> &mut MemoryRoot {
        for above in path.ancestors().skip(1) {
            self.nodes.entry(above.to_path_buf()).or_insert(Node::Directory);
        }
        self.nodes.insert(path.to_path_buf(), node);
        self
    }

    /// The node; a path that is not clean breaks the contract of [`Root`], and tests should see that.
    fn node(&self, path: &Path) -> Option<&Node> {
        let clean = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        assert!(clean && path.is_absolute(), "not a clean path: {}", path.display());
        for above in path.ancestors().skip(1) {
            assert!(!matches!(self.nodes.get(above), Some(Node::Link(_))), "a link above {}", path.display());
        }
        self.nodes.get(path)
    }
}

impl Root for MemoryRoot {
    fn look(&self, path: &Path) -> io::Result<Option<Entry>> {
        Ok(self.node(path).map(|node| match node {
            Node::Directory => Entry::Directory,
            Node::File { .. } => Entry::File,
            Node::Link(target) => Entry::Link(target.clone()),
            Node::Other => Entry::Other,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadAt + '_>> {
        match self.node(path) {
            Some(Node::File { content, readable: true }) => Ok(Box::new(content.as_slice())),
            Some(Node::File { .. }) => Err(io::ErrorKind::PermissionDenied.into()),
            Some(_) => Err(io::ErrorKind::InvalidInput.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn names(&self, path: &Path, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        match self.node(path) {
            Some(Node::Directory) => {
                let inside = self.nodes.keys().filter(|child| child.parent() == Some(path));
                let _ = inside.filter_map(|child| child.file_name()).all(each);
                Ok(())
            }
            Some(_) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
