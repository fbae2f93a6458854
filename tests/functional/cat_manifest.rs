//! `rkt cat-manifest`: the manifest of a pod, by UUID and by its beginning.

use serde_json::Value;

use crate::harness::{Sandbox, tests};

tests! {
    fly: [the_manifest_is_that_of_the_pod],
    host: [the_manifest_is_that_of_the_pod],
}

fn the_manifest_is_that_of_the_pod(sandbox: &Sandbox) {
    let run = sandbox.prepare().options(["--set-env=A=b"]).shell_with(&["--name=other"], "true");
    let prepared = run.end().ok();
    let uuid = prepared.out.trim();
    let pretty = sandbox.rkt_ok(["cat-manifest", uuid]);
    let short = sandbox.rkt_ok(["cat-manifest", "--pretty-print=false", &uuid[..8]]);
    let manifest: Value = serde_json::from_str(&pretty).unwrap();
    assert_eq!(manifest, serde_json::from_str::<Value>(&short).unwrap());
    assert!(pretty.lines().count() > 10 && short.lines().count() == 1, "{short}");
    assert_eq!(manifest["acKind"], "PodManifest");
    let app = &manifest["apps"][0];
    assert_eq!((&app["name"], &app["image"]["name"]), (&"other".into(), &"example.com/busybox".into()));
    assert_eq!(app["app"]["exec"], serde_json::json!(["/bin/sh", "-c", "true"]));
    for wrong in ["1234", "not-a-uuid"] {
        sandbox.ended(["cat-manifest", wrong]).fails(wrong);
    }
}
