//! `rkt stop`: asking, killing, by UUID and by file.

use rustix::process::Signal;

use crate::harness::{Sandbox, tests, wait_for};

tests! {
    fly: [
        asking_is_enough,
        killing_ends_those_who_do_not_listen,
        a_file_names_the_pod,
        several_at_once,
        what_cannot_be_stopped,
        a_signal_to_rkt_ends_the_pod,
        a_pod_that_starts_can_be_stopped_at_any_point,
    ],
    host: [
        asking_is_enough,
        killing_ends_those_who_do_not_listen,
        a_file_names_the_pod,
        several_at_once,
        what_cannot_be_stopped,
        a_signal_to_rkt_ends_the_pod,
        a_pod_that_starts_can_be_stopped_at_any_point,
    ],
}

fn asking_is_enough(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let uuid = pod.uuid().to_owned();
    pod.stop();
    assert!(sandbox.rkt_ok(["status", &uuid]).starts_with("state=exited\n"));
    let again = sandbox.rkt_ok(["stop", &uuid]);
    assert_eq!(again, format!("pod \"{uuid}\" is already stopped\n"));
}

fn killing_ends_those_who_do_not_listen(sandbox: &Sandbox) {
    let mut pod = sandbox.run().shell("trap '' TERM INT HUP; echo started; exec sleep 1000").start();
    pod.wait_for_line("started");
    let uuid = pod.uuid().to_owned();
    assert_eq!(sandbox.rkt_ok(["stop", "--force", &uuid]), format!("\"{uuid}\"\n"));
    pod.end();
    assert!(sandbox.rkt_ok(["status", &uuid]).starts_with("state=exited\n"));
}

fn a_file_names_the_pod(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let file = sandbox.at("uuid-of-the-pod");
    std::fs::write(&file, pod.uuid()).unwrap();
    let said = sandbox.rkt_ok(["stop", &format!("--uuid-file={}", file.display())]);
    assert_eq!(said, format!("\"{}\"\n", pod.uuid()));
    pod.end();
}

fn several_at_once(sandbox: &Sandbox) {
    let pods = [0, 1].map(|_| sandbox.sleeping());
    let uuids = [0, 1].map(|index: usize| pods[index].uuid().to_owned());
    // One that is not there does not keep the others.
    let ended = sandbox.ended(["stop", &uuids[0], "00000000", &uuids[1]]).fails("failed to stop 1 pod(s)");
    assert_eq!(ended.out, format!("\"{}\"\n\"{}\"\n", uuids[0], uuids[1]));
    for pod in pods {
        pod.end();
    }
}

fn what_cannot_be_stopped(sandbox: &Sandbox) {
    let prepared = sandbox.prepare().shell("true").end().ok();
    let uuid = prepared.out.trim();
    sandbox.ended(["stop", uuid]).fails("failed to stop 1 pod(s)");
    sandbox.ended(["stop", "not-a-uuid"]).fails("failed to stop 1 pod(s)");
    sandbox.ended(["stop", "--uuid-file=/nonexistent"]).code(1).says("/nonexistent");
}

fn a_signal_to_rkt_ends_the_pod(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    pod.signal(Signal::TERM);
    wait_for("the end of the pod", || (pod.status()["state"] == "exited").then_some(()));
    pod.end();
}

fn a_pod_that_starts_can_be_stopped_at_any_point(sandbox: &Sandbox) {
    for point in 0..15 {
        let pod = sandbox.run().shell("exec sleep 1000").start();
        std::thread::sleep(std::time::Duration::from_millis(12 * point));
        pod.stop();
    }
}
