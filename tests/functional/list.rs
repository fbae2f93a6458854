//! `rkt list`: every pod with its state.

use serde_json::Value;

use crate::harness::{Sandbox, tests};

tests! {
    fly: [each_state_has_its_row, json_says_the_same],
    host: [each_state_has_its_row, json_says_the_same],
}

/// The rows of the list, cell by cell.
fn rows(sandbox: &Sandbox, options: &[&str]) -> Vec<Vec<String>> {
    let text = sandbox.rkt_ok([&["list"], options].concat());
    let cells = |line: &str| {
        line.split('\t').map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    text.lines().map(cells).collect()
}

fn each_state_has_its_row(sandbox: &Sandbox) {
    assert_eq!(rows(sandbox, &["--no-legend"]), [[""; 0]; 0]);
    let prepared = sandbox.prepare().shell("true").end().ok();
    sandbox.shell("true").ok();
    let pod = sandbox.sleeping();
    let all = rows(sandbox, &[]);
    assert_eq!(all[0], ["UUID", "APP", "IMAGE NAME", "STATE", "CREATED", "STARTED", "NETWORKS"]);
    let of = |uuid: &str| all.iter().find(|row| uuid.starts_with(&row[0])).unwrap();
    let row = of(prepared.out.trim());
    assert_eq!(row[1], "busybox");
    assert!(row[2].starts_with("example.com/busybox:"), "{row:?}");
    assert_eq!((row[3].as_str(), row.len()), ("prepared", 5), "{row:?}");
    let row = of(pod.uuid());
    assert_eq!((row[3].as_str(), row.len()), ("running", 6), "{row:?}");
    let mut states: Vec<_> = all[1..].iter().map(|row| row[3].as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["exited", "prepared", "running"]);
    let full = rows(sandbox, &["--full", "--no-legend"]);
    assert!(full.iter().all(|row| row[0].len() == 36), "{full:?}");
    assert_eq!(full.iter().filter(|row| row[0] == pod.uuid()).count(), 1);
    pod.stop();
}

fn json_says_the_same(sandbox: &Sandbox) {
    sandbox.shell("exit 0").ok();
    let pod = sandbox.sleeping();
    let list: Value = serde_json::from_str(&sandbox.rkt_ok(["list", "--format=json"])).unwrap();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2);
    let running = list.iter().find(|other| other["name"] == pod.uuid()).unwrap();
    assert_eq!(running, &pod.json());
    assert!(running["created_at"].as_i64() <= running["started_at"].as_i64(), "{running}");
    pod.stop();
}
