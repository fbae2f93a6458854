//! Where a loader looks for a library, in which order, and what it takes.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::arch::{Arch, Machine};
use crate::conf;
use crate::error::{ClosureError, Passed, Reason, Searched, Why};
use crate::object::{Content, Object, ObjectError};
use crate::request::Search;
use crate::root::Root;
use crate::tree::{Found, Lost, Node, TOP, Tree};

/// Which loader's rules hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Libc {
    /// glibc's ld.so.
    Glibc,
    /// musl's, with the file that says where it searches.
    Musl(PathBuf),
}

impl Libc {
    /// The kind of loader that an object has: of its interpreter's name, or of the C library that it needs.
    pub(crate) fn of(object: &Object) -> Libc {
        let arch = object.machine.arch();
        if let Some(interpreter) = &object.interpreter {
            let name = interpreter.file_name().unwrap_or_default().as_encoded_bytes();
            let Some(name) = name.strip_prefix(b"ld-musl-") else { return Libc::Glibc };
            let name = name.split(|byte| *byte == b'.').next().unwrap_or_default();
            // The file belongs to the directory above that of the loader, so that a tree of its own can have one.
            let above = interpreter.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
            return Libc::Musl(above.join(musl_file(name)));
        }
        let needs = |name: &OsString| {
            let name = name.as_encoded_bytes();
            name == b"libc.so" || name.starts_with(b"libc.musl-")
        };
        match arch.musl.first() {
            Some(name) if object.needed.iter().any(needs) => {
                Libc::Musl(Path::new("/").join(musl_file(name.as_bytes())))
            }
            _ => Libc::Glibc,
        }
    }
}

fn musl_file(arch: &[u8]) -> PathBuf {
    let name = [b"etc/ld-musl-", arch, b".path"].concat();
    PathBuf::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&name))
}

/// The directories that a loader searches for everything.
#[derive(Debug)]
pub(crate) struct Defaults {
    /// Those that the system's administrator adds.
    configured: Vec<PathBuf>,
    /// Those that are built in.
    builtin: Vec<PathBuf>,
}

/// A tree, how to search it, and what was found out about it.
pub(crate) struct Searcher<'r> {
    pub(crate) tree: Tree<'r>,
    pub(crate) search: &'r Search,
    configured: Option<Rc<[PathBuf]>>,
    musl: HashMap<PathBuf, Rc<Defaults>>,
}

/// A library that a loader takes.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) path: PathBuf,
    pub(crate) found: Found,
    pub(crate) object: Arc<Object>,
}

/// What is at a place of the search.
enum Look {
    Missing,
    Passed(Why),
    Taken(Found, Arc<Object>),
    Unusable(Arc<ObjectError>),
}

/// The lists of one search, in order.
pub(crate) struct Lists<'a> {
    /// Searched first, each for any name.
    pub(crate) own: Vec<&'a [PathBuf]>,
    /// Searched then.
    pub(crate) defaults: &'a Defaults,
    /// Whether the object that needs it wants no default directories (`DF_1_NODEFLIB`).
    pub(crate) nodeflib: bool,
}

