//! The closure: all requests, one process after the other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{ClosureError, Miss, Reason};
use crate::near;
use crate::object::Content;
use crate::process::Process;
use crate::request::{Closure, How, Needed, Needer, Nss, Request, Search, What};
use crate::root::Root;
use crate::search::Searcher;
use crate::tree::{Lost, TOP};

/// How often an interpreter may be a script itself; the kernel's own limit.
const MAX_SCRIPTS: usize = 5;
/// Most modules of the name service switch.
const MAX_MODULES: usize = 256;

/// Finds everything that the requests need to run.
///
/// Each program is loaded as its loader would do it: breadth first, with the names that are loaded already. Nothing is
/// executed. The same tree and requests give the same closure; the order of requests only says who asked first.
///
/// # Errors
/// [`ClosureError::Missing`] with everything that is missing.
pub fn closure(root: &dyn Root, requests: &[Request], search: &Search) -> Result<Closure, ClosureError> {
    let mut work =
        Work { searcher: Searcher::new(root, search), starts: Vec::new(), by_path: HashMap::new() };
    for request in requests {
        match &request.what {
            What::File(path) => {
                work.start(path, &request.why, request.required)?;
            }
            What::Library { name, opener } => {
                let start = work.start(opener, &request.why, request.required)?;
                let Start { process: Some(process), .. } = &mut work.starts[start] else { continue };
                let by = Needer::Request(request.why.clone());
                process.open(&mut work.searcher, std::slice::from_ref(name), 0, &by, request.required)?;
                process.follow_notes(&mut work.searcher)?;
            }
        }
    }
    work.name_service()?;
    work.finish()
}

struct Work<'r> {
    searcher: Searcher<'r>,
    starts: Vec<Start>,
    by_path: HashMap<PathBuf, usize>,
}

/// A file that is started, or a library that somebody loads.
struct Start {
    path: PathBuf,
    by: Needer,
    required: bool,
    /// Scripts on the way to the program.
    scripts: Vec<Needed>,
    /// Why there is no process.
    miss: Option<Miss>,
    process: Option<Process>,
}

impl Work<'_> {
    /// Starts what is at a path, unless that was done before; its number.
    fn start(&mut self, path: &Path, why: &str, required: bool) -> Result<usize, ClosureError> {
        if let Some(&known) = self.by_path.get(path) {
            self.starts[known].required |= required;
            return Ok(known);
        }
        let by = Needer::Request(why.to_owned());
        let path = path.to_path_buf();
        let mut start = Start { path, by, required, scripts: Vec::new(), miss: None, process: None };
        start.miss = self.run(&mut start)?.err();
        self.starts.push(start);
        let number = self.starts.len() - 1;
        self.by_path.insert(self.starts[number].path.clone(), number);
        Ok(number)
    }

    fn run(&mut self, start: &mut Start) -> Result<Result<(), Miss>, ClosureError> {
        let (mut path, mut by) = (start.path.clone(), start.by.clone());
        loop {
            let name: OsString = path.clone().into();
            let miss = |reason| Miss { name: name.clone(), or: Vec::new(), by: by.clone(), reason };
            if !path.is_absolute() {
                return Ok(Err(miss(Reason::Relative)));
            }
            let found = match self.searcher.tree.follow(TOP, &path)? {
                Ok(found) => found,
                Err(lost) => return Ok(Err(miss(no_such_file(lost)))),
            };
            match self.searcher.tree.content(found.node)? {
                Err(error) => return Ok(Err(miss(Reason::Unusable { path, error }))),
                Ok(Content::Elf(object)) => {
                    let process = Process::start(&mut self.searcher, path, found, object, by)?;
                    start.process = Some(process);
                    return Ok(Ok(()));
                }
                Ok(Content::Script(script)) => {
                    if start.scripts.len() == MAX_SCRIPTS {
                        return Ok(Err(miss(Reason::Scripts)));
                    }
                    let next = script.interpreter.clone();
                    let real = self.searcher.tree.path(found.node).to_path_buf();
                    start.scripts.push(Needed {
                        path: path.clone(),
                        links: found.links,
                        real,
                        content: Content::Script(script),
                        name: name.clone(),
                        by: by.clone(),
                    });
                    by = Needer::Object { path, how: How::Interpreter };
                    path = next;
                }
            }
        }
    }

    /// Opens the modules of the name service switch, once for each kind of libc.
    fn name_service(&mut self) -> Result<(), ClosureError> {
        if self.searcher.search.nss == Nss::None {
            return Ok(());
        }
        let mut seen = Vec::new();
        for process in self.starts.iter_mut().filter_map(|start| start.process.as_mut()) {
            let Some((number, libc)) = process.glibc() else { continue };
            if !process.misses.is_empty() || seen.contains(&libc.node) {
                continue;
            }
            let libc = (libc.node, libc.path.clone());
            seen.push(libc.0);
            let names = match &self.searcher.search.nss {
                Nss::None => Vec::new(),
                Nss::Named(names) => names.iter().map(|name| format!("libnss_{name}.so.2").into()).collect(),
                Nss::All => self.searcher.beside(libc.0, MAX_MODULES, &|name| {
                    let name = name.as_encoded_bytes();
                    name.starts_with(b"libnss_") && name.ends_with(b".so.2")
                })?,
            };
            let by = Needer::Object { path: libc.1, how: How::Nss };
            for name in names {
                process.open(&mut self.searcher, &[name], number, &by, false)?;
            }
            process.follow_notes(&mut self.searcher)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Closure, ClosureError> {
        let mut objects = BTreeMap::new();
        let (mut misses, mut absent) = (Misses::default(), Misses::default());
        for start in self.starts {
            let Start { path, by, required, scripts, miss, process } = start;
            let (mut needed, mut missing) = (scripts, Vec::from_iter(miss));
            let started = process.is_some();
            if let Some(process) = process {
                let (found, process_misses, process_absent) = process.into_parts(&self.searcher.tree);
                needed.extend(found);
                missing.extend(process_misses);
                // Of what is left out it does not matter what else could be missing.
                if missing.is_empty() {
                    absent.add(process_absent);
                }
            }
            if missing.is_empty() {
                for one in needed {
                    objects.entry(one.path.clone()).or_insert(one);
                }
            } else if required {
                misses.add(missing);
            } else if started {
                let reason = Reason::Incomplete { path: path.clone(), lacks: missing };
                absent.add(vec![Miss { name: path.into(), or: Vec::new(), by, reason }]);
            } else {
                absent.add(missing);
            }
        }
        let (mut misses, absent) = (misses.all, absent.all);
        if misses.is_empty() {
            return Ok(Closure { objects: objects.into_values().collect(), absent });
        }
        near::fill(&mut self.searcher.tree, &mut misses)?;
        Err(ClosureError::Missing(misses))
    }
}

/// Misses, each once: five programs that use a library all miss what it misses.
#[derive(Default)]
struct Misses {
    all: Vec<Miss>,
    seen: HashSet<(OsString, Needer)>,
}

impl Misses {
    fn add(&mut self, more: Vec<Miss>) {
        let new = more.into_iter().filter(|miss| self.seen.insert((miss.name.clone(), miss.by.clone())));
        self.all.extend(new);
    }
}

pub(crate) fn no_such_file(lost: Lost) -> Reason {
    Reason::NoSuchFile { error: Arc::new(lost.into()) }
}
