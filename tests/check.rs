//! `rkt-build check`: which tests it runs, and what it says when there are none.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use common::{PROGRAM, Place, TOP, clean, executables, ok, ready_made, text};

/// Stands for `tests/run` of a checkout: lists tests as the real one does, says how else it is called, and fails when it is
/// told to.
const RUN: &str = r#"#!/bin/sh
case "$*" in
*--list*) printf '%s: test\n' dns::fly::a dns::host::a mtab::fly::b harness::table::c; exit ;;
esac
echo "$* (build: ${RKT_TEST_BUILD:-none})"
case "$*" in ${FAILING:-nothing}*) exit 101 ;; esac
"#;

/// A directory with a checkout of nothing but [`RUN`].
fn checkout() -> Place {
    let place = Place::new();
    let run = place.at("tests/run");
    fs::create_dir(place.at("tests")).unwrap();
    fs::write(&run, RUN).unwrap();
    fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
    place
}

/// `rkt-build check`, without words at its end: behind `--` they would mean something else.
fn check(place: &Place, words: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["check", "-q", "--srcdir=."]).args(words).current_dir(place.path());
    clean(&mut command);
    command.env("BUILDDIR", "b");
    command
}

const UNIT: &str = "unit (build: none)\n";

#[test]
fn what_is_run_depends_on_the_words() {
    let place = checkout();
    let all = "functional --exact dns::fly::a dns::host::a mtab::fly::b harness::table::c (build: none)\n";
    let host = "functional --exact dns::host::a (build: none)\n";
    let rows: &[(&[&str], &[&str])] = &[
        (&[], &[UNIT]),
        (&["--functional"], &[UNIT, all]),
        (&["--functional-only"], &[all]),
        (&["-f", "host"], &[UNIT, host]),
        (&["--functional-only", "-f", "host"], &[host]),
        (
            &["-f", "fly", "--flavor=host", "--", "-run", "^dns"],
            &["functional --exact dns::fly::a dns::host::a (build: none)\n"],
        ),
        (
            &["--", "-v", "-run=mtab|table"],
            &["functional --exact mtab::fly::b harness::table::c (build: none)\n"],
        ),
    ];
    for (words, expected) in rows {
        assert_eq!(text(&ok(&mut check(&place, words)).stdout), expected.concat(), "{words:?}");
    }
}

#[test]
fn a_configured_build_is_what_is_tested() {
    let place = checkout();
    place.configure(&["--srcdir=.", "--enable-functional-tests"]);
    let output = ok(&mut check(&place, &[]));
    let build = place.built("").canonicalize().unwrap();
    let functional = format!("functional --exact dns::fly::a mtab::fly::b (build: {})\n", build.display());
    assert_eq!(text(&output.stdout), [UNIT, &functional].concat());
    assert!(place.built("bin/stage1-fly.aci").exists(), "what is tested is built first");
    // Nothing is done, and nothing compiled, where everything is only shown.
    let output = text(&ok(&mut check(&place, &["-n"])).stdout);
    assert!(output.ends_with("/tests/run functional\n") && output.contains("/tests/run unit\n"), "{output}");
}

#[test]
fn failures_of_either_part_are_failures() {
    let place = checkout();
    for (failing, expected) in [("unit", 1), ("functional", 1), ("nothing", 0)] {
        let output = check(&place, &["-f", "fly"]).env("FAILING", failing).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{failing}");
        assert_eq!(text(&output.stdout).lines().count(), 2, "the other part runs all the same");
    }
}

#[test]
fn what_cannot_be_run_is_told_before_anything_runs() {
    let place = checkout();
    let rows: &[(&[&str], i32, &str)] = &[
        (&["-f", "kvm"], 3, "there are no functional tests for the flavor \"kvm\""),
        (&["--", "-run", "nope"], 3, "no functional test of fly, host has such a name"),
        (&["--", "-run", "a.*b"], 2, "\".\" is a part of regular expressions that is not supported"),
        (&["--", "-count=1"], 2, "this is no word of the functional tests"),
        (&["dns"], 2, "this is no word of the functional tests"),
        (&["-f"], 2, "the value is missing"),
        (&["--srcdir=/nonexistent"], 3, "there are no tests here"),
    ];
    for (words, code, said) in rows {
        let output = check(&place, words).output().unwrap();
        assert_eq!(output.status.code(), Some(*code), "{words:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
    }
    ok(place.command(&["configure", "-q", "--srcdir=."]).args(ready_made(executables())));
    let output = check(&place, &["-f", "host"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("built are fly; configure with --with-stage1-flavors=fly,host"));
}

#[test]
fn one_test_of_this_checkout() {
    let place = Place::new();
    let words = ["-f", "fly", "--", "-run", "^mtab::fly::it_leads_to_proc$"];
    let mut command = check(&place, &words);
    command.arg("-v").env("BUILDDIR", place.built(""));
    command.current_dir(TOP);
    let said = text(&ok(&mut command).stdout);
    assert!(said.contains("test mtab::fly::it_leads_to_proc ... ok") && said.contains("1 passed"), "{said}");
}

#[test]
fn the_script_of_the_original_explains_its_words() {
    let script = |words: &[&str]| {
        let mut command = Command::new(format!("{TOP}/tests/build-and-run-tests.sh"));
        command.args(words).env("RKT_BUILD", "/nonexistent").output().unwrap()
    };
    let usage = script(&["-u"]);
    assert!(usage.status.success());
    for letter in ["f", "s", "r", "c", "x", "d", "j", "v", "u"] {
        assert!(text(&usage.stdout).contains(&format!("\n  -{letter} ")), "-{letter}");
    }
    for (words, said) in [
        (&["-f"][..], "-f needs a value"),
        (&["-f", "o"], "unknown flavor \"o\""),
        (&["-j"], "-f is missing"),
        (&["-f", "fly", "-z"], "-z is not known"),
        (&["-f", "fly", "-s", "v252"], "-s and -r go with -f src only"),
        (&["-f", "fly", "host"], "unexpected word \"host\""),
    ] {
        let output = script(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(text(&output.stderr).contains(said), "{words:?}: {}", text(&output.stderr));
    }
}