impl<'r> Searcher<'r> {
    pub(crate) fn new(root: &'r dyn Root, search: &'r Search) -> Searcher<'r> {
        Searcher { tree: Tree::new(root), search, configured: None, musl: HashMap::new() }
    }

    pub(crate) fn defaults(&mut self, libc: &Libc, arch: &Arch) -> Result<Rc<Defaults>, ClosureError> {
        match libc {
            Libc::Glibc => {
                let configured = match &self.configured {
                    Some(configured) => Rc::clone(configured),
                    None => Rc::clone(self.configured.insert(conf::glibc(&mut self.tree)?.into())),
                };
                let builtin = arch.lib.iter().flat_map(|lib| [format!("/{lib}"), format!("/usr/{lib}")]);
                let builtin = builtin.map(PathBuf::from).collect();
                Ok(Rc::new(Defaults { configured: configured.to_vec(), builtin }))
            }
            Libc::Musl(file) => {
                if let Some(known) = self.musl.get(file) {
                    return Ok(Rc::clone(known));
                }
                let builtin = conf::musl(&mut self.tree, file)?;
                let defaults = Rc::new(Defaults { configured: Vec::new(), builtin });
                self.musl.insert(file.clone(), Rc::clone(&defaults));
                Ok(defaults)
            }
        }
    }

    /// Searches a name without slashes. The outer error is the end of the whole closure.
    ///
    /// Directories of variants for better processors (`glibc-hwcaps/x86-64-v3`, `haswell`, `tls`) are not searched: what
    /// they have is also beside them, and an image may run on another processor than that of its builder.
    pub(crate) fn search(
        &mut self,
        name: &OsStr,
        machine: Machine,
        lists: &Lists,
    ) -> Result<Result<Taken, Reason>, ClosureError> {
        let (mut searched, mut passed) = (Vec::<&Path>::new(), Vec::new());
        let mut seen = HashSet::new();
        let own = lists.own.iter().copied().flatten();
        let configured = lists.defaults.configured.iter().filter(|path| {
            // The cache that ldconfig makes holds only names that look like libraries.
            is_cached(name) && !(lists.nodeflib && is_below(path, &lists.defaults.builtin))
        });
        let builtin = lists.defaults.builtin.iter().filter(|_| !lists.nodeflib);
        for directory in own.chain(configured).chain(builtin) {
            self.tree.step()?;
            if !seen.insert(directory.as_os_str()) {
                continue;
            }
            searched.push(directory);
            match self.look(directory, name, machine)? {
                Look::Missing => {}
                Look::Passed(why) => passed.push(Passed { path: directory.join(name), why }),
                Look::Taken(found, object) => {
                    return Ok(Ok(Taken { path: directory.join(name), found, object }));
                }
                Look::Unusable(error) => {
                    return Ok(Err(Reason::Unusable { path: directory.join(name), error }));
                }
            }
        }
        let searched = searched.into_iter().map(|path| {
            self.tree.keep(path.as_os_str().len() + name.len())?;
            let exists = self.tree.directory(path)?.is_ok();
            Ok(Searched { path: path.to_path_buf(), exists })
        });
        let searched = searched.collect::<Result<_, ClosureError>>()?;
        Ok(Err(Reason::NotFound { searched, passed, near: Vec::new() }))
    }

    fn look(&mut self, directory: &Path, name: &OsStr, machine: Machine) -> Result<Look, ClosureError> {
        let known = self.tree.directory(directory)?;
        let Ok(directory) = &*known else { return Ok(Look::Missing) };
        let mut found = match self.tree.follow(directory.node, Path::new(name))? {
            Ok(found) => found,
            Err(Lost::Missing | Lost::NotADirectory) => return Ok(Look::Missing),
            Err(lost) => {
                return Ok(Look::Passed(Why::Unreadable(Arc::new(ObjectError::Io(lost.into())))));
            }
        };
        found.links.splice(0..0, directory.links.iter().cloned());
        Ok(match self.tree.content(found.node)? {
            Ok(Content::Elf(object)) if object.machine.fits(machine) => Look::Taken(found, object),
            Ok(Content::Elf(object)) => Look::Passed(Why::Machine(object.machine)),
            Ok(Content::Script(_)) => Look::Unusable(Arc::new(ObjectError::Unknown)),
            Err(error) if matches!(*error, ObjectError::Io(_)) => Look::Passed(Why::Unreadable(error)),
            Err(error) => Look::Unusable(error),
        })
    }

    /// Takes what is at a path, without search.
    pub(crate) fn at(
        &mut self,
        path: &Path,
        machine: Machine,
    ) -> Result<Result<Taken, Reason>, ClosureError> {
        self.tree.step()?;
        let found = match self.tree.follow(TOP, path)? {
            Ok(found) => found,
            Err(lost) => return Ok(Err(crate::closure::no_such_file(lost))),
        };
        let path = path.to_path_buf();
        Ok(match self.tree.content(found.node)? {
            Ok(Content::Elf(object)) if object.machine.fits(machine) => Ok(Taken { path, found, object }),
            Ok(Content::Elf(object)) => Err(Reason::OtherMachine { is: object.machine, wanted: machine }),
            Ok(Content::Script(_)) => Err(Reason::Unusable { path, error: Arc::new(ObjectError::Unknown) }),
            Err(error) => Err(Reason::Unusable { path, error }),
        })
    }

    /// The names beside a file that are wanted, sorted.
    pub(crate) fn beside(
        &mut self,
        file: Node,
        limit: usize,
        wanted: &dyn Fn(&OsStr) -> bool,
    ) -> Result<Vec<OsString>, ClosureError> {
        self.tree.names(self.tree.above(file), limit, wanted)
    }
}

/// Whether `ldconfig` takes note of a file of this name.
fn is_cached(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    (name.starts_with(b"lib") || name.starts_with(b"ld-")) && name.windows(3).any(|part| part == b".so")
}

fn is_below(path: &Path, directories: &[PathBuf]) -> bool {
    directories.iter().any(|directory| path.starts_with(directory))
}
