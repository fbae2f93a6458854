//! Putting what was built in its place, and taking it away again.
//!
//! Every file appears in its place whole or not at all. What was put where is remembered in the build directory, so
//! that only that is taken away.

mod ledger;
mod place;

use std::path::{Path, PathBuf};

use crate::build::memory_file;
use crate::configure::Config;
use crate::event::{Event, Sink};
use crate::failure::{Failure, Problem};
use crate::store::digest::Digest;
use crate::store::memory::Memory;
use crate::store::record::Record;

use ledger::Ledger;
use place::Target;

/// One file to install.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Product {
    /// The step that makes it.
    step: String,
    /// Where it is, relative to the build directory.
    from: PathBuf,
    /// Where it goes, without `DESTDIR`.
    to: PathBuf,
    /// Its mode.
    mode: u32,
}

/// Everything that this configuration installs: images first, so that an `rkt` never stands there without its image.
fn products(config: &Config) -> Vec<Product> {
    let mut products = Vec::new();
    for flavor in &config.flavors {
        for file in [format!("stage1-{flavor}.aci"), format!("stage1-{flavor}.aci.json")] {
            let to = config.default_stage1.images_directory.join(&file);
            let from = Path::new("bin").join(&file);
            products.push(Product { step: format!("stage1-{flavor}"), from, to, mode: 0o644 });
        }
    }
    let to = config.directories.bindir.join("rkt");
    products.push(Product { step: "rkt".to_owned(), from: "bin/rkt".into(), to, mode: 0o755 });
    products
}

/// Whether everything could be installed: what is wrong with the places it would go to. Writes nothing.
pub fn check(config: &Config, destdir: Option<&Path>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for product in products(config) {
        let problem = Target::new(&product.to, destdir).writable().err();
        problems.extend(problem.filter(|problem| !problems.contains(problem)));
    }
    problems
}

/// Installs what was built. Nothing is put anywhere unless everything is there to be put.
pub fn install(config: &Config, destdir: Option<&Path>, sink: &dyn Sink) -> Result<(), Failure> {
    let builddir = &config.builddir;
    let mut memory = Memory::open(&memory_file(builddir));
    let mut problems = check(config, destdir);
    let mut ready = Vec::new();
    for product in products(config) {
        match built(builddir, &product, &mut memory) {
            Ok(digest) => ready.push((product, digest)),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::refused(problems));
    }
    let mut ledger = Ledger::load(builddir);
    let done = ready.iter().try_for_each(|(product, digest)| {
        let target = Target::new(&product.to, destdir);
        if ledger.holds(target.path(), *digest) {
            sink.send(Event::detail("INSTALL", format!("{} is up to date", target.path().display())));
            return Ok(());
        }
        // The folders are remembered at once: a later failure must not leave some that nobody takes away.
        ledger.add_folders(target.make_folders()?);
        // So is the file, before it is there: a process that is killed must not leave one that nobody takes away.
        ledger.add(target.path(), *digest);
        ledger.save(builddir)?;
        target.put(&builddir.join(&product.from), product.mode, *digest)?;
        ledger.add(target.path(), *digest);
        sink.send(Event::action(
            "INSTALL",
            format!("{} -> {}", product.from.display(), target.path().display()),
        ));
        Ok(())
    });
    let saved = ledger.save(builddir);
    // Nothing depends on the memory but speed.
    let _ = memory.save();
    done.and(saved).map_err(Failure::failed)
}

/// The digest of a file that was built, and is as it was built.
fn built(builddir: &Path, product: &Product, memory: &mut Memory) -> Result<Digest, Problem> {
    let path = builddir.join(&product.from);
    let record = Record::load(&builddir.join("steps").join(format!("{}.json", product.step)));
    let made = record.and_then(|record| record.outputs.get(&product.from).copied());
    let what = match (made, memory.digest(&path)) {
        (Some(made), Ok(found)) if made == found => return Ok(made),
        (Some(_), Ok(_)) => "it was changed since it was built".to_owned(),
        (None, _) => "it has not been built".to_owned(),
        (_, Err(error)) => format!("it cannot be read: {error}"),
    };
    Err(Problem::new(what).at(path.display().to_string()).hint("run `rkt-build build` (or make) first"))
}

/// Takes away what was installed from this build directory (below the same `DESTDIR`). A file that somebody else has
/// put there since stays, with a warning.
pub fn uninstall(config: &Config, destdir: Option<&Path>, sink: &dyn Sink) -> Result<(), Vec<Problem>> {
    let builddir = &config.builddir;
    let mut ledger = Ledger::load(builddir);
    let mut found = false;
    for product in products(config) {
        let target = Target::new(&product.to, destdir);
        let Some(digest) = ledger.take(target.path()) else { continue };
        found = true;
        let event = match target.remove(digest).map_err(|problem| vec![problem])? {
            place::Removal::Removed => Event::action("REMOVE", target.path().display().to_string()),
            place::Removal::Gone => {
                Event::detail("REMOVE", format!("{} is gone already", target.path().display()))
            }
            place::Removal::Foreign => Event::Warning(
                Problem::new("this file is not the one that was installed from here, so it stays")
                    .at(target.path().display().to_string())
                    .hint("remove it by hand if nobody else needs it"),
            ),
        };
        sink.send(event);
        ledger.remove_empty_folders(&target);
    }
    ledger.save(builddir).map_err(|problem| vec![problem])?;
    if found {
        return Ok(());
    }
    let place =
        destdir.map_or_else(|| builddir.display().to_string(), |dir| format!("DESTDIR={}", dir.display()));
    let problem = Problem::new("nothing is installed from this build directory").at(place);
    Err(vec![problem.hint("name the build directory with BUILDDIR=, and the same DESTDIR as for install")])
}
