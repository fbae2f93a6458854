//! A root that cannot be written to, with volumes in it that can.

use serde_json::json;

use crate::harness::{Image, Sandbox, tests};

tests! {
    host: [
        the_root_cannot_be_written_to,
        volumes_can,
        mount_points_without_a_volume_can,
        targets_with_odd_names,
        only_the_app_that_wants_it,
    ],
}

const READ_ONLY: &str = "--readonly-rootfs=true";

/// Tries to write to places, and says which it could.
fn write(places: &[&str]) -> String {
    let words = places.iter().map(|place| format!("'{place}'")).collect::<Vec<_>>();
    format!(
        "for place in {}; do touch \"$place/new\" 2>/dev/null && echo \"$place\"; done; true",
        words.join(" ")
    )
}

fn the_root_cannot_be_written_to(sandbox: &Sandbox) {
    let places = ["/", "/root", "/tmp", "/etc", "/bin", "/dev/shm"];
    assert_eq!(sandbox.shell(&write(&places)).ok().lines(), places);
    // Memory that processes share is no part of the root, and neither is what a process tells the kernel about itself.
    let ended = sandbox.run().shell_with(&[READ_ONLY], &write(&places)).end().ok();
    assert_eq!(ended.lines(), ["/dev/shm"]);
    let line = "mount -o remount,rw / 2>/dev/null; touch /new 2>&1; echo name >/proc/self/comm && echo x >/dev/null && echo done; \
                echo x 2>/dev/null >/proc/sys/kernel/core_pattern || echo no";
    let lines = sandbox.run().shell_with(&[READ_ONLY], line).end().ok().lines();
    assert!(lines[0].ends_with("Read-only file system"), "{lines:?}");
    assert_eq!(lines[1..], ["done", "no"]);
}

fn volumes_can(sandbox: &Sandbox) {
    let source = sandbox.at("source");
    std::fs::create_dir_all(source.join("inner")).unwrap();
    let volumes = [
        "--volume=empty,kind=empty".to_owned(),
        format!("--volume=host,kind=host,source={}", source.display()),
        format!("--volume=ro,kind=host,source={},readOnly=true", source.display()),
    ];
    let options = [
        READ_ONLY,
        "--mount=volume=empty,target=/tmp",
        "--mount=volume=host,target=/deep/in/the/root",
        "--mount=volume=ro,target=/ro",
        // One in the other, each as it is.
        "--mount=volume=empty,target=/ro/inner",
    ];
    let places = ["/tmp", "/deep/in/the/root", "/deep/in/the/root/inner", "/deep/in", "/ro", "/ro/inner"];
    let ended = sandbox.run().options(volumes).shell_with(&options, &write(&places)).end().ok();
    assert_eq!(ended.lines(), ["/tmp", "/deep/in/the/root", "/deep/in/the/root/inner", "/ro/inner"]);
    assert!(source.join("new").exists());
}

fn mount_points_without_a_volume_can(sandbox: &Sandbox) {
    let points = json!([{"name": "data", "path": "/data"}, {"name": "ro", "path": "/ro", "readOnly": true}]);
    let image = Image::busybox("example.com/points", sandbox).app("mountPoints", points).make(sandbox);
    let line = write(&["/data", "/ro", "/etc"]);
    let ended = sandbox.run().app(image, &[READ_ONLY, "--exec=/bin/sh"], &["-c", &line]).end().ok();
    assert_eq!(ended.lines_of("points"), ["/data"]);
    ended.says("no volume specified for mount point \"data\", implicitly creating an \"empty\" volume");
}

fn targets_with_odd_names(sandbox: &Sandbox) {
    let targets = [
        "/two words",
        "/100%n",
        "/it's",
        "/a:b",
        "/a\\b",
        "/d\"q",
        "/-dash",
        "/$HOME",
        "/uml\u{e4}ut",
        "/#x",
        "/+p",
        "/[x]*?",
    ];
    let mut options = vec![READ_ONLY.to_owned()];
    options.extend(targets.iter().map(|target| format!("--mount=volume=v,target={}", encoded(target))));
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let lines = targets.map(|target| format!("touch {0}/new 2>/dev/null && echo {0}", quoted(target)));
    let line = format!("{}; touch /new 2>/dev/null && echo /; true", lines.join("; "));
    let ended = sandbox.run().options(["--volume=v,kind=empty"]).shell_with(&options, &line).end().ok();
    assert_eq!(ended.lines(), targets);
}

/// As in a URL, where `%` and `+` have a meaning.
fn encoded(text: &str) -> String {
    text.bytes().flat_map(|byte| format!("%{byte:02x}").into_bytes()).map(char::from).collect()
}

/// A word of shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn only_the_app_that_wants_it(sandbox: &Sandbox) {
    let line = write(&["/etc"]);
    let run =
        sandbox.run().shell_with(&["--name=fixed", READ_ONLY], &line).shell_with(&["--name=free"], &line);
    let ended = run.end().ok();
    assert_eq!((ended.lines_of("fixed"), ended.lines_of("free")), (vec![], vec!["/etc".to_owned()]));
}
