//! The table of subjects is true: it has a row for each file of the original, and what its rows name is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::common::{TOP, ok, text};

/// The test files of rkt 1.30.
const ORIGINAL: &str = include_str!("../original.txt");
const TABLE: &str = include_str!("../subjects.toml");

/// What may have to come first.
const LATER: &[&str] =
    &["systemd-engine", "networking", "registries", "signatures", "services", "export", "kvm"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    subject: Vec<Subject>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    original: Vec<String>,
    file: Option<String>,
    #[serde(default)]
    flavors: BTreeSet<String>,
    #[serde(default)]
    elsewhere: Vec<String>,
    later: Option<String>,
    not: Option<String>,
}

fn table() -> Vec<Subject> {
    toml::from_str::<Table>(TABLE).unwrap().subject
}

/// The flavors for which each file of this program has tests.
fn tested() -> BTreeMap<String, BTreeSet<String>> {
    let list = ok(Command::new(std::env::current_exe().unwrap()).args(["--list", "--format=terse"]));
    let mut tested = BTreeMap::<_, BTreeSet<_>>::new();
    for line in text(&list.stdout).lines() {
        let path = line.strip_suffix(": test").unwrap();
        if let [file, flavor, _] = path.split("::").collect::<Vec<_>>()[..]
            && file != "harness"
        {
            tested.entry(file.to_owned()).or_default().insert(flavor.to_owned());
        }
    }
    tested
}

#[test]
fn each_file_of_the_original_has_its_row() {
    let known: BTreeSet<_> = ORIGINAL.lines().collect();
    let table = table();
    let mut seen = BTreeSet::new();
    for name in table.iter().flat_map(|subject| &subject.original) {
        assert!(known.contains(name.as_str()), "{name} is not a file of the original");
        assert!(seen.insert(name.as_str()), "{name} has two rows");
    }
    assert_eq!(seen, known, "files without a row");
}

#[test]
fn each_row_says_something_true() {
    let tested = tested();
    let mut faults = Vec::new();
    for row in table() {
        let mut fault = |what: String| faults.push(format!("{:?}: {what}", row.original));
        match &row.file {
            Some(file) => {
                let found = tested.get(file).cloned().unwrap_or_default();
                if found.is_empty() || found != row.flavors {
                    fault(format!("{file} has tests for {found:?}, the row says {:?}", row.flavors));
                }
            }
            None if !row.flavors.is_empty() => fault("flavors without a file".to_owned()),
            None if row.elsewhere.is_empty() && row.later.is_none() && row.not.is_none() => {
                fault("neither tests nor a reason".to_owned());
            }
            None => {}
        }
        for path in &row.elsewhere {
            if !Path::new(TOP).join(path).is_file() {
                fault(format!("{path} is not there"));
            }
        }
        if let Some(later) = row.later.as_deref().filter(|later| !LATER.contains(later)) {
            fault(format!("{later} is nothing that is to come: {LATER:?}"));
        }
        if row.not.is_some() && (row.file.is_some() || row.later.is_some() || !row.elsewhere.is_empty()) {
            fault("it is tested, or will be, although there is nothing to test".to_owned());
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn each_file_of_ours_has_a_row() {
    let mut named: BTreeSet<_> = table().into_iter().filter_map(|row| row.file).collect();
    named.insert("main".to_owned());
    for entry in fs::read_dir(Path::new(TOP).join("tests/functional")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(named.contains(name), "{name}.rs is not in subjects.toml");
        }
    }
}
