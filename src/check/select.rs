//! From the list of all functional tests to those that are meant.

use std::collections::BTreeSet;

use super::pattern::Pattern;
use crate::failure::Problem;

/// The tests of the harness itself, which have no flavor and say nothing about what somebody has built.
const HARNESS: &str = "harness";

/// Which tests are meant.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Flavors that were asked for; without any, those that are built.
    pub flavors: Vec<String>,
    /// Flavors that are built; nothing where nobody built any, and the tests do it.
    pub built: Option<Vec<String>>,
    /// What the path must match, where something was said.
    pub pattern: Option<Pattern>,
}

/// The paths of the tests that are meant. `list` is what the test program lists, a line `PATH: test` for each. It is an
/// error if there is none, or if a flavor that was asked for has none.
pub fn select<'a>(list: &'a str, wanted: &Wanted) -> Result<Vec<&'a str>, Vec<Problem>> {
    let paths: Vec<&str> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let tested: BTreeSet<&str> = paths.iter().copied().filter_map(flavor).collect();
    let is_built =
        |name: &str| wanted.built.as_ref().is_none_or(|built| built.iter().any(|flavor| flavor == name));
    let problems: Vec<_> = wanted
        .flavors
        .iter()
        .filter_map(|name| match (tested.contains(name.as_str()), is_built(name)) {
            (true, true) => None,
            (true, false) => Some(unbuilt(name, wanted.built.as_deref().unwrap_or_default())),
            (false, _) => Some(
                Problem::new(format!("there are no functional tests for the flavor \"{name}\""))
                    .at(format!("-f {name}"))
                    .hint(format!("there are some for {}", join(&tested))),
            ),
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let chosen: BTreeSet<&str> = match wanted.flavors.as_slice() {
        [] => tested.iter().copied().filter(|name| is_built(name)).collect(),
        asked => asked.iter().map(String::as_str).collect(),
    };
    if chosen.is_empty() {
        let what = format!(
            "there are no functional tests for the flavors that are built ({})",
            wanted.built.as_deref().unwrap_or_default().join(", ")
        );
        return Err(vec![Problem::new(what).hint(format!("there are some for {}", join(&tested)))]);
    }
    let meant: Vec<&str> = paths
        .iter()
        .copied()
        .filter(|path| match flavor(path) {
            Some(flavor) => chosen.contains(flavor),
            None => wanted.flavors.is_empty() && wanted.built.is_none(),
        })
        .collect();
    let Some(pattern) = &wanted.pattern else { return Ok(meant) };
    let found: Vec<&str> = meant.iter().copied().filter(|path| pattern.matches(path)).collect();
    if found.is_empty() {
        let subjects: BTreeSet<&str> = meant.iter().filter_map(|path| path.split("::").next()).collect();
        let problem = Problem::new(format!("no functional test of {} has such a name", join(&chosen)));
        return Err(vec![problem.at("-run").hint(format!("subjects are {}", join(&subjects)))]);
    }
    Ok(found)
}

fn unbuilt(name: &str, built: &[String]) -> Problem {
    let list = [built, &[name.to_owned()]].concat().join(",");
    Problem::new(format!("the flavor \"{name}\" is not built"))
        .at(format!("-f {name}"))
        .hint(format!("built are {}; configure with --with-stage1-flavors={list}", built.join(", ")))
}

/// The flavor that a path names: the second of its three parts.
fn flavor(path: &str) -> Option<&str> {
    match path.split("::").collect::<Vec<_>>()[..] {
        [subject, flavor, _] if subject != HARNESS => Some(flavor),
        _ => None,
    }
}

fn join(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "dns::fly::a: test\ndns::host::a: test\nharness::table::b: test\nmtab::fly::c: test\n\n4 tests, 0 benchmarks\n";

    /// Flavors that were asked for and that are built, a name, and what comes of it.
    type Row<'a> = (&'a [&'a str], Option<&'a [&'a str]>, &'a str, &'a [&'a str]);

    fn wanted(flavors: &[&str], built: Option<&[&str]>, pattern: &str) -> Wanted {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Wanted {
            flavors: owned(flavors),
            built: built.map(owned),
            pattern: (!pattern.is_empty()).then(|| Pattern::parse(pattern).unwrap()),
        }
    }

    #[test]
    fn by_flavor_and_name() {
        let rows: &[Row] = &[
            (&[], None, "", &["dns::fly::a", "dns::host::a", "harness::table::b", "mtab::fly::c"]),
            (&[], Some(&["fly"]), "", &["dns::fly::a", "mtab::fly::c"]),
            (&["host"], None, "", &["dns::host::a"]),
            (&["host", "fly"], Some(&["fly", "host"]), "", &["dns::fly::a", "dns::host::a", "mtab::fly::c"]),
            (&["fly"], None, "dns", &["dns::fly::a"]),
            (&[], None, "mtab|table", &["harness::table::b", "mtab::fly::c"]),
        ];
        for (flavors, built, pattern, expected) in rows {
            assert_eq!(select(LIST, &wanted(flavors, *built, pattern)).as_deref(), Ok(*expected));
        }
    }

    #[test]
    fn nothing_found_is_an_error() {
        let rows: &[Row] = &[
            (&["kvm", "nope"], None, "", &["flavor \"kvm\"", "flavor \"nope\""]),
            (&["host"], Some(&["fly"]), "", &["\"host\" is not built"]),
            (&[], Some(&["mine"]), "", &["for the flavors that are built (mine)"]),
            (&["host"], None, "mtab", &["no functional test of host has such a name"]),
        ];
        for (flavors, built, pattern, expected) in rows {
            let problems = select(LIST, &wanted(flavors, *built, pattern)).unwrap_err();
            assert_eq!(problems.len(), expected.len(), "{problems:?}");
            for (problem, part) in problems.iter().zip(*expected) {
                assert!(problem.what.contains(part) && problem.hint.is_some(), "{problem:?}");
            }
        }
    }
}
