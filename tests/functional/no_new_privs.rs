//! Whether programs that an app starts may have more rights than the app.

use serde_json::json;

use crate::harness::{Image, Sandbox, tests};

tests! {
    host: [
        an_isolator_forbids_it,
        a_filter_forbids_it_to_users,
        programs_of_root_do_not_become_root,
    ],
}

const SHOW: &str = "sed -n 's/^NoNewPrivs:.//p' /proc/self/status";

fn an_isolator_forbids_it(sandbox: &Sandbox) {
    for (value, expected) in [(Some(true), "1"), (Some(false), "0"), (None, "0")] {
        let isolators: Vec<_> = value
            .map(|value| json!({"name": "os/linux/no-new-privileges", "value": value}))
            .into_iter()
            .collect();
        let image =
            Image::busybox("example.com/nnp", sandbox).app("isolators", json!(isolators)).make(sandbox);
        let ended = sandbox.run().app(image, &["--exec=/bin/sh"], &["-c", SHOW]).end().ok();
        assert_eq!(ended.lines_of("nnp"), [expected], "{value:?}");
    }
    let isolators = json!([{"name": "os/linux/no-new-privileges", "value": "yes"}]);
    let image = Image::busybox("example.com/nnp", sandbox).app("isolators", isolators).make(sandbox);
    sandbox.run().app(image, &[], &[]).end().fails("app.isolators[0]");
}

fn a_filter_forbids_it_to_users(sandbox: &Sandbox) {
    for (options, insecure, expected) in [
        (&["--user=0"][..], "", "0"),
        (&["--user=1000"], "", "1"),
        (&["--user=1000"], "seccomp", "0"),
        (&["--user=1000", "--seccomp=mode=retain,@appc.io/all"], "", "0"),
    ] {
        let ended = sandbox.run().insecure(insecure).shell_with(options, SHOW).end().ok();
        assert_eq!(ended.line(), expected, "{options:?} {insecure}");
    }
}

fn programs_of_root_do_not_become_root(sandbox: &Sandbox) {
    let program = std::fs::read("/usr/bin/id").unwrap();
    let image =
        Image::busybox("example.com/setuid", sandbox).file("/setuid/id", 0o4755, program).make(sandbox);
    for (insecure, expected) in [("", "1000"), ("seccomp", "0")] {
        let run = sandbox.run().programs_of_the_host().insecure(insecure);
        let ended = run.app(&image, &["--exec=/setuid/id", "--user=1000"], &["-u"]).end().ok();
        assert_eq!(ended.lines_of("setuid"), [expected], "{insecure}");
    }
}
