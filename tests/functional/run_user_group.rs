//! Whom an app runs as: by number, by name and by the owner of a file, as the image or the command line says.

use std::os::unix::fs::lchown;
use std::path::PathBuf;

use serde_json::json;

use crate::harness::{Image, Sandbox, tests};

tests! {
    fly: [images_say_whom, options_say_it_better, nobody_is_not_found, supplementary_groups],
    host: [images_say_whom, options_say_it_better, nobody_is_not_found, supplementary_groups],
}

const LINE: &[&str] = &["-c", "echo $(id -u) $(id -g) $(id -G)"];

/// An image with users and groups, and a file that belongs to others.
fn image(sandbox: &Sandbox, user: &str, group: &str) -> PathBuf {
    let image = Image::busybox("example.com/users", sandbox)
        .app("user", json!(user))
        .app("group", json!(group))
        .file("/etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n")
        .file("/etc/group", 0o644, "root:x:0:\nusers:x:100:\nwheel:x:10:alice\n")
        .file("/owned", 0o644, "");
    lchown(image.at("/owned"), Some(4711), Some(4712)).unwrap();
    image.make(sandbox)
}

/// Each row: a user and a group, and what they are.
const ROWS: &[(&str, &str, &str)] = &[
    ("0", "0", "0 0 0"),
    ("root", "root", "0 0 0"),
    ("1000", "100", "1000 100 100"),
    ("alice", "users", "1000 100 100"),
    ("4242", "4243", "4242 4243 4243"),
    ("/owned", "/owned", "4711 4712 4712"),
    ("alice", "/owned", "1000 4712 4712"),
];

fn images_say_whom(sandbox: &Sandbox) {
    for (user, group, expected) in ROWS {
        let image = image(sandbox, user, group);
        let ended = sandbox.run().app(image, &["--exec=/bin/sh"], LINE).end().ok();
        assert_eq!(ended.lines_of("users"), [*expected], "{user}:{group}");
    }
}

fn options_say_it_better(sandbox: &Sandbox) {
    let image = image(sandbox, "4242", "4243");
    for (user, group, expected) in ROWS {
        let options = [format!("--user={user}"), format!("--group={group}")];
        let ended = sandbox.run().app(&image, &["--exec=/bin/sh", &options[0], &options[1]], LINE).end().ok();
        assert_eq!(ended.lines_of("users"), [*expected], "{user}:{group}");
    }
    let ended = sandbox.run().app(&image, &["--exec=/bin/sh", "--user=alice"], LINE).end().ok();
    assert_eq!(ended.lines_of("users"), ["1000 4243 4243"]);
}

fn nobody_is_not_found(sandbox: &Sandbox) {
    for (user, group, said) in
        [("bob", "0", "bob"), ("0", "nogroup", "nogroup"), ("/not-there", "0", "/not-there")]
    {
        let image = image(sandbox, user, group);
        sandbox.run().app(image, &["--exec=/bin/sh"], LINE).end().fails(said);
    }
}

fn supplementary_groups(sandbox: &Sandbox) {
    let image = image(sandbox, "alice", "users");
    let options = ["--exec=/bin/sh", "--supplementary-gids=10,4712"];
    let ended = sandbox.run().app(image, &options, LINE).end().ok();
    let lines = ended.lines_of("users");
    let mut words: Vec<_> = lines[0].split(' ').collect();
    assert_eq!(words[..2], ["1000", "100"]);
    words[2..].sort_unstable();
    assert_eq!(words[2..], ["10", "100", "4712"]);
}
