//! A pod that does not get to run its first unit ends within a time, and says why.

use std::process::Command;

use crate::common::ok;
use crate::harness::{Image, Sandbox, process, tests};

tests! {
    host: [a_pod_that_does_not_start_is_ended_with_a_reason, what_is_no_time_is_refused],
}

const LIMIT: &str = "RKT_STAGE1_START_LIMIT";

fn a_pod_that_does_not_start_is_ended_with_a_reason(sandbox: &Sandbox) {
    // systemd reads this file first, and waits for somebody to open the other end of the pipe.
    let stage1 = Image::stage1(sandbox).directory("/etc/systemd", 0o755);
    ok(Command::new("mkfifo").arg(stage1.at("/etc/systemd/system.conf")));
    let stage1 = stage1.make(sandbox);
    let pod = sandbox.run_with_stage1(&stage1).env(LIMIT, "3").shell("true").start();
    let (uuid, systemd) = (pod.uuid().to_owned(), pod.first_process());
    let ended = pod.end();
    assert!(!matches!(ended.code, Some(0) | None), "{:?}: {}", ended.code, ended.err);
    let reason = format!(
        "stage1: the pod does not start, so it is ended: systemd of the pod (process {systemd}) has not started a unit within 3 s\n"
    );
    assert!(!process::lives(systemd));
    ended.says(&reason).says(LIMIT);
    let status = sandbox.rkt_ok(["status", &uuid]);
    assert!(status.starts_with("state=exited\n") && !status.contains("app-"), "{status}");
}

fn what_is_no_time_is_refused(sandbox: &Sandbox) {
    for bad in ["", "0", "1s", "-3", "86401"] {
        let ended = sandbox.run().env(LIMIT, bad).shell("true").end();
        ended.fails(&format!("{LIMIT}={bad} in the environment is no time to wait for"));
    }
    sandbox.run().env(LIMIT, "86400").shell("exit 3").end().code(3);
}
