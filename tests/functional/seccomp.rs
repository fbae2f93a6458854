//! Filters of system calls: the one that every app gets, and those of images and options.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Image, Sandbox, tests};

tests! {
    host: [
        programs_of_today_run,
        forbidden_calls_end_an_app,
        options_say_what_is_allowed,
        images_say_what_is_allowed,
        each_app_has_its_own,
        nothing_is_filtered_when_that_is_asked_for,
        what_is_not_known_is_told,
        wrong_filters_are_refused,
    ],
}

fn programs_of_today_run(sandbox: &Sandbox) {
    // Today's libraries make calls that are younger than the list of the original: statx, clone3, rseq.
    let run = || sandbox.run().programs_of_the_host();
    let ended = run().app(sandbox.app(), &["--exec=/usr/bin/ls"], &["-ld", "/bin/busybox"]).end().ok();
    assert!(ended.line().ends_with(" /bin/busybox"), "{ended:?}");
    let program = "import threading; thread = threading.Thread(target=print, args=['in a thread']); thread.start(); thread.join()";
    let ended = run().app(sandbox.app(), &["--exec=/usr/bin/python3"], &["-c", program]).end().ok();
    assert_eq!(ended.line(), "in a thread");
}

fn forbidden_calls_end_an_app(sandbox: &Sandbox) {
    let said = "app \"busybox\" was ended because it made a system call that its filter forbids";
    let ended = sandbox.run().app(sandbox.app(), &["--exec=/bin/hostname"], &["other"]).end().code(31);
    assert!(ended.out.contains(said), "{ended:?}");
    // A process of an app ends alone.
    let ended = sandbox.shell("unshare -m true; echo $?; mount -t tmpfs none /tmp; echo $?").ok();
    let lines: Vec<_> = ended.lines().into_iter().filter(|line| line != "Bad system call").collect();
    assert_eq!(lines, ["159", "159"]);
    assert!(!ended.out.contains(said), "{ended:?}");
}

/// Tries calls: one that every list allows, one that only the whitelist refuses, one that the blacklist refuses too.
const TRY: &str = "try() { \"$@\" 2>&1 && echo done; }; \
                   try mkdir /tmp/dir; try hostname other; try mount -t tmpfs none /tmp; true";
const DONE: &str = "done";
const KILLED: &str = "Bad system call";
const MKDIR: &str = "mkdir: can't create directory '/tmp/dir': Operation not permitted";
const HOSTNAME: &str = "hostname: sethostname: Operation not permitted";
const MOUNT: &str = "mount: permission denied (are you root?)";

fn options_say_what_is_allowed(sandbox: &Sandbox) {
    let rows: &[(&str, [&str; 3])] = &[
        ("mode=retain,@rkt/default-whitelist", [DONE, KILLED, KILLED]),
        ("mode=retain,errno=EPERM,@docker/default-whitelist", [DONE, HOSTNAME, MOUNT]),
        ("mode=retain,errno=EPERM,@rkt/default-whitelist,sethostname", [DONE, DONE, MOUNT]),
        ("mode=retain,errno=EPERM,@rkt/default-whitelist,mount", [DONE, HOSTNAME, DONE]),
        ("mode=remove,errno=EPERM,@rkt/default-blacklist", [DONE, DONE, MOUNT]),
        ("mode=remove,@docker/default-blacklist", [DONE, DONE, KILLED]),
        ("mode=remove,errno=EPERM,mkdir,mkdirat", [MKDIR, DONE, DONE]),
        ("mode=remove,errno=EPERM,sethostname", [DONE, HOSTNAME, DONE]),
        ("mode=remove,errno=EPERM,@systemd/mount", [DONE, DONE, MOUNT]),
        // Everything, or nothing more than the usual.
        ("mode=retain,@appc.io/all", [DONE, DONE, DONE]),
        ("mode=remove,@appc.io/empty", [DONE, KILLED, KILLED]),
        ("mode=remove,@appc.io/all", [DONE, DONE, DONE]),
        ("mode=retain,@appc.io/empty", [DONE, DONE, DONE]),
    ];
    for (filter, expected) in rows {
        let options =
            [format!("--seccomp={filter}"), "--caps-retain=CAP_SYS_ADMIN,CAP_DAC_OVERRIDE".to_owned()];
        let ended = sandbox.run().shell_with(&options.each_ref().map(String::as_str), TRY).end().ok();
        assert_eq!(ended.lines(), expected, "{filter}");
    }
    // The error is the one that was asked for.
    let options = ["--seccomp=mode=remove,errno=EXDEV,mkdir,mkdirat"];
    let ended = sandbox.run().shell_with(&options, "mkdir /tmp/dir 2>&1").end().code(1);
    assert_eq!(ended.line(), MKDIR.replace("Operation not permitted", "Invalid cross-device link"));
}

