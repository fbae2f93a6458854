//! Names of apps: those that could be taken for something else in the pod, and those that are too long.

use crate::harness::{Sandbox, tests};

tests! {
    fly: [names_too_long_for_a_file_are_refused, names_that_are_none_are_refused],
    host: [
        names_with_a_meaning_elsewhere,
        names_of_the_pod_s_own_services_are_refused,
        long_names,
        names_too_long_for_a_file_are_refused,
        names_that_are_none_are_refused,
        names_that_look_alike_are_told_apart,
    ],
}

#[track_caller]
fn runs(sandbox: &Sandbox, name: &str) {
    let option = format!("--name={name}");
    let ended = sandbox.run().shell_with(&[&option], "echo $AC_APP_NAME; exit 3").end().code(3);
    assert_eq!(ended.lines_of(name), [name]);
}

fn names_with_a_meaning_elsewhere(sandbox: &Sandbox) {
    // Of units, of control groups, of directories of the pod, and with dashes that paths in names of units are made of.
    for name in [
        "0",
        "a-b",
        "a--b",
        "default",
        "exit",
        "halt",
        "init",
        "systemd",
        "dbus",
        "iomux",
        "ttymux",
        "prepare-app",
        "memory",
        "cpu",
        "tasks",
        "dev-null",
        "proc-self",
        "rootfs",
        "stage2",
        "manifest",
    ] {
        runs(sandbox, name);
    }
}

fn names_of_the_pod_s_own_services_are_refused(sandbox: &Sandbox) {
    for name in [
        "shutdown",
        "supervisor-ready",
        "sysusers",
        "systemd-journald",
        "systemd-halt",
        "systemd-anything",
        "reaper-busybox",
    ] {
        let run = sandbox.run().shell_with(&[&format!("--name={name}")], "true");
        run.end().fails(&format!("app \"{name}\" has the name of a service of the pod itself"));
    }
}

fn long_names(sandbox: &Sandbox) {
    runs(sandbox, &"a".repeat(200));
    runs(sandbox, &format!("{}a", "a-".repeat(40)));
    // These do not fit into names of units, where a dash takes four characters.
    for name in ["a".repeat(240), format!("{}a", "a-".repeat(60))] {
        let run = sandbox.run().shell_with(&[&format!("--name={name}")], "true");
        let said = format!("the name of app \"{name}\" is too long ({} characters)", name.len());
        run.end().fails(&said).says("give it a shorter one with --name=NAME");
    }
}

fn names_too_long_for_a_file_are_refused(sandbox: &Sandbox) {
    let name = "a".repeat(512);
    let run = sandbox.run().shell_with(&[&format!("--name={name}")], "true");
    run.end().fails("is too long: 512 characters").says("give it a shorter one with --name=NAME");
    assert_eq!(sandbox.pods(), [""; 0], "no pod was begun");
}

fn names_that_are_none_are_refused(sandbox: &Sandbox) {
    for name in ["", "A", "a_b", "a.b", "a/b", "..", "-a", "a-", "a b", "uml\u{e4}ut", "a\nb", "%n"] {
        let run = sandbox.run().shell_with(&[&format!("--name={name}")], "true");
        run.end().fails("--name");
    }
}

fn names_that_look_alike_are_told_apart(sandbox: &Sandbox) {
    let line = "echo $AC_APP_NAME";
    let names = ["a", "a-b", "a-b-c", "b-a", "ab"];
    let run =
        names.iter().fold(sandbox.run(), |run, name| run.shell_with(&[&format!("--name={name}")], line));
    let ended = run.end().ok();
    for name in names {
        assert_eq!(ended.lines_of(name), [name]);
    }
    let run = sandbox.run().shell_with(&["--name=twice"], line).shell_with(&["--name=twice"], line);
    run.end().fails("multiple apps with name twice");
}
