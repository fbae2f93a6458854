//! The closure of what is installed here, beside what the loader itself says: for every program and library.

mod trace;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rkt_elf::host::HostRoot;
use rkt_elf::{Content, Object, Priority, Request, Search, closure};
use trace::Answer;

/// Folders of programs and libraries; those that are not there are those of other distributions.
const PROGRAMS: &[&str] = &["/usr/bin", "/usr/sbin", "/usr/lib/systemd", "/lib/systemd", "/usr/libexec"];
const LIBRARIES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu/systemd",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib64/systemd",
    "/usr/lib/systemd",
];

#[test]
fn programs_and_libraries_of_this_host() {
    let root = HostRoot::host().expect("the host's root");
    let mut counts = [0, 0, 0];
    let mut wanted = BTreeSet::from(["bash", "mount", "systemctl", "systemd", "systemd-journald"]);
    for (folders, count) in [(PROGRAMS, 0), (LIBRARIES, 1)] {
        for file in folders.iter().flat_map(|folder| files(Path::new(folder))) {
            let Some(object) = read(&file) else { continue };
            if count == 0 && object.interpreter.is_none() {
                continue;
            }
            // Libraries are given to the loader of this host, which is for one machine only.
            let loader = object.interpreter.clone();
            let loader = loader.or_else(|| {
                let known = object.machine.known()?;
                known.loaders.iter().map(PathBuf::from).find(|loader| loader.exists())
            });
            let Some(loader) = loader.filter(|_| !object.needed.is_empty()) else { continue };
            if file.file_name() == loader.file_name() {
                continue;
            }
            // As ldd does it; it starts nothing.
            let mut list = Command::new(&loader);
            list.arg(&file).env_clear().env("LD_TRACE_LOADED_OBJECTS", "1");
            let mut expected = trace::of_loader(&mut list);
            if let Some((found, missing)) = &mut expected
                && !missing.is_empty()
            {
                // What is found beside is not told by a closure that fails.
                found.clear();
            }
            assert_eq!(answer(&root, &file, &loader), expected, "{}", file.display());
            wanted.remove(file.file_name().and_then(|name| name.to_str()).expect("a name"));
            counts[count] += 1;
            counts[2] += object.needed.len();
        }
    }
    println!("{} programs, {} libraries, {} names", counts[0], counts[1], counts[2]);
    assert!(wanted.is_empty(), "{wanted:?} are among them");
    assert!(counts[0] > 50 && counts[1] > 20, "{counts:?}");
}

/// Real files of a folder, sorted; not those of links, which are the same.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let entries = entries.map(|entry| entry.expect("entry"));
    let files = entries.filter(|entry| entry.file_type().expect("type").is_file());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn read(file: &Path) -> Option<Object> {
    match Content::read(&mut File::open(file).expect("open")) {
        Ok(Content::Elf(object)) => Some((*object).clone()),
        _ => None,
    }
}

/// What the closure is but for the file itself, in the words of the loader.
fn answer(root: &HostRoot, file: &Path, loader: &Path) -> Option<Answer> {
    // The loader knows nothing of notes.
    let search = Search { follow: Priority::Required, ..Search::default() };
    let (mut found, missing) = trace::of_closure(&closure(root, &[Request::file(file, "x")], &search))?;
    found.remove(file);
    // It lists itself under the name by which it was called.
    if found.iter().any(|path| path.file_name() == loader.file_name()) {
        found.retain(|path| path.file_name() != loader.file_name());
        found.insert(loader.to_path_buf());
    }
    Some((found, missing))
}
