//! `rkt prepare` and `rkt run-prepared`, and what does not go with `--pod-manifest`.

use std::fs;

use crate::harness::{Sandbox, tests};

tests! {
    fly: [a_prepared_pod_runs_once, words_that_do_not_go_with_a_pod_manifest, what_cannot_be_run],
    host: [a_prepared_pod_runs_once, words_that_do_not_go_with_a_pod_manifest, what_cannot_be_run],
}

fn a_prepared_pod_runs_once(sandbox: &Sandbox) {
    for overlay in ["--no-overlay=false", "--no-overlay=true"] {
        let prepared = sandbox.prepare().options([overlay, "--quiet"]).shell("echo $0; exit 3").end().ok();
        let uuid = prepared.out.trim();
        assert_eq!(uuid.len(), 36, "{uuid}");
        assert!(sandbox.rkt_ok(["status", uuid]).starts_with("state=prepared\n"));
        let ended = sandbox.ended(["run-prepared", "--net=host", uuid]).code(3);
        assert_eq!(ended.line(), "/bin/sh");
        sandbox.ended(["run-prepared", "--net=host", uuid]).fails("is not prepared");
    }
}

fn words_that_do_not_go_with_a_pod_manifest(sandbox: &Sandbox) {
    let file = sandbox.at("pod.json");
    fs::write(&file, r#"{"acKind":"PodManifest","acVersion":"0.8.11","apps":[]}"#).unwrap();
    let manifest = format!("--pod-manifest={}", file.display());
    for options in [
        &["--inherit-env"][..],
        &["--set-env=A=1"],
        &["--volume=v,kind=host,source=/tmp"],
        &["--volume=v,kind=host,source=/tmp", "--mount=volume=v,target=/data"],
        &["--pull-policy=never"],
        &["--pull-policy=update"],
    ] {
        for run in [sandbox.run(), sandbox.prepare()] {
            let ended = run.options([&manifest]).options(options).end();
            ended.fails("conflicting flags set with --pod-manifest");
        }
    }
    let ended = sandbox.run().options([&manifest]).shell("true").end();
    ended.fails("conflicting flags set with --pod-manifest");
    let ended = sandbox.run().options([&manifest]).end();
    ended.fails("pod must contain at least one application");
}

fn what_cannot_be_run(sandbox: &Sandbox) {
    sandbox.prepare().end().fails("must provide at least one image");
    sandbox.ended(["run-prepared", "--net=host", "1234"]).fails("1234");
    let ended = sandbox.run().shell("true").options(["--uuid-file-save=/nonexistent/file"]).end();
    ended.fails("/nonexistent/file");
}
