//! One program as its loader loads it: the names and objects of one process.

mod follow;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::arch::{Arch, Machine};
use crate::error::{ClosureError, Miss, Reason};
use crate::object::{Content, Object};
use crate::paths;
use crate::request::{How, Needed, Needer};
use crate::search::{Defaults, Libc, Lists, Searcher, Taken};
use crate::tree::{Found, Link, Node, Tree};

/// Most objects in one process.
pub const MAX_OBJECTS: usize = 4096;

/// A process.
pub(crate) struct Process {
    machine: Machine,
    arch: &'static Arch,
    libc: Libc,
    defaults: Rc<Defaults>,
    /// The program is the first, if it is one; then its loader.
    loaded: Vec<Loaded>,
    /// Whether the first is a program, not a library that some other program loads.
    program: bool,
    /// Which object a name means.
    names: HashMap<OsString, usize>,
    /// The names in the order in which they came.
    added: Vec<OsString>,
    by_node: HashMap<Node, usize>,
    /// Objects under further paths.
    aliases: Vec<Loaded>,
    followed: Followed,
    pub(crate) misses: Vec<Miss>,
    absent: Vec<Miss>,
}

/// An object that is loaded.
pub(crate) struct Loaded {
    pub(crate) node: Node,
    pub(crate) path: PathBuf,
    links: Vec<Link>,
    object: Arc<Object>,
    name: OsString,
    by: Needer,
    /// Whose need it was, if it was not opened at run time.
    loader: Option<usize>,
    /// Whether only something optional needs it.
    optional: bool,
    /// Directories of its `DT_RPATH`, and of its `DT_RUNPATH`.
    rpath: Vec<PathBuf>,
    runpath: Vec<PathBuf>,
}

/// How many of the objects were looked at.
#[derive(Default)]
struct Followed {
    /// For what they need.
    needs: usize,
    /// For what they open and must have.
    required: usize,
    /// For what else they open.
    optional: usize,
}

/// How a name was understood.
enum Meaning {
    Known,
    New(Taken),
}

impl Process {
    /// Starts a program, or loads a library as any program would do.
    pub(crate) fn start(
        searcher: &mut Searcher,
        path: PathBuf,
        found: Found,
        object: Arc<Object>,
        by: Needer,
    ) -> Result<Process, ClosureError> {
        let (machine, arch) = (object.machine, object.machine.arch());
        let libc = Libc::of(&object);
        let mut process = Process {
            machine,
            arch,
            defaults: searcher.defaults(&libc, arch)?,
            libc,
            loaded: Vec::new(),
            program: object.interpreter.is_some(),
            names: HashMap::new(),
            added: Vec::new(),
            by_node: HashMap::new(),
            aliases: Vec::new(),
            followed: Followed::default(),
            misses: Vec::new(),
            absent: Vec::new(),
        };
        let name: OsString = path.clone().into();
        let interpreter = object.interpreter.clone();
        process.load(searcher, Taken { path: path.clone(), found, object }, name, by, None, false)?;
        if let Some(interpreter) = interpreter {
            let by = Needer::Object { path, how: How::Interpreter };
            let taken = if interpreter.is_absolute() {
                searcher.at(&interpreter, machine)?
            } else {
                Err(Reason::Relative)
            };
            let name: OsString = interpreter.into();
            match taken {
                Ok(taken) => {
                    let number = process.load(searcher, taken, name.clone(), by, None, false)?;
                    // What needs the loader names it without its directory.
                    if let Some(name) = Path::new(&name).file_name() {
                        process.name(name.to_owned(), number);
                    }
                }
                Err(reason) => process.misses.push(Miss { name, or: Vec::new(), by, reason }),
            }
        }
        process.follow_needs(searcher)?;
        process.follow_notes(searcher)?;
        Ok(process)
    }

    /// The object that is glibc's C library, with its number.
    pub(crate) fn glibc(&self) -> Option<(usize, &Loaded)> {
        let number = *self.names.get(OsStr::new("libc.so.6"))?;
        (self.libc == Libc::Glibc).then(|| (number, &self.loaded[number]))
    }

    /// What a name means that an object needs or opens.
    fn mean(
        &self,
        searcher: &mut Searcher,
        name: &OsStr,
        number: usize,
    ) -> Result<Result<Meaning, Reason>, ClosureError> {
        if self.names.contains_key(name) {
            return Ok(Ok(Meaning::Known));
        }
        if self.libc != Libc::Glibc && self.program && is_part_of_musl(name) {
            return Ok(Ok(Meaning::Known));
        }
        let asker = &self.loaded[number];
        if name.as_encoded_bytes().contains(&b'/') {
            let mut reason = Reason::Relative;
            for path in paths::name(name, self.origin(asker, searcher), self.arch) {
                match searcher.at(&path, self.machine)? {
                    Ok(taken) => return Ok(Ok(Meaning::New(taken))),
                    Err(other) => reason = other,
                }
            }
            return Ok(Err(reason));
        }
        if !self.program {
            // Every program has its loader loaded.
            for loader in self.arch.loaders.iter().map(Path::new) {
                if loader.file_name() == Some(name)
                    && let Ok(taken) = searcher.at(loader, self.machine)?
                {
                    return Ok(Ok(Meaning::New(taken)));
                }
            }
        }
        let extra = searcher.search.extra.as_slice();
        let mut own: Vec<&[PathBuf]> = Vec::new();
        if self.libc == Libc::Glibc {
            if asker.object.runpath.is_none() {
                own.extend(self.chain(number).map(|loaded| loaded.rpath.as_slice()));
            }
            own.push(extra);
            own.push(&asker.runpath);
        } else {
            own.push(extra);
            own.extend(self.chain(number).flat_map(|loaded| [loaded.rpath.as_slice(), &loaded.runpath]));
        }
        let lists = Lists { own, defaults: &self.defaults, nodeflib: asker.object.nodeflib };
        Ok(searcher.search(name, self.machine, &lists)?.map(Meaning::New))
    }

