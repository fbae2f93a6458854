//! Hosts with other versions of systemd than this machine has, and such on which only control groups of version 2 are
//! mounted: those of Debian 12, 13 and unstable, booted.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::common::ok;
use crate::harness::{Debian, Groups, Image, Sandbox, Started, tests, wait_for};

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
    what_units_say_holds(&host, sandbox);
    ends_are_told(&host, sandbox);
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

/// What directives of units make of an app: versions of systemd differ in how they are read.
fn what_units_say_holds(host: &Debian<'_>, sandbox: &Sandbox) {
    let hidden = "head -c 1 /proc/kallsyms | wc -c; ls -A /sys/fs | wc -l; touch -c /proc/sys/kernel/core_pattern 2>/dev/null || echo no";
    let open = "head -c 1 /proc/kallsyms | wc -c; touch -c /proc/sys/kernel/core_pattern && echo yes; \
                [ -S /dev/log ] && [ -S /run/systemd/notify ] && echo there";
    let read_only = "touch /file 2>/dev/null || echo no; touch '/a place/file' /dev/shm/file && echo x >/proc/self/comm && echo yes";
    let rows: &[(&str, &[&str], &str, &str)] = &[
        ("", &[], hidden, "0 0 no"),
        ("paths", &[], open, "1 yes there"),
        ("", &["--readonly-rootfs=true", "--mount=volume=v,target=%2fa%20place"], read_only, "no yes"),
        ("paths", &["--readonly-rootfs=true", "--mount=volume=v,target=%2fa%20place"], read_only, "no yes"),
        ("", &["--caps-retain=CAP_CHOWN"], "sed -n 's/^CapEff:.//p' /proc/self/status", "0000000000000001"),
        ("", &["--user=1000"], "id -u; sed -n 's/^NoNewPrivs:.//p' /proc/self/status", "1000 1"),
        (
            "",
            &["--seccomp=mode=remove,errno=EXDEV,mkdir,mkdirat"],
            "mkdir /tmp/d 2>&1 | grep -o Invalid",
            "Invalid",
        ),
        ("", &[], "mknod /tmp/log c 1 11 2>/dev/null || echo no", "no"),
        ("paths", &[], "mknod /tmp/log c 1 11 && echo yes", "yes"),
        (
            "",
            &["--environment=ODD=\"a\" $b 'c' \\d"],
            "echo \"$ODD\" 100% '$HOME'",
            "\"a\" $b 'c' \\d 100% $HOME",
        ),
    ];
    for (insecure, options, line, expected) in rows {
        let run =
            sandbox.run().insecure(insecure).options(["--volume=v,kind=empty"]).shell_with(options, line);
        let ended = Started::new(sandbox, host.at_a_shell(&run.command())).end().ok();
        assert_eq!(ended.lines().join(" "), *expected, "{insecure} {options:?}: {}{}", ended.out, ended.err);
    }
}

/// An image, the options of its app, its arguments, the exit code and what is said.
type End<'a> = (&'a Path, &'a [&'a str], &'a [&'a str], i32, &'a str);

/// What pods and apps end with, and what is said of it.
fn ends_are_told(host: &Debian<'_>, sandbox: &Sandbox) {
    let handlers = json!([{"name": "pre-start", "exec": ["/bin/sh", "-c", "exit 3"]}]);
    let fails_before =
        Image::busybox("example.com/before", sandbox).app("eventHandlers", handlers).make(sandbox);
    let app = sandbox.app();
    let rows: [End<'_>; 5] = [
        (app, &["--exec=/bin/sh"], &["-c", "kill -KILL 0"], 9, ""),
        (app, &["--exec=/bin/none"], &[], 203, "Unable to open \"/bin/none\""),
        (app, &["--exec=/bin/true", "--working-dir=/none"], &[], 200, "cannot go to the working directory"),
        (app, &["--exec=/bin/hostname"], &["other"], 31, "a system call that its filter forbids"),
        (&fails_before, &["--exec=/bin/true"], &[], 254, "/bin/sh ended with 3"),
    ];
    for (image, options, arguments, code, said) in rows {
        let run = sandbox.run().app(image, options, arguments);
        let ended = Started::new(sandbox, host.at_a_shell(&run.command())).end().code(code);
        assert!(ended.out.contains(said), "{options:?}: {}{}", ended.out, ended.err);
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
