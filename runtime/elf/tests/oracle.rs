//! The closure of what is installed here, beside what the loader itself says: for every program and library.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rkt_elf::host::HostRoot;
use rkt_elf::{ClosureError, Content, Nss, Object, Priority, Reason, Request, Search, closure};

const PROGRAMS: &[&str] =
    &["/usr/bin", "/usr/sbin", "/usr/lib/systemd", "/usr/lib/systemd/system-generators", "/usr/libexec"];
const LIBRARIES: &[&str] = &["/usr/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu/systemd", "/usr/lib64"];

/// What the loader finds, and what it does not find.
type Answer = (BTreeSet<PathBuf>, BTreeSet<String>);

#[test]
fn programs_and_libraries_of_this_host() {
    let root = HostRoot::host().expect("the host's root");
    let mut counts = [0, 0, 0];
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
            let Some((found, missing)) = ask(&loader, &file) else { continue };
            assert_eq!(answer(&root, &file, &loader), (found, missing), "{}", file.display());
            counts[count] += 1;
            counts[2] += object.needed.len();
        }
    }
    println!("{} programs, {} libraries, {} names", counts[0], counts[1], counts[2]);
    for program in ["systemd/systemd", "systemd/systemd-journald", "bash", "mount", "systemctl", "python3"] {
        let there = PROGRAMS.iter().any(|folder| Path::new(folder).join(program).exists());
        assert!(there || Path::new("/usr/lib").join(program).exists(), "{program} is one of them");
    }
    assert!(counts[0] > 100 && counts[1] > 50, "{counts:?}");
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

/// What the loader lists; it starts nothing. None when it does not load the file at all.
fn ask(loader: &Path, file: &Path) -> Option<Answer> {
    let out = Command::new(loader).arg("--list").arg(file).env_clear().output().expect("run the loader");
    if !out.status.success() {
        return None;
    }
    let (mut found, mut missing) = (BTreeSet::new(), BTreeSet::new());
    for line in String::from_utf8(out.stdout).expect("text").lines() {
        let line = line.trim();
        if line.starts_with("linux-vdso") || line == "statically linked" {
            continue;
        }
        let (name, path) = line.split_once(" => ").unwrap_or((line, line));
        match path.rsplit_once(" (0x").map(|(path, _)| path) {
            Some(path) => found.insert(plain(path)),
            None => missing.insert(name.to_owned()),
        };
    }
    Some((found, missing))
}

/// Without the directory of a variant for this processor.
fn plain(path: &str) -> PathBuf {
    let mut parts = path.split("/glibc-hwcaps/");
    let (before, after) = (parts.next().unwrap_or_default(), parts.next());
    let rest = after.and_then(|after| after.split_once('/'));
    rest.map_or_else(|| PathBuf::from(before), |(_, name)| Path::new(before).join(name))
}

fn answer(root: &HostRoot, file: &Path, loader: &Path) -> Answer {
    // The loader knows nothing of notes.
    let search = Search { follow: Priority::Required, ..Search::default() };
    match closure(root, &[Request::file(file, "the test")], &search) {
        Ok(closure) => {
            let mut found: BTreeSet<PathBuf> =
                closure.objects.into_iter().map(|object| object.path).collect();
            found.remove(file);
            // It lists itself under the name by which it was called.
            if found.iter().any(|path| path.file_name() == loader.file_name()) {
                found.retain(|path| path.file_name() != loader.file_name());
                found.insert(loader.to_path_buf());
            }
            (found, BTreeSet::new())
        }
        Err(ClosureError::Missing(misses)) => {
            let not_found = misses.iter().filter(|miss| matches!(miss.reason, Reason::NotFound { .. }));
            assert_eq!(not_found.clone().count(), misses.len(), "{misses:?}");
            let names: BTreeSet<String> = not_found.map(|miss| miss.name.display().to_string()).collect();
            let found = ask(loader, file).expect("asked before").0;
            (found, names)
        }
        Err(error) => panic!("{}: {error}", file.display()),
    }
}
