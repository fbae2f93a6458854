//! The file in which stage1 writes a pod's process: `rkt enter` waits for it, and gives up when the pod ends.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::harness::{Pod, Sandbox, tests, wait_for};

tests! {
    fly: [enter_waits_for_it, enter_gives_up_when_the_pod_ends, what_is_no_number_is_told],
    host: [enter_waits_for_it, enter_gives_up_when_the_pod_ends, what_is_no_number_is_told],
}

/// The file: of the pod's first process, or of the process above that.
fn file(sandbox: &Sandbox, pod: &Pod<'_>) -> PathBuf {
    pod.dir().join(if sandbox.flavor() == "fly" { "pid" } else { "ppid" })
}

fn enter_waits_for_it(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let file = file(sandbox, &pod);
    let content = fs::read(&file).unwrap();
    // Missing, and as somebody sees it who comes between its creation and its first byte.
    for empty in [false, true] {
        fs::remove_file(&file).unwrap();
        if empty {
            fs::write(&file, "").unwrap();
        }
        let mut entered = sandbox.spawn(["enter", pod.uuid(), "/bin/echo", "inside"]);
        entered.expect_waiting();
        fs::write(&file, &content).unwrap();
        assert_eq!(entered.end().ok().out, "inside\n");
    }
    pod.stop();
}

fn enter_gives_up_when_the_pod_ends(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let uuid = pod.uuid().to_owned();
    fs::remove_file(file(sandbox, &pod)).unwrap();
    let mut entered = sandbox.spawn(["enter", &uuid, "/bin/echo", "inside"]);
    entered.expect_waiting();
    pod.signal(Signal::TERM);
    let ended = entered.end().fails("unable to determine the pid for pod").says(&uuid);
    assert_eq!(ended.out, "");
    wait_for("the end of the pod", || (pod.status()["state"] == "exited").then_some(()));
    pod.end();
}

fn what_is_no_number_is_told(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let file = file(sandbox, &pod);
    let content = fs::read(&file).unwrap();
    for bad in ["x\n", "-1\n", "0\n", "99999999999\n"] {
        fs::write(&file, bad).unwrap();
        pod.enter(["/bin/true"]).fails("is not a process ID").says(bad.trim());
    }
    fs::write(&file, content).unwrap();
    pod.enter(["/bin/true"]).ok();
    pod.stop();
}
