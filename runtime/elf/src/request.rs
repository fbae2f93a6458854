//! What a closure is asked for, and what it answers.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::dlopen::Priority;
use crate::error::Miss;
use crate::object::Content;
use crate::tree::Link;

/// Something that must be able to run.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is wanted.
    pub what: What,
    /// Who wants it and why, for messages: "the journal of a pod".
    pub why: String,
    /// Whether it is an error when it, or anything it needs, is missing. Otherwise it is left out, and told in
    /// [`Closure::absent`].
    pub required: bool,
}

impl Request {
    /// A program, a script, or a library, by its path.
    pub fn file(path: impl Into<PathBuf>, why: impl Into<String>) -> Request {
        Request { what: What::File(path.into()), why: why.into(), required: true }
    }

    /// A library that a program opens by name.
    pub fn library(name: impl Into<OsString>, opener: impl Into<PathBuf>, why: impl Into<String>) -> Request {
        let what = What::Library { name: name.into(), opener: opener.into() };
        Request { what, why: why.into(), required: true }
    }

    /// The same, but it may be missing.
    #[must_use]
    pub fn optional(self) -> Request {
        Request { required: false, ..self }
    }
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A program, a script or a library at an absolute path.
    File(PathBuf),
    /// A library that is opened by name, with dlopen(3).
    Library {
        /// The name, as the opener gives it.
        name: OsString,
        /// The program or library that opens it, by its path: its search paths count, and it becomes part of the
        /// closure.
        opener: PathBuf,
    },
}

/// How to search, beyond what the tree itself says.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Directories of the tree that are searched as those of `LD_LIBRARY_PATH` are.
    pub extra: Vec<PathBuf>,
    /// The least priority of libraries that objects say they open, for them to be followed.
    pub follow: Priority,
    /// Which modules of the name service switch are added; they are opened by libc, which says nothing about them.
    pub nss: Nss,
}

/// Modules of the name service switch (`libnss_NAME.so.2`) for a closure that has glibc in it. None of them is
/// required: since glibc 2.34 `files` and `dns` are built in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Nss {
    /// None.
    #[default]
    None,
    /// All that are beside libc.
    All,
    /// These, by NAME.
    Named(Vec<String>),
}

/// Everything that the requests need.
#[derive(Debug)]
pub struct Closure {
    /// The files, sorted by their paths. One file that is found under two paths is there twice.
    pub objects: Vec<Needed>,
    /// What is missing without harm: optional requests, libraries that are recommended only. Also notes that could not
    /// be read.
    pub absent: Vec<Miss>,
}

/// A file of a closure.
#[derive(Debug, Clone)]
pub struct Needed {
    /// Where the loader, or the kernel, finds it: as it was asked for, or a directory of the search and a name. It may
    /// have links and `..` in it.
    pub path: PathBuf,
    /// The links on the way from `path` to `real`, in the order in which they are followed: of directories, and of the
    /// file itself. A tree that has all of them and `real` has `path`.
    pub links: Vec<Link>,
    /// The file without links.
    pub real: PathBuf,
    /// What it is.
    pub content: Content,
    /// What was asked for: a name, or a path.
    pub name: OsString,
    /// Who asked first.
    pub by: Needer,
}

/// Who needs something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Needer {
    /// A request, by its reason.
    Request(String),
    /// An object of the closure.
    Object {
        /// Where it was found.
        path: PathBuf,
        /// What for.
        how: How,
    },
}

/// How an object needs another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum How {
    /// `DT_NEEDED`: its loader loads it at the start.
    Needed,
    /// The kernel starts it in the object's place: the loader of a program, the interpreter of a script.
    Interpreter,
    /// It opens it while it runs, as a note says.
    Dlopen {
        /// What for.
        feature: Option<String>,
        /// How much.
        priority: Priority,
    },
    /// It opens it as a module of the name service switch.
    Nss,
}

impl Closure {
    /// The files without links, each once, sorted.
    pub fn files(&self) -> BTreeSet<&Path> {
        self.objects.iter().map(|object| object.real.as_path()).collect()
    }

    /// All links on the way to the files, each once, sorted.
    pub fn links(&self) -> BTreeSet<&Link> {
        self.objects.iter().flat_map(|object| &object.links).collect()
    }

    /// The file that is found under a path.
    pub fn get(&self, path: impl AsRef<OsStr>) -> Option<&Needed> {
        let path = path.as_ref();
        self.objects.iter().find(|object| object.path.as_os_str() == path)
    }
}

impl fmt::Display for Needer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Needer::Request(why) => write!(f, "needed for {why}"),
            Needer::Object { path, how } => {
                let path = path.display();
                match how {
                    How::Needed => write!(f, "needed by {path}"),
                    How::Interpreter => write!(f, "the interpreter of {path}"),
                    How::Dlopen { feature, priority } => {
                        write!(f, "opened by {path}, {}", priority.name())?;
                        feature.iter().try_for_each(|feature| write!(f, " for {feature}"))
                    }
                    How::Nss => write!(f, "opened by {path} for look-ups of names"),
                }
            }
        }
    }
}
