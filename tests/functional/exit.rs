//! What pods end with: the codes of their apps, the pod's own, and which app's that is.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::ok;
use crate::harness::{Ended, Run, Sandbox, tests, wait_for};

tests! {
    host: [
        one_app_gives_the_pod_its_code,
        all_good_is_zero,
        the_first_app_that_fails_counts,
        an_app_that_ends_well_leaves_the_others_alone,
        killed_apps_have_the_signal_s_number,
        what_cannot_be_started_is_no_success,
        codes_of_prepared_pods,
        a_missing_working_directory_is_told,
        an_app_whose_unit_is_refused_ends_the_pod,
        a_pod_can_be_stopped_while_it_starts,
    ],
}

/// A directory that all apps of a pod share.
const SHARED: [&str; 2] = ["--volume=shared,kind=empty", "--mount=volume=shared,target=/shared"];

/// A pod with an app for each name and line of shell.
fn pod<'a>(sandbox: &'a Sandbox, apps: &[(&str, &str)]) -> Run<'a> {
    let mut run = sandbox.run().options(SHARED);
    for (name, line) in apps {
        run = run.shell_with(&[&format!("--name={name}")], line);
    }
    run
}

/// Runs a pod, expects its code, and gives what `rkt status` tells of its apps then.
#[track_caller]
fn codes(sandbox: &Sandbox, run: Run<'_>, code: i32) -> (Ended, Vec<String>) {
    let file = sandbox.at("uuid-of-the-pod");
    let ended = run.options([format!("--uuid-file-save={}", file.display())]).end().code(code);
    let status = sandbox.rkt_ok(["status", &fs::read_to_string(file).unwrap()]);
    let apps = status.lines().filter_map(|line| line.strip_prefix("app-"));
    (ended, apps.map(str::to_owned).collect())
}

fn one_app_gives_the_pod_its_code(sandbox: &Sandbox) {
    for code in [0, 1, 7, 100, 255] {
        let (ended, apps) = codes(sandbox, pod(sandbox, &[("one", &format!("exit {code}"))]), code);
        assert_eq!(apps, [format!("one={code}")]);
        assert_eq!(ended.err, "", "an app that ends is nothing to speak of");
    }
}

fn all_good_is_zero(sandbox: &Sandbox) {
    let apps = [("one", "true"), ("two", "sleep 0.2"), ("three", "echo done")];
    let (ended, codes) = codes(sandbox, pod(sandbox, &apps), 0);
    assert_eq!(codes, ["one=0", "two=0", "three=0"]);
    assert_eq!(ended.lines_of("three"), ["done"]);
}

/// Waits for the other app, says so when it is ended, and fails.
const FAILS_WHEN_ENDED: &str =
    "trap 'echo asked; exit 4' TERM; touch /shared/ready; while :; do sleep 0.01; done";

fn the_first_app_that_fails_counts(sandbox: &Sandbox) {
    let wait = "while ! [ -e /shared/ready ]; do sleep 0.01; done";
    let fails = format!("{wait}; exit 3");
    // Whatever the order of the apps: the other one is told to end, in its own way, and its code is known too.
    for apps in [[("b", FAILS_WHEN_ENDED), ("a", &fails)], [("a", &*fails), ("b", FAILS_WHEN_ENDED)]] {
        let (ended, mut codes) = codes(sandbox, pod(sandbox, &apps), 3);
        codes.sort();
        assert_eq!(codes, ["a=3", "b=4"]);
        assert!(ended.lines_of("b").contains(&"asked".to_owned()), "{ended:?}");
    }
    // One that lets itself be ended has ended by that signal, and one that ended well before stays so.
    let fails = "while ! [ -e /shared/good -a -e /shared/sleeps ]; do sleep 0.01; done; sleep 0.1; exit 9";
    let apps = [
        ("good", "touch /shared/good"),
        ("fails", fails),
        ("sleeps", "touch /shared/sleeps; exec sleep 1000"),
    ];
    let (_, codes) = codes(sandbox, pod(sandbox, &apps), 9);
    assert_eq!(codes, ["good=0", "fails=9", "sleeps=15"]);
}

fn an_app_that_ends_well_leaves_the_others_alone(sandbox: &Sandbox) {
    let goes_on = "echo started; while ! [ -e /shared/end ]; do sleep 0.01; done; exit 5";
    let mut pod = pod(sandbox, &[("short", "true"), ("long", goes_on)]).start();
    pod.wait_for_line_of("long", "started");
    let status = pod.root().join("rkt/status");
    let code = wait_for("the end of the short app", || {
        fs::read_to_string(status.join("short")).ok().filter(|code| !code.is_empty())
    });
    assert_eq!(code, "0\n");
    assert!(!status.join("long").exists());
    // It is still there to be entered.
    pod.enter(["--app=long", "/bin/touch", "/shared/end"]);
    assert_eq!(pod.status()["state"], "running");
    pod.end().code(5);
}

