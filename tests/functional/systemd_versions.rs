//! Hosts with other versions of systemd than this machine has, and such on which only control groups of version 2 are
//! mounted: those of Debian 12, 13 and unstable, booted.

use std::fs;
use std::process::Command;

use crate::common::ok;
use crate::harness::{Debian, Groups, Sandbox, Started, tests, wait_for};

tests! {
    host: [
        debian_12_with_version_2,
        debian_13_with_groups_of_version_1,
        debian_13_with_version_2,
        debian_unstable_with_version_2,
        beside_groups_of_version_1,
        without_what_filters_system_calls,
    ],
}

fn debian_12_with_version_2(sandbox: &Sandbox) {
    a_host(sandbox, "bookworm", Groups::Unified);
}

fn debian_13_with_groups_of_version_1(sandbox: &Sandbox) {
    a_host(sandbox, "trixie", Groups::AsHere);
}

fn debian_13_with_version_2(sandbox: &Sandbox) {
    a_host(sandbox, "trixie", Groups::Unified);
}

fn debian_unstable_with_version_2(sandbox: &Sandbox) {
    a_host(sandbox, "sid", Groups::Unified);
}

/// What systemd 257 says where controllers of version 1 are mounted apart that it would have mounted together, before it
/// knows that it is to be quiet. Distributions mount them together.
const SAID_OF_ODD_GROUPS: &str = "Failed to create symlink /sys/fs/cgroup/";

/// Pods of all kinds on a host.
fn a_host(sandbox: &Sandbox, suite: &str, groups: Groups) {
    let host = Debian::boot(sandbox, suite, groups, |_| ());
    output_is_that_of_the_apps(&host, sandbox);
    a_pod_lives(&host, sandbox);
    options_of_nspawn(&host, sandbox);
    host.expect_nothing_left();
}

fn output_is_that_of_the_apps(host: &Debian<'_>, sandbox: &Sandbox) {
    let run = sandbox.run().shell_with(&["--name=one"], "echo from one; sleep 0.5; exit 7");
    let run = run.shell_with(&["--name=two"], "echo from two; exec sleep 1000");
    for command in [host.at_a_shell(&run.command()), host.as_a_service(&run.command())] {
        let ended = Started::new(sandbox, command).end().code(7);
        assert_eq!(
            (ended.lines_of("one"), ended.lines_of("two")),
            (vec!["from one".to_owned()], vec!["from two".to_owned()])
        );
        // Nothing but that: no messages of systemd, no sequences for terminals.
        for line in ended.out.lines().filter(|line| !line.starts_with(SAID_OF_ODD_GROUPS)) {
            assert!(line.contains("]: from "), "{line:?}");
        }
        assert_eq!(ended.err, "");
    }
}

fn a_pod_lives(host: &Debian<'_>, sandbox: &Sandbox) {
    let file = sandbox.at("uuid-of-the-pod");
    let save = format!("--uuid-file-save={}", file.display());
    let run = sandbox.run().options([save]).shell("echo started; exec sleep 1000");
    let mut started = Started::new(sandbox, host.at_a_shell(&run.command()));
    let uuid = wait_for("the pod", || {
        started.expect_running();
        let uuid = fs::read_to_string(&file).ok()?;
        let ready = host.rkt(["status", "--wait-ready=5s", &uuid]).code == Some(0);
        ready.then_some(uuid)
    });
    let inside = host.rkt(["enter", &uuid, "/bin/sh", "-c", "cat /proc/1/comm; echo $AC_APP_NAME"]).ok();
    assert_eq!(inside.out, "systemd\nbusybox\n");
    assert!(host.rkt(["list", "--full"]).ok().out.contains(&uuid));
    host.rkt(["stop", &uuid]).ok();
    started.end();
    assert!(host.rkt(["status", &uuid]).ok().out.starts_with("state=exited\n"));
}

/// Options that only some pods have nspawn be called with.
fn options_of_nspawn(host: &Debian<'_>, sandbox: &Sandbox) {
    let source = sandbox.at("a volume");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "content\n").unwrap();
    let volume = |read_only: bool| {
        format!("--volume=v,kind=host,source={},readOnly={read_only},recursive={read_only}", source.display())
    };
    let mount = ["--mount=volume=v,target=/v"];
    let rows: &[(&[&str], &str, &str)] = &[
        (&[&volume(true)], "cat /v/file; touch /v/new 2>&1 | grep -o 'Read-only'", "content Read-only"),
        (&[&volume(false)], "cat /v/file; touch /v/new && echo made", "content made"),
        (
            &[&volume(false), "--no-overlay", "--private-users"],
            "cat /v/file; head -c 10 /proc/self/uid_map | wc -w",
            "content 1",
        ),
        (&[&volume(false), "--ipc=parent", "--hostname=some-name"], "hostname", "some-name"),
        (&[&volume(false), "--insecure-options=image,all-run"], "unshare -m echo unshared", "unshared"),
    ];
    for (options, line, expected) in rows {
        let run = sandbox.run().options(*options).shell_with(&mount, line);
        let ended = Started::new(sandbox, host.at_a_shell(&run.command())).end().ok();
        assert_eq!(ended.lines().join(" "), *expected, "{options:?}: {}{}", ended.out, ended.err);
    }
}

fn beside_groups_of_version_1(sandbox: &Sandbox) {
    // The programs of another suite in place of this machine's, which has both kinds of groups.
    let usr = Debian::tree("sid").join("usr");
    let options = format!("lowerdir={}:/usr", usr.display());
    ok(Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options, "/usr"]));
    let ended = sandbox.shell("echo ran");
    assert_eq!(ended.out, "");
    ended.fails("of the pod does not start where control groups of version 1 are mounted");
}

fn without_what_filters_system_calls(sandbox: &Sandbox) {
    let host = Debian::boot(sandbox, "sid", Groups::Unified, |root| {
        for library in fs::read_dir(root.join("usr/lib/x86_64-linux-gnu")).unwrap() {
            let path = library.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("libseccomp.so") {
                fs::remove_file(path).unwrap();
            }
        }
    });
    let ended = Started::new(sandbox, host.at_a_shell(&sandbox.run().shell("echo ran").command())).end();
    assert_eq!(ended.out, "");
    ended
        .fails("the system calls of app \"busybox\" are to be restricted")
        .says("libseccomp.so.2")
        .says("--insecure-options=seccomp");
    let run = sandbox.run().options(["--insecure-options=image,seccomp"]).shell("echo ran");
    assert_eq!(Started::new(sandbox, host.at_a_shell(&run.command())).end().ok().line(), "ran");
    host.expect_nothing_left();
}
