//! What the loader itself says, beside what this crate says.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use rkt_elf::{Closure, ClosureError, Reason};

/// What is found, and what is not found.
pub(crate) type Answer = (BTreeSet<PathBuf>, BTreeSet<String>);

/// What the loader lists when it is asked to list only; none when it stops at something.
pub(crate) fn of_loader(command: &mut Command) -> Option<Answer> {
    let out = command.output().expect("run the loader");
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
    // With something missing it also fails, but lists the rest.
    (out.status.success() || !missing.is_empty()).then_some((found, missing))
}

/// Without the directory of a variant for this processor.
fn plain(path: &str) -> PathBuf {
    let (before, after) = path.split_once("/glibc-hwcaps/").unwrap_or((path, ""));
    let name = after.split_once('/').map(|(_, name)| name);
    name.map_or_else(|| PathBuf::from(before), |name| PathBuf::from(before).join(name))
}

/// The same of a closure; none when something stops it.
pub(crate) fn of_closure(closure: &Result<Closure, ClosureError>) -> Option<Answer> {
    match closure {
        Ok(closure) => {
            Some((closure.objects.iter().map(|object| object.path.clone()).collect(), BTreeSet::new()))
        }
        Err(ClosureError::Missing(misses)) => {
            let found =
                |reason: &Reason| matches!(reason, Reason::NotFound { .. } | Reason::NoSuchFile { .. });
            let names = misses.iter().map(|miss| miss.name.display().to_string()).collect();
            misses.iter().all(|miss| found(&miss.reason)).then_some((BTreeSet::new(), names))
        }
        Err(error) => panic!("{error}"),
    }
}
