//! `rkt rm`: pods go at once, whatever they were.

use std::fs;

use crate::harness::{Sandbox, tests};

tests! {
    fly: [each_state_but_running, several_at_once_and_by_prefix, a_file_names_the_pod, what_cannot_be_removed],
    host: [each_state_but_running, several_at_once_and_by_prefix, a_file_names_the_pod, what_cannot_be_removed],
}

/// The UUID of a pod that has run.
fn exited(sandbox: &Sandbox) -> String {
    let file = sandbox.at("uuid-of-the-pod");
    let save = format!("--uuid-file-save={}", file.display());
    sandbox.run().options([save]).shell("true").end().ok();
    fs::read_to_string(file).unwrap()
}

fn each_state_but_running(sandbox: &Sandbox) {
    let expect_removed = |uuid: &str| {
        assert_eq!(sandbox.rkt_ok(["rm", uuid]), format!("\"{uuid}\"\n"));
        assert_eq!(sandbox.pods(), [""; 0]);
        assert_eq!(sandbox.mounts(), [""; 0]);
    };
    expect_removed(sandbox.prepare().shell("true").end().ok().out.trim());
    expect_removed(&exited(sandbox));
    let marked = exited(sandbox);
    sandbox.ended(["gc", "--mark-only"]).ok();
    expect_removed(&marked);
    let pod = sandbox.sleeping();
    let uuid = pod.uuid().to_owned();
    sandbox.ended(["rm", &uuid]).fails(&format!("pod \"{uuid}\" is currently running"));
    pod.enter(["/bin/true"]).ok();
    pod.stop();
    expect_removed(&uuid);
}

fn several_at_once_and_by_prefix(sandbox: &Sandbox) {
    let pods = [0, 1].map(|_| sandbox.prepare().shell("true").end().ok().out.trim().to_owned());
    // One that is not there does not keep the others.
    let ended = sandbox.ended(["rm", &pods[0], "00000000", &pods[1][..13]]);
    let ended = ended.fails("failed to remove one or more pods").says("no matches found for \"00000000\"");
    assert_eq!(ended.out, format!("\"{}\"\n\"{}\"\n", pods[0], pods[1]));
    assert_eq!(sandbox.pods(), [""; 0]);
}

fn a_file_names_the_pod(sandbox: &Sandbox) {
    let uuid = exited(sandbox);
    let file = sandbox.at("another-file");
    fs::write(&file, format!("{uuid}\n")).unwrap();
    assert_eq!(sandbox.rkt_ok(["rm", &format!("--uuid-file={}", file.display())]), format!("\"{uuid}\"\n"));
    assert_eq!(sandbox.pods(), [""; 0]);
    sandbox.ended(["rm", "--uuid-file=/nonexistent"]).fails("/nonexistent");
    // The file still names the pod that is gone.
    sandbox.ended(["rm", &format!("--uuid-file={}", file.display())]).fails("no matches found");
}

fn what_cannot_be_removed(sandbox: &Sandbox) {
    let uuid = sandbox.prepare().shell("true").end().ok().out.trim().to_owned();
    for bad in ["", "not-a-uuid", "../..", "*", "0", &format!("{uuid}0")] {
        if uuid.starts_with(bad) && !bad.is_empty() {
            continue;
        }
        sandbox.ended(["rm", bad]).fails("failed to remove one or more pods");
        assert_eq!(sandbox.pods(), [format!("prepared/{uuid}")], "{bad}");
    }
    sandbox.ended(["rm"]).fails("must provide at least one pod UUID");
    sandbox.ended(["rm", "--uuid-file=/dev/null", &uuid]).fails("both");
    assert_eq!(sandbox.pods(), [format!("prepared/{uuid}")]);
}