fn image(sandbox: &Sandbox, isolators: &[Value]) -> PathBuf {
    Image::busybox("example.com/seccomp", sandbox).app("isolators", json!(isolators)).make(sandbox)
}

fn isolator(kind: &str, value: &Value) -> Value {
    json!({"name": format!("os/linux/seccomp-{kind}-set"), "value": value})
}

fn images_say_what_is_allowed(sandbox: &Sandbox) {
    let remove = [isolator("remove", &json!({"errno": "EPERM", "set": ["mkdir", "mkdirat"]}))];
    let retain = [isolator("retain", &json!({"set": ["@appc.io/all"]}))];
    let line = ["-c", "mkdir /tmp/dir 2>&1 && echo done"];
    for (isolators, options, code, expected) in [
        (&remove, &[][..], 1, MKDIR),
        (&retain, &[], 0, DONE),
        // An option takes the place of whatever the image says.
        (&remove, &["--seccomp=mode=retain,@rkt/default-whitelist"], 0, DONE),
        (&retain, &["--seccomp=mode=remove,errno=EPERM,mkdir,mkdirat"], 1, MKDIR),
    ] {
        let options = [&["--exec=/bin/sh"], options].concat();
        let ended = sandbox.run().app(image(sandbox, isolators), &options, &line).end().code(code);
        assert_eq!(ended.lines_of("seccomp"), [expected], "{isolators:?} {options:?}");
    }
}

fn each_app_has_its_own(sandbox: &Sandbox) {
    let line = "mkdir /tmp/dir 2>&1 && echo done; true";
    let run =
        sandbox.run().shell_with(&["--name=one", "--seccomp=mode=remove,errno=EPERM,mkdir,mkdirat"], line);
    let ended = run.shell_with(&["--name=two"], line).end().ok();
    assert_eq!(
        (ended.lines_of("one"), ended.lines_of("two")),
        (vec![MKDIR.to_owned()], vec![DONE.to_owned()])
    );
}

fn nothing_is_filtered_when_that_is_asked_for(sandbox: &Sandbox) {
    for option in ["seccomp", "all-run"] {
        let options = ["--caps-retain=CAP_SYS_ADMIN,CAP_DAC_OVERRIDE", "--seccomp=mode=remove,mkdir,mkdirat"];
        let ended = sandbox.run().insecure(option).shell_with(&options, TRY).end().ok();
        assert_eq!(ended.lines(), [DONE, DONE, DONE], "{option}");
    }
}

fn what_is_not_known_is_told(sandbox: &Sandbox) {
    let options = ["--seccomp=mode=remove,errno=EPERM,@nobody/knows,mkdri,mkdir,mkdirat"];
    let ended = sandbox.run().shell_with(&options, "mkdir /tmp/dir 2>&1").end().code(1);
    assert_eq!(ended.line(), MKDIR);
    let ended = ended.says("app \"busybox\": seccomp groups that nobody knows are ignored: @nobody/knows");
    ended.says("app \"busybox\": seccomp system calls that nobody knows are ignored: mkdri");
}

fn wrong_filters_are_refused(sandbox: &Sandbox) {
    for (filter, said) in [
        ("mkdir", "invalid seccomp mode command-line override"),
        ("mode=keep,mkdir", "invalid seccomp mode command-line override"),
        ("mode=retain", "seccomp"),
        ("mode=retain,errno=eperm,mkdir", "eperm"),
        ("mode=retain,errno=ENONE,mkdir", "there is no error ENONE"),
        ("mode=retain,MKDIR", "MKDIR"),
    ] {
        sandbox.run().shell_with(&[&format!("--seccomp={filter}")], "true").end().fails(said);
    }
    let two = ["retain", "remove"].map(|kind| isolator(kind, &json!({"set": ["mkdir"]})));
    sandbox.run().app(image(sandbox, &two), &[], &[]).end().fails("seccomp");
}
