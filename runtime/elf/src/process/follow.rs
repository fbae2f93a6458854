//! Loading on: what the objects of a process need, and what they open.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Meaning, Process};
use crate::dlopen::Priority;
use crate::error::{ClosureError, Miss, Reason};
use crate::request::{How, Needer};
use crate::search::{Libc, Searcher};

/// What a miss counts for, besides its names, in bytes.
const MISS: usize = 256;

impl Process {
    /// Loads what the objects need, breadth first.
    pub(super) fn follow_needs(&mut self, searcher: &mut Searcher) -> Result<(), ClosureError> {
        while self.followed.needs < self.loaded.len() {
            let number = self.followed.needs;
            self.followed.needs += 1;
            let object = Arc::clone(&self.loaded[number].object);
            let optional = self.loaded[number].optional;
            for name in &object.needed {
                let by = Needer::Object { path: self.loaded[number].path.clone(), how: How::Needed };
                match self.mean(searcher, name, number)? {
                    Ok(Meaning::Known) => {}
                    Ok(Meaning::New(taken)) => {
                        self.load(searcher, taken, name.clone(), by, Some(number), optional)?;
                    }
                    Err(reason) => {
                        searcher.tree.keep(MISS + name.len())?;
                        self.misses.push(Miss { name: name.clone(), or: Vec::new(), by, reason });
                    }
                }
            }
        }
        Ok(())
    }

    /// Opens what the notes of the objects name, as far as they are to be followed.
    ///
    /// What must be there comes first, so that nothing counts as optional only because something optional brought it.
    pub(crate) fn follow_notes(&mut self, searcher: &mut Searcher) -> Result<(), ClosureError> {
        while self.followed.required < self.loaded.len() {
            let number = self.followed.required;
            self.followed.required += 1;
            if !self.loaded[number].optional {
                self.open_noted(searcher, number, true)?;
            }
        }
        while self.followed.optional < self.loaded.len() {
            let number = self.followed.optional;
            self.followed.optional += 1;
            self.open_noted(searcher, number, false)?;
            let loaded = &self.loaded[number];
            if let Some(reason) = &loaded.object.bad_note {
                let (name, by) = (loaded.path.clone().into(), loaded.by.clone());
                let reason = Reason::Note(reason.clone());
                self.absent.push(Miss { name, or: Vec::new(), by, reason });
            }
        }
        Ok(())
    }

    /// Opens those that the notes of an object name as required, or the others.
    fn open_noted(
        &mut self,
        searcher: &mut Searcher,
        number: usize,
        required: bool,
    ) -> Result<(), ClosureError> {
        let loaded = &self.loaded[number];
        let (object, path, optional) = (Arc::clone(&loaded.object), loaded.path.clone(), loaded.optional);
        for note in &object.dlopen {
            let must = note.priority == Priority::Required && !optional;
            if must != required || note.priority < searcher.search.follow {
                continue;
            }
            let names: Vec<OsString> = note.soname.iter().map(OsString::from).collect();
            let how = How::Dlopen { feature: note.feature.clone(), priority: note.priority };
            let by = Needer::Object { path: path.clone(), how };
            self.open(searcher, &names, number, &by, required)?;
        }
        Ok(())
    }

    /// Opens the first of the names that can be loaded with all it needs, as `opener` would do it.
    pub(crate) fn open(
        &mut self,
        searcher: &mut Searcher,
        names: &[OsString],
        opener: usize,
        by: &Needer,
        required: bool,
    ) -> Result<(), ClosureError> {
        // The first reason counts, unless a later name was found and lacks something.
        let mut not_found: Option<Reason> = None;
        let mut incomplete: Option<(PathBuf, Vec<Miss>)> = None;
        for name in names {
            let before = (self.loaded.len(), self.aliases.len(), self.added.len(), self.misses.len());
            match self.mean(searcher, name, opener)? {
                Ok(Meaning::Known) => return Ok(()),
                Ok(Meaning::New(taken)) => {
                    // glibc forgets who opened it: its search paths do not count for what it needs.
                    let loader = (self.libc != Libc::Glibc).then_some(0);
                    let path = taken.path.clone();
                    self.load(searcher, taken, name.clone(), by.clone(), loader, !required)?;
                    self.follow_needs(searcher)?;
                    if self.misses.len() == before.3 {
                        return Ok(());
                    }
                    let lacks = self.misses.split_off(before.3);
                    incomplete.get_or_insert((path, lacks));
                    self.forget(before.0, before.1, before.2);
                }
                Err(reason) => {
                    not_found.get_or_insert(reason);
                }
            }
        }
        let [name, or @ ..] = names else { return Ok(()) };
        searcher.tree.keep(names.iter().map(|name| name.len() + MISS).sum())?;
        let miss = |reason| Miss { name: name.clone(), or: or.to_vec(), by: by.clone(), reason };
        match (incomplete, not_found) {
            (Some((_, lacks)), _) if required => self.misses.extend(lacks),
            (Some((path, lacks)), _) => self.absent.push(miss(Reason::Incomplete { path, lacks })),
            (None, Some(reason)) if required => self.misses.push(miss(reason)),
            (None, Some(reason)) => self.absent.push(miss(reason)),
            (None, None) => {}
        }
        Ok(())
    }

    /// Takes back what was loaded since.
    fn forget(&mut self, loaded: usize, aliases: usize, added: usize) {
        for gone in self.loaded.drain(loaded..) {
            self.by_node.remove(&gone.node);
        }
        for name in self.added.drain(added..) {
            self.names.remove(&name);
        }
        self.aliases.truncate(aliases);
        self.followed.needs = loaded;
        self.followed.required = self.followed.required.min(loaded);
        self.followed.optional = self.followed.optional.min(loaded);
    }
}