    /// An object, its loader, the loader of that, and so on; at last the program.
    fn chain(&self, number: usize) -> impl Iterator<Item = &Loaded> {
        let mut next = Some(number);
        let mut program = self.program;
        std::iter::from_fn(move || {
            let here = next.take().or_else(|| program.then_some(0))?;
            program &= here != 0;
            next = self.loaded[here].loader;
            Some(&self.loaded[here])
        })
    }

    /// What `$ORIGIN` means in an object: where it was found; for a program that is its file, as the kernel says.
    fn origin<'a>(&self, loaded: &'a Loaded, searcher: &'a Searcher) -> Option<&'a Path> {
        if self.program && self.loaded.first().is_some_and(|first| std::ptr::eq(first, loaded)) {
            searcher.tree.path(loaded.node).parent()
        } else {
            loaded.path.parent()
        }
    }

    fn load(
        &mut self,
        searcher: &mut Searcher,
        taken: Taken,
        name: OsString,
        by: Needer,
        loader: Option<usize>,
        optional: bool,
    ) -> Result<usize, ClosureError> {
        let Taken { path, found, object } = taken;
        searcher.tree.keep(found.size() + 2 * path.as_os_str().len() + name.len())?;
        let Found { node, links } = found;
        let mut new = Loaded {
            node,
            path,
            links,
            object,
            name: name.clone(),
            by,
            loader,
            optional,
            rpath: Vec::new(),
            runpath: Vec::new(),
        };
        if let Some(&known) = self.by_node.get(&node) {
            self.name(name, known);
            if self.loaded[known].path != new.path {
                self.aliases.push(new);
            }
            return Ok(known);
        }
        let number = self.loaded.len();
        if number == MAX_OBJECTS {
            return Err(ClosureError::Limit { what: "objects in a process", limit: MAX_OBJECTS });
        }
        let origin =
            if number == 0 && self.program { searcher.tree.path(node).parent() } else { new.path.parent() };
        let list = |list: &Option<OsString>| match list {
            None => Vec::new(),
            Some(list) if self.libc == Libc::Glibc => paths::glibc(list, origin, self.arch),
            Some(list) => paths::musl(list, origin),
        };
        // With the one the other counts for nothing.
        let (rpath, runpath) = match &new.object.runpath {
            None => (list(&new.object.rpath), Vec::new()),
            runpath => (Vec::new(), list(runpath)),
        };
        (new.rpath, new.runpath) = (rpath, runpath);
        let size = new.rpath.iter().chain(&new.runpath).map(|path| path.as_os_str().len()).sum();
        searcher.tree.keep(size)?;
        self.by_node.insert(node, number);
        self.name(name, number);
        // musl knows names of files only.
        if self.libc == Libc::Glibc {
            self.name(new.path.clone().into(), number);
            if let Some(soname) = &new.object.soname {
                self.name(soname.clone(), number);
            }
        }
        self.loaded.push(new);
        Ok(number)
    }

    /// Lets a name mean an object, unless it means one already.
    fn name(&mut self, name: OsString, number: usize) {
        if let Entry::Vacant(free) = self.names.entry(name) {
            self.added.push(free.key().clone());
            free.insert(number);
        }
    }

    /// What was loaded, what is missing, and what is missing without harm.
    pub(crate) fn into_parts(self, tree: &Tree) -> (Vec<Needed>, Vec<Miss>, Vec<Miss>) {
        let needed = self.loaded.into_iter().chain(self.aliases).map(|loaded| Needed {
            real: tree.path(loaded.node).to_path_buf(),
            path: loaded.path,
            links: loaded.links,
            content: Content::Elf(loaded.object),
            name: loaded.name,
            by: loaded.by,
        });
        (needed.collect(), self.misses, self.absent)
    }
}

/// Whether a name means musl's loader itself, in which all these libraries are.
fn is_part_of_musl(name: &OsStr) -> bool {
    let Some(name) = name.as_encoded_bytes().strip_prefix(b"lib") else { return false };
    let parts: [&[u8]; 7] = [b"c.", b"pthread.", b"rt.", b"m.", b"dl.", b"util.", b"xnet."];
    parts.iter().any(|part| name.starts_with(part))
}
