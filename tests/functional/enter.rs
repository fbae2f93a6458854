//! `rkt enter`: a command in an app of a running pod.

use std::fs;

use crate::harness::{Sandbox, process, tests};

tests! {
    fly: [a_shell_in_the_app, its_end_is_the_command_s, what_cannot_be_entered],
    host: [
        a_shell_in_the_app,
        its_end_is_the_command_s,
        what_cannot_be_entered,
        one_of_several_apps,
        it_is_in_the_pod,
        input_and_output_are_the_caller_s,
    ],
}

fn a_shell_in_the_app(sandbox: &Sandbox) {
    let mut pod = sandbox
        .run()
        .shell_with(
            &["--environment=OWN=a \"b\" \\c"],
            "echo started > /tmp/mark; echo started; exec sleep 1000",
        )
        .start();
    pod.wait_for_line("started");
    let inside = pod.enter(["/bin/sh", "-c", "cat /tmp/mark; echo \"$OWN $AC_APP_NAME\"; id -u; pwd"]).ok();
    assert_eq!(inside.out, "started\na \"b\" \\c busybox\n0\n/\n");
    // The command is looked up as the app's own would be.
    assert_eq!(pod.enter(["echo", "found"]).ok().out, "found\n");
    pod.stop();
}

fn its_end_is_the_command_s(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    for code in [0, 1, 42, 254] {
        pod.enter(["/bin/sh", "-c", &format!("exit {code}")]).code(code);
    }
    let killed = pod.enter(["/bin/sh", "-c", "kill -9 $$"]);
    assert_eq!((killed.code, killed.signal), (None, Some(9)));
    pod.enter(["/none"]).fails("/none");
    assert_eq!(pod.status()["state"], "running");
    pod.stop();
}

fn what_cannot_be_entered(sandbox: &Sandbox) {
    let prepared = sandbox.prepare().shell("true").end().ok();
    let enter = |uuid: &str| sandbox.ended(["enter", uuid, "/bin/true"]);
    enter(prepared.out.trim()).fails("isn't currently running");
    let pod = sandbox.sleeping();
    let uuid = pod.uuid().to_owned();
    sandbox.ended(["enter", "--app=other", &uuid, "/bin/true"]).fails("no app \"other\"");
    pod.stop();
    enter(&uuid).fails("isn't currently running");
    enter("00000000").fails("no matches found");
    sandbox.ended(["enter"]).code(254);
}

fn one_of_several_apps(sandbox: &Sandbox) {
    let line = "echo started; exec sleep 1000";
    let mut pod = sandbox
        .run()
        .shell_with(&["--name=one", "--environment=WHO=1"], line)
        .shell_with(&["--name=two", "--environment=WHO=2"], line)
        .start();
    pod.wait_for_line_of("one", "started");
    pod.wait_for_line_of("two", "started");
    for (app, who) in [("one", "1"), ("two", "2")] {
        let option = format!("--app={app}");
        let inside = sandbox.ended(["enter", &option, pod.uuid(), "/bin/sh", "-c", "echo $AC_APP_NAME $WHO"]);
        assert_eq!(inside.ok().out, format!("{app} {who}\n"));
    }
    pod.enter(["/bin/true"]).fails("--app=").says("one\n\ttwo");
    pod.stop();
}

fn it_is_in_the_pod(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let systemd = pod.first_process();
    let kinds = ["mnt", "pid", "ipc", "uts", "net", "user"];
    let line = kinds.map(|kind| format!("readlink /proc/self/ns/{kind}")).join("; ");
    let inside = pod.enter(["/bin/sh", "-c", &line]).ok();
    let expected = kinds.map(|kind| process::namespace(systemd, kind).display().to_string());
    assert_eq!(inside.out.lines().collect::<Vec<_>>(), expected);
    let inside = pod.enter(["/bin/sh", "-c", "cat /proc/1/comm; hostname"]).ok();
    assert_eq!(inside.out, format!("systemd\nrkt-{}\n", pod.uuid()));
    pod.stop();
}

fn input_and_output_are_the_caller_s(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let input = sandbox.at("input");
    fs::write(&input, "some words\n").unwrap();
    let mut command =
        sandbox.command(["enter", pod.uuid(), "/bin/sh", "-c", "tr a-z A-Z; echo err >&2; tty"]);
    let output = command.stdin(fs::File::open(&input).unwrap()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "SOME WORDS\nnot a tty\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "err\n");
    pod.stop();
}
