//! `rkt image rm` and `rkt image gc` beside pods: what a pod is mounted from stays as long as the pod.

use std::fs;

use crate::harness::{Sandbox, tests};

tests! {
    fly: [removing_images_leaves_pods_alone, collecting_leaves_what_pods_use],
    host: [removing_images_leaves_pods_alone, collecting_leaves_what_pods_use],
}

/// The rendered images.
fn trees(sandbox: &Sandbox) -> usize {
    fs::read_dir(sandbox.data().join("cas/tree")).unwrap().count()
}

/// The stored images, without those whose names begin otherwise.
fn images(sandbox: &Sandbox, prefix: &str) -> Vec<String> {
    let list = sandbox.rkt_ok(["image", "list", "--no-legend", "--full", "--fields=id,name"]);
    let fields = |line: &str| {
        let mut fields = line.split_whitespace();
        Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
    };
    list.lines().filter_map(fields).filter(|(_, name)| name.starts_with(prefix)).map(|(id, _)| id).collect()
}

fn removing_images_leaves_pods_alone(sandbox: &Sandbox) {
    let mut pod =
        sandbox.run().shell("echo started; while ! [ -e /tmp/end ]; do sleep 0.02; done; exit 6").start();
    pod.wait_for_line("started");
    let all = images(sandbox, "");
    assert_eq!(all.len(), 2, "{all:?}");
    let ended =
        sandbox.ended([&["image", "rm"], &all.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    ended.ok().says("rm: 2 image(s) successfully removed");
    assert_eq!((images(sandbox, "").len(), trees(sandbox)), (0, 2));
    // Entering, telling and ending need what is in the tree of stage1.
    let uuid = pod.uuid().to_owned();
    assert_eq!(pod.enter(["/bin/cat", "/etc/group"]).ok().out.lines().next(), Some("root:x:0:"));
    let row = sandbox.rkt_ok(["list", "--no-legend"]);
    assert!(row.contains("example.com/busybox:") && row.contains("running"), "{row}");
    pod.enter(["/bin/touch", "/tmp/end"]).ok();
    pod.end().code(6);
    assert_eq!(sandbox.rkt_ok(["rm", &uuid]), format!("\"{uuid}\"\n"));
}

fn collecting_leaves_what_pods_use(sandbox: &Sandbox) {
    let collect = || sandbox.ended(["image", "gc", "--grace-period=0s"]).ok().err;
    let prepared = sandbox.prepare().shell("exit 7").end().ok();
    let pod = sandbox.sleeping();
    // The image of an app that runs stays, that of stage1 need not; what pods are mounted from does.
    let said = collect();
    assert!(!said.contains("treestore"), "{said}");
    assert_eq!((images(sandbox, "example.com/busybox").len(), trees(sandbox)), (1, 2));
    pod.enter(["/bin/true"]).ok();
    pod.stop();
    assert!(!collect().contains("treestore"));
    sandbox.ended(["gc", "--grace-period=0s"]).ok();
    assert!(!collect().contains("treestore"));
    assert_eq!((images(sandbox, ""), trees(sandbox)), (Vec::new(), 2));
    // The one that waits can still run, and when it is gone nothing is needed any more.
    let ended = sandbox.ended(["run-prepared", "--net=host", prepared.out.trim()]);
    ended.code(7);
    sandbox.ended(["gc", "--mark-only"]).ok();
    assert!(!collect().contains("treestore"));
    sandbox.ended(["gc", "--grace-period=0s"]).ok();
    assert_eq!(collect().matches("gc: removed treestore").count(), 2);
    assert_eq!(trees(sandbox), 0);
}
