//! Whose messages and shared memory an app sees: the pod's own, or those of who runs the pod.

use std::fs;
use std::process::Command;

use crate::harness::{Ended, Run, Sandbox, tests};

tests! {
    host: [
        a_pod_has_its_own,
        a_pod_can_have_its_caller_s,
        prepared_pods_are_told_when_they_start,
        entering_goes_there_too,
        other_words_are_refused,
    ],
}

const SHOW: &str = "readlink /proc/self/ns/ipc; grep -c ' 4096 ' /proc/sysvipc/shm";

/// Runs a pod from a namespace in which somebody has a piece of shared memory, and gives that namespace too.
fn from_another(sandbox: &Sandbox, command: &Command) -> (String, Ended) {
    let mut outer = Command::new("unshare");
    let line = "ipcmk -M 4096 >/dev/null && readlink /proc/self/ns/ipc >\"$0\" && exec \"$@\"";
    let file = sandbox.at("namespace");
    outer.args(["--ipc", "sh", "-c", line]).arg(&file).arg(command.get_program()).args(command.get_args());
    let ended = sandbox.ended_by(outer);
    (fs::read_to_string(file).unwrap().trim().to_owned(), ended)
}

fn lines(sandbox: &Sandbox, run: Run<'_>) -> (String, Vec<String>) {
    let (outer, ended) = from_another(sandbox, &run.shell(SHOW).command());
    (outer, ended.lines())
}

fn a_pod_has_its_own(sandbox: &Sandbox) {
    for options in [&[][..], &["--ipc=auto"], &["--ipc=private"], &["--ipc="]] {
        let (outer, lines) = lines(sandbox, sandbox.run().options(options));
        assert_ne!(lines[0], outer, "{options:?}");
        assert_eq!(lines[1], "0", "{options:?}");
    }
    // The apps of a pod share it.
    let line = "readlink /proc/self/ns/ipc";
    let run = sandbox.run().shell_with(&["--name=one"], line).shell_with(&["--name=two"], line);
    let ended = run.end().ok();
    assert_eq!(ended.lines_of("one"), ended.lines_of("two"));
}

fn a_pod_can_have_its_caller_s(sandbox: &Sandbox) {
    let (outer, lines) = lines(sandbox, sandbox.run().options(["--ipc=parent"]));
    assert_eq!(lines, [&outer, "1"]);
}

fn prepared_pods_are_told_when_they_start(sandbox: &Sandbox) {
    let prepared = sandbox.prepare().shell(SHOW).end().ok();
    let words = ["run-prepared", "--net=host", "--ipc=parent", prepared.out.trim()];
    let (outer, ended) = from_another(sandbox, &sandbox.command(words));
    assert_eq!(ended.ok().lines(), [&outer, "1"]);
}

fn entering_goes_there_too(sandbox: &Sandbox) {
    let mut pod = sandbox.run().shell("readlink /proc/self/ns/ipc; exec sleep 1000").start();
    let of_pod = format!("/proc/{}/ns/ipc", pod.first_process());
    let of_pod = fs::read_link(of_pod).unwrap().display().to_string();
    pod.wait_for_line(&of_pod);
    assert_eq!(pod.enter(["/bin/readlink", "/proc/self/ns/ipc"]).ok().out.trim(), of_pod);
    pod.stop();
}

fn other_words_are_refused(sandbox: &Sandbox) {
    sandbox.run().options(["--ipc=odd"]).shell("true").end().fails("auto, private or parent");
}
