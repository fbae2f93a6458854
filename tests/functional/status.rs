//! `rkt status`: a pod's state before, while and after it runs.

use std::fs;

use crate::harness::{Pod, Sandbox, tests};

tests! {
    fly: [states_follow_each_other, a_file_names_the_pod, waiting_ends_with_the_pod, what_cannot_be_told],
    host: [
        states_follow_each_other,
        a_file_names_the_pod,
        waiting_ends_with_the_pod,
        what_cannot_be_told,
        readiness_is_told,
        exit_codes_of_apps_are_told,
    ],
}

fn states_follow_each_other(sandbox: &Sandbox) {
    let prepared = sandbox.prepare().shell("true").end().ok();
    let status = sandbox.rkt_ok(["status", prepared.out.trim()]);
    assert!(status.starts_with("state=prepared\ncreated="), "{status}");
    assert!(!status.contains("pid=") && !status.contains("started="), "{status}");

    let pod = sandbox.sleeping();
    expect_running(&pod);
    let uuid = pod.uuid().to_owned();
    pod.stop();
    let status = sandbox.rkt_ok(["status", &uuid]);
    assert!(status.starts_with("state=exited\n") && status.contains("\nexited=true\n"), "{status}");
    sandbox.rkt_ok(["gc", "--mark-only"]);
    let status = sandbox.rkt_ok(["status", &uuid]);
    assert!(status.starts_with("state=exited garbage\n"), "{status}");
}

fn expect_running(pod: &Pod<'_>) {
    let status = pod.status();
    let keys: Vec<_> = status.keys().map(String::as_str).collect();
    assert_eq!(keys, ["created", "exited", "networks", "pid", "started", "state"]);
    assert_eq!((status["state"].as_str(), status["exited"].as_str()), ("running", "false"));
    let pid: u32 = status["pid"].parse().unwrap();
    assert!(fs::exists(format!("/proc/{pid}")).unwrap());
    let json = pod.json();
    assert_eq!((&json["state"], &json["name"]), (&"running".into(), &pod.uuid().into()));
    assert_eq!(json["app_names"], serde_json::json!(["busybox"]));
}

fn a_file_names_the_pod(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let file = sandbox.at("uuid-of-the-pod");
    fs::write(&file, pod.uuid()).unwrap();
    let option = format!("--uuid-file={}", file.display());
    assert!(sandbox.rkt_ok(["status", &option]).starts_with("state=running\n"));
    pod.stop();
    sandbox.ended(["status", "--uuid-file=/nonexistent"]).code(1).says("/nonexistent");
}

fn waiting_ends_with_the_pod(sandbox: &Sandbox) {
    let mut pod = sandbox.run().shell("echo started; while ! [ -e /tmp/end ]; do sleep 0.01; done").start();
    pod.wait_for_line("started");
    sandbox.ended(["status", "--wait=200ms", pod.uuid()]).fails("timed out");
    pod.enter(["/bin/touch", "/tmp/end"]).ok();
    let status = sandbox.rkt_ok(["status", "--wait", pod.uuid()]);
    assert!(status.starts_with("state=exited\n"), "{status}");
    pod.end().ok();
}

fn what_cannot_be_told(sandbox: &Sandbox) {
    sandbox.ended(["status", "1234"]).fails("1234");
    sandbox.ended(["status"]).fails("UUID");
}

fn readiness_is_told(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    assert!(sandbox.rkt_ok(["status", "--wait-ready=60s", pod.uuid()]).starts_with("state=running\n"));
    pod.stop();
}

fn exit_codes_of_apps_are_told(sandbox: &Sandbox) {
    let file = sandbox.at("uuid-of-the-pod");
    let save = format!("--uuid-file-save={}", file.display());
    sandbox.run().options([save]).shell("exit 7").end().code(7);
    let status = sandbox.rkt_ok(["status", &fs::read_to_string(file).unwrap()]);
    assert!(status.ends_with("\napp-busybox=7\n"), "{status}");
}
