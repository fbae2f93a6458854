//! Whom an app runs as: by number, by name and by the owner of a file, as the image or the command line says.

use std::os::unix::fs::lchown;
use std::path::PathBuf;

use serde_json::json;

use crate::harness::{Image, Sandbox, tests};

tests! {
    fly: [images_say_whom, options_say_it_better, nobody_is_not_found, supplementary_groups],
    host: [
        images_say_whom,
        options_say_it_better,
        nobody_is_not_found,
        supplementary_groups,
        groups_of_the_image,
        large_numbers,
        numbers_that_mean_nobody,
        each_app_has_its_own,
    ],
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

fn groups_of_the_image(sandbox: &Sandbox) {
    let image = Image::busybox("example.com/groups", sandbox).app("supplementaryGIDs", json!([7, 8]));
    let image = image.make(sandbox);
    for (options, expected) in [(&[][..], "0 0 7 8"), (&["--supplementary-gids=9"], "0 0 9")] {
        let options = [&["--exec=/bin/sh"], options].concat();
        let ended =
            sandbox.run().app(&image, &options, &["-c", "echo $(id -u) $(id -g) $(id -G)"]).end().ok();
        // The app's own group may be told among the others.
        let line = ended.lines_of("groups").remove(0);
        assert_eq!(line.replace("0 0 0 ", "0 0 "), expected, "{options:?}");
    }
}

fn large_numbers(sandbox: &Sandbox) {
    for number in ["65534", "65536", "1000000", "4294967294"] {
        let options = [format!("--user={number}"), format!("--group={number}")];
        let ended =
            sandbox.run().shell_with(&options.each_ref().map(String::as_str), "echo $(id -u) $(id -g)");
        assert_eq!(ended.end().ok().line(), format!("{number} {number}"));
    }
}

fn numbers_that_mean_nobody(sandbox: &Sandbox) {
    for (option, said) in [
        ("--user=65535", "systemd starts nothing as user 65535"),
        ("--group=65535", "systemd starts nothing as group 65535"),
        ("--supplementary-gids=5,65535", "systemd starts nothing as group 65535"),
        ("--supplementary-gids=4294967295", "systemd starts nothing as group 4294967295"),
        ("--user=4294967295", "user \"4294967295\""),
        ("--user=-1", "user \"-1\""),
        ("--group=1e3", "group \"1e3\""),
        ("--supplementary-gids=users", "not the number of a group"),
    ] {
        sandbox.run().shell_with(&[option], "true").end().fails(said);
    }
}

fn each_app_has_its_own(sandbox: &Sandbox) {
    let line = "echo $(id -u) $(id -g)";
    let run = sandbox.run().shell_with(&["--name=one", "--user=11", "--group=12"], line);
    let run = run.shell_with(&["--name=two", "--user=12", "--group=11"], line);
    let ended = run.shell_with(&["--name=three"], line).end().ok();
    for (app, expected) in [("one", "11 12"), ("two", "12 11"), ("three", "0 0")] {
        assert_eq!(ended.lines_of(app), [expected], "{app}");
    }
}
