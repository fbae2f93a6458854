//! Volumes: directories and files of the host, written to or not.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::harness::{Image, Sandbox, tests};

tests! {
    fly: [apps_read_and_write_them, read_only_ones_stay_as_they_are, a_file_is_one_too, mount_points_of_the_image, what_is_missing_is_told],
    host: [apps_read_and_write_them, read_only_ones_stay_as_they_are, a_file_is_one_too, mount_points_of_the_image, what_is_missing_is_told],
}

/// A directory of the host with a file.
fn source(sandbox: &Sandbox) -> PathBuf {
    let source = sandbox.at("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "from the host\n").unwrap();
    source
}

const MOUNT: &str = "--mount=volume=v,target=/data";

fn apps_read_and_write_them(sandbox: &Sandbox) {
    let source = source(sandbox);
    let volume = format!("--volume=v,kind=host,source={}", source.display());
    let ended =
        sandbox.run().options([volume]).shell_with(&[MOUNT], "cat /data/file; echo from the app >/data/new");
    assert_eq!(ended.end().ok().line(), "from the host");
    assert_eq!(fs::read_to_string(source.join("new")).unwrap(), "from the app\n");
    // Given before the first image, a mount is for every app.
    let volume = format!("--volume=v,kind=host,source={},readOnly=false", source.display());
    let ended = sandbox.run().options([&volume, MOUNT]).shell("cat /data/new").end().ok();
    assert_eq!(ended.line(), "from the app");
    sandbox.expect_nothing_left();
    assert_eq!(fs::read_dir(&source).unwrap().count(), 2, "collecting pods must not reach into volumes");
}

fn read_only_ones_stay_as_they_are(sandbox: &Sandbox) {
    let source = source(sandbox);
    let volume = format!("--volume=v,kind=host,source={},readOnly=true", source.display());
    let line =
        "cat /data/file; echo x 2>/dev/null >/data/file || echo no; rm /data/file 2>/dev/null || echo no";
    let ended = sandbox.run().options([volume]).shell_with(&[MOUNT], line).end().ok();
    assert_eq!(ended.lines(), ["from the host", "no", "no"]);
    assert_eq!(fs::read_to_string(source.join("file")).unwrap(), "from the host\n");
}

fn a_file_is_one_too(sandbox: &Sandbox) {
    let file = source(sandbox).join("file");
    let volume = format!("--volume=v,kind=host,source={}", file.display());
    let run =
        sandbox.run().options([volume]).shell_with(&["--mount=volume=v,target=/etc/motd"], "cat /etc/motd");
    assert_eq!(run.end().ok().line(), "from the host");
}

fn mount_points_of_the_image(sandbox: &Sandbox) {
    let points = json!([{"name": "v", "path": "/data", "readOnly": true}]);
    let image = Image::busybox("example.com/points", sandbox).app("mountPoints", points).make(sandbox);
    let source = source(sandbox);
    let line = ["-c", "cat /data/file; echo x 2>/dev/null >/data/file || echo no"];
    // The volume says whether it can be written to; where it does not, the image does.
    for (read_only, expected) in [("", &["from the host", "no"][..]), (",readOnly=false", &["from the host"])]
    {
        let volume = format!("--volume=v,kind=host,source={}{read_only}", source.display());
        let ended = sandbox.run().options([volume]).app(&image, &["--exec=/bin/sh"], &line).end().ok();
        assert_eq!(ended.lines_of("points"), expected, "{read_only}");
    }
}

fn what_is_missing_is_told(sandbox: &Sandbox) {
    let ended = sandbox.run().shell_with(&[MOUNT], "true").end();
    ended.fails("dangling mount point \"/data\": volume \"v\" not found");
    let volume = ["--volume=v,kind=host,source=/nonexistent/source"];
    sandbox.run().options(volume).shell_with(&[MOUNT], "true").end().fails("/nonexistent/source");
    sandbox.run().options(["--volume=v,kind=odd"]).shell("true").end().fails("odd");
}