fn killed_apps_have_the_signal_s_number(sandbox: &Sandbox) {
    for (signal, number) in [("KILL", 9), ("TERM", 15), ("SEGV", 11), ("USR1", 10)] {
        let (_, apps) = codes(sandbox, pod(sandbox, &[("one", &format!("kill -{signal} $$"))]), number);
        assert_eq!(apps, [format!("one={number}")], "{signal}");
    }
}

fn what_cannot_be_started_is_no_success(sandbox: &Sandbox) {
    let app = sandbox.app();
    let run = |exec: &str| sandbox.run().app(app, &["--name=one", &format!("--exec={exec}")], &[]);
    for (exec, said) in [
        ("/etc/passwd", "\"/etc/passwd\" is not executable"),
        ("/bin", "\"/bin\" is not a regular file"),
        ("/bin/none", "Unable to open \"/bin/none\""),
    ] {
        let (ended, apps) = codes(sandbox, run(exec), 203);
        assert_eq!(apps, ["one=203"], "{exec}");
        assert!(ended.out.contains(said), "{exec}: {}{}", ended.out, ended.err);
    }
    // This one is known before anything starts.
    run("none").end().fails("unable to find \"none\"");
}

fn codes_of_prepared_pods(sandbox: &Sandbox) {
    let prepared =
        sandbox.prepare().shell_with(&["--name=one"], "exit 6").shell_with(&["--name=two"], "true");
    let uuid = prepared.end().ok().out.trim().to_owned();
    sandbox.ended(["run-prepared", "--net=host", &uuid]).code(6);
    let status = sandbox.rkt_ok(["status", &uuid]);
    assert!(status.contains("\napp-one=6\n"), "{status}");
    let json = sandbox.rkt_ok(["status", "--format=json", &uuid]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["apps"][0]["exit_code"], 6, "{json}");
}

fn a_missing_working_directory_is_told(sandbox: &Sandbox) {
    for directory in ["/not/there", "/etc/passwd", "/odd 100%n $HOME"] {
        let option = format!("--working-dir={directory}");
        let (ended, apps) = codes(sandbox, sandbox.run().shell_with(&[&option], "true"), 200);
        assert_eq!(apps, ["busybox=200"]);
        assert!(ended.out.contains(&format!("rootfs{directory}: ")), "{ended:?}");
        assert!(ended.out.contains("--working-dir=PATH"), "{ended:?}");
    }
    // An app may have that code of its own.
    let (ended, _) = codes(sandbox, sandbox.run().shell("exit 200"), 200);
    assert!(!ended.out.contains("working"), "{ended:?}");
}

/// The stage1 image with a drop-in for a unit, and a pod of these apps with it, which sleep.
fn with_drop_in<'a>(sandbox: &'a Sandbox, apps: &[&str], unit: &str, text: &str) -> Run<'a> {
    let dir = sandbox.at("stage1");
    let _ = fs::remove_dir_all(&dir);
    let drop_in = dir.join("rootfs/usr/lib/systemd/system").join(format!("{unit}.d"));
    fs::create_dir_all(&drop_in).unwrap();
    ok(Command::new("tar").arg("-C").arg(&dir).arg("-xpzf").arg(sandbox.stage1()));
    fs::write(drop_in.join("test.conf"), text).unwrap();
    let image = sandbox.at("other-stage1.aci");
    ok(Command::new("tar").arg("-C").arg(&dir).arg("-cf").arg(&image).args(["manifest", "rootfs"]));
    apps.iter().fold(sandbox.run().stage1(&image), |run, app| {
        run.shell_with(&[&format!("--name={app}")], "exec sleep 1000")
    })
}

fn an_app_whose_unit_is_refused_ends_the_pod(sandbox: &Sandbox) {
    // What systemd does not understand there it cannot start, and it waits for nobody then.
    for apps in [&["one", "two"][..], &["two"]] {
        let run = with_drop_in(sandbox, apps, "two.service", "[Service]\nType=oneshot\nRestart=always\n");
        let (ended, apps) = codes(sandbox, run, 254);
        assert!(apps.contains(&"two=254".to_owned()), "{apps:?}");
        let said = "app \"two\" was not started: systemd does not take its unit (bad-setting)";
        assert!(ended.out.contains(said), "{ended:?}");
    }
    // What it understands and cannot do has a status of its own.
    let run = with_drop_in(sandbox, &["one", "two"], "two.service", "[Service]\nUser=not a user\n");
    let (ended, apps) = codes(sandbox, run, 217);
    assert!(apps.contains(&"two=217".to_owned()), "{apps:?}");
    assert!(ended.out.contains("because systemd could not take on the user"), "{ended:?}");
}

fn a_pod_can_be_stopped_while_it_starts(sandbox: &Sandbox) {
    // No app starts before this does, and no reaper that could end the pod.
    let text =
        "[Service]\nTimeoutStartSec=infinity\nExecStartPre=/usr/bin/systemctl is-system-running --wait\n";
    let pod = with_drop_in(sandbox, &["one"], "shutdown.service", text).start();
    // It has begun to start, since roots of apps are prepared.
    let status = || fs::read_link(pod.root().join("rkt/supervisor-status")).ok();
    assert_eq!(wait_for("systemd of the pod", status), Path::new("booted"));
    pod.stop().ok();
}
