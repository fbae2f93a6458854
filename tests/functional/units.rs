//! Every unit of a pod, those of the image, of the host and of the engine, passes `systemd-analyze verify`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::common::text;
use crate::harness::{Image, Sandbox, tests};

tests! {
    host: [systemd_accepts_those_of_a_rich_pod, systemd_accepts_those_of_a_pod_that_changes],
}

const UNITS: &str = "stage1/rootfs/usr/lib/systemd/system";

/// What systemd says of units that are as they have to be, with the reason.
const SAID_OF_GOOD_UNITS: &[(&str, &str)] = &[
    (
        "Failed to parse system call, ignoring: ",
        "the lists of calls that apps may make are longer than systemd's own",
    ),
    ("Unit uses CPUShares=; please use CPUWeight= instead.", "CPUWeight= would be other shares"),
];

/// Has systemd look at every unit of a running pod, each by itself and all together. `app` is one that has an instance of
/// each template, `programs` are those of apps: systemd looks for them in the root of the pod, not in theirs.
fn verify(pod: &Path, app: &str, programs: &[&str]) -> Vec<String> {
    for program in programs {
        let path = pod.join("stage1/rootfs").join(program.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let mut units = Vec::new();
    for entry in fs::read_dir(pod.join(UNITS)).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_dir() {
            let name = entry.file_name().into_string().unwrap();
            units.push(name.replace("@.", &format!("@{app}.")));
        }
    }
    units.sort();
    let root = pod.join("stage1/rootfs");
    for units in units.iter().map(std::slice::from_ref).chain([&units[..]]) {
        let mut analyze = Command::new("systemd-analyze");
        analyze.args(["verify", "--man=no"]).arg(format!("--root={}", root.display())).args(units);
        let output = analyze.output().expect("systemd-analyze (package systemd) runs");
        let said = text(&output.stdout) + &text(&output.stderr);
        let complaints: Vec<_> = said
            .lines()
            .filter(|line| !SAID_OF_GOOD_UNITS.iter().any(|(known, _)| line.contains(known)))
            .collect();
        assert!(
            output.status.success() && complaints.is_empty(),
            "{units:?}: {}\n{complaints:#?}",
            output.status
        );
    }
    units
}

fn systemd_accepts_those_of_a_rich_pod(sandbox: &Sandbox) {
    let handler = |name: &str, line: &str| json!({"name": name, "exec": ["/bin/sh", "-c", line]});
    let image = Image::busybox("example.com/rich", sandbox)
        .app(
            "eventHandlers",
            json!([handler("pre-start", "echo 'a \"b\" $c %d'"), handler("post-stop", "true")]),
        )
        .app("ports", json!([{"name": "p", "protocol": "tcp", "port": 47_811, "socketActivated": true}]))
        .set(
            "",
            "annotations",
            json!([{"name": "appc.io/executor/supports-systemd-notify", "value": "true"}]),
        )
        .make(sandbox);
    let volume = sandbox.at("a volume: with\\odd name");
    fs::create_dir(&volume).unwrap();
    let volumes = [
        format!("--volume=host,kind=host,source={},readOnly=true", volume.display()),
        "--volume=empty,kind=empty".to_owned(),
        "--volume=device,kind=host,source=/dev/null".to_owned(),
    ];
    let limits = [
        "--name=one",
        "--exec=/bin/sh",
        "--memory=64M",
        "--cpu=500m",
        "--cpu-shares=512",
        "--oom-score-adj=5",
        "--caps-remove=CAP_CHOWN",
        "--seccomp",
        "mode=remove,errno=EPERM,chmod,@systemd/mount",
        "--user=1000",
        "--group=100",
        "--supplementary-gids=5,6",
        "--readonly-rootfs=true",
        "--mount=volume=host,target=/a place",
        "--mount=volume=empty,target=/w%25%25n",
        "--mount=volume=device,target=/dev/own",
        "--environment=ODD=b\"c\\d e%n$x",
        "--working-dir=/tmp",
    ];
    let odd = [
        "-c",
        "echo started; exec sleep 1000",
        "q'u\"o%t$e\\",
        "\n\ttwo\nlines ",
        "",
        "\u{fc}\u{1f600}",
        ";",
    ];
    let mut pod = sandbox
        .run()
        .options(volumes)
        .app(sandbox.app(), &limits, &odd)
        .app(&image, &["--name=a--b"], &["-c", "exec sleep 1000"])
        .app(
            sandbox.app(),
            &["--name=s", "--exec=/bin/sleep", "--stdin=stream", "--stdout=stream"],
            &["1000"],
        )
        .app(sandbox.app(), &["--name=t", "--exec=/bin/sleep", "--stdin=tty", "--stdout=tty"], &["1000"])
        .start();
    pod.wait_for_line_of("one", "started");
    let units = verify(&pod.dir(), "one", &["/bin/sh", "/bin/sleep"]);
    for name in
        ["a--b.socket", "iomux@one.service", "reaper-s.service", "systemd-journald.service", "t.service"]
    {
        assert!(units.iter().any(|unit| unit == name), "{name}: {units:?}");
    }
    pod.stop();
}

fn systemd_accepts_those_of_a_pod_that_changes(sandbox: &Sandbox) {
    let fetched = sandbox.rkt_ok(["fetch".as_ref(), "--full".as_ref(), sandbox.app().as_os_str()]);
    let image = fetched.lines().last().unwrap();
    let pod = sandbox.mutable().start();
    sandbox.rkt_ok(["status", "--wait-ready", pod.uuid()]);
    sandbox.ended(["app", "add", pod.uuid(), image, "--name=one", "--exec=/bin/sleep", "--", "1000"]).ok();
    let units = verify(&pod.dir(), "one", &["/bin/sleep"]);
    assert!(units.iter().any(|unit| unit == "one.service"), "{units:?}");
    pod.stop();
}
