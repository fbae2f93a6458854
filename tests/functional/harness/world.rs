//! The harness itself: a test that fails must not leave anything behind.

use std::fs;
use std::process::Command;

use super::Sandbox;
use crate::common::isolation::{Cgroups, in_a_world};

/// Command lines of all processes of the machine.
fn command_lines() -> Vec<String> {
    let read = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).ok();
    let lines = fs::read_dir("/proc").unwrap().flatten().filter_map(read);
    lines.map(|words| String::from_utf8_lossy(&words).replace('\0', " ")).collect()
}

#[test]
fn a_test_that_fails_leaves_nothing() {
    let mark = "98765.4321";
    let said = in_a_world("harness::world::a_test_that_fails_leaves_nothing", || {
        let sandbox = Sandbox::new("fly");
        // A pod, and a process that has left everybody behind and does not listen.
        let mut pod = sandbox.run().shell(&format!("echo started; exec sleep {mark}")).start();
        pod.wait_for_line("started");
        let line = format!("trap '' TERM HUP; sleep {mark} & wait");
        Command::new("setsid").args(["--fork", "sh", "-c", &line]).status().unwrap();
        assert!(command_lines().iter().any(|line| line.contains(mark)));
        assert!(!sandbox.mounts().is_empty());
        fs::create_dir(Cgroups::own()[0].join("below")).unwrap();
        let cgroup = Cgroups::own()[0].display().to_string();
        panic!("on purpose: {cgroup} {}", sandbox.path().display());
    });
    let said = said.unwrap_err();
    let (_, places) = said.split_once("on purpose: ").unwrap_or_else(|| panic!("{said}"));
    for place in places.lines().next().unwrap().split(' ') {
        assert!(place.starts_with('/') && !fs::exists(place).unwrap(), "{place} is left");
    }
    let left: Vec<_> = command_lines().into_iter().filter(|line| line.contains(mark)).collect();
    assert_eq!(left, [""; 0], "processes are left");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(places.lines().next().unwrap().split(' ').next_back().unwrap()), "{mounts}");
}

#[test]
fn what_a_test_says_is_told_when_it_fails() {
    let said = in_a_world("harness::world::what_a_test_says_is_told_when_it_fails", || {
        println!("on standard output");
        assert_eq!(1, 2, "on standard error");
    });
    let said = said.unwrap_err();
    for part in ["on standard output", "on standard error", "exit status: 101"] {
        assert!(said.contains(part), "{said}");
    }
}
