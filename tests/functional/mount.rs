//! Where a mount goes when links are on its way: never out of the app.

use std::fs;
use std::path::Path;

use crate::harness::{Image, Sandbox, tests};

tests! {
    fly: [links_are_followed_inside_the_app, missing_targets_are_made],
    host: [links_are_followed_inside_the_app, missing_targets_are_made],
}

/// Each row: the target of the mount, and where it is seen in the app.
const ROWS: &[(&str, &str)] = &[
    ("/dir1", "/dir1"),
    ("/dir1/link_abs_dir2", "/dir2"),
    ("/dir1/link_rel_dir2", "/dir2"),
    ("/dir1/link_out_of_the_root", "/dir2"),
    ("/link_abs_dir1/sub", "/dir1/sub"),
    ("/dir1/link_dangling", "/not/there"),
];

fn image(sandbox: &Sandbox) -> std::path::PathBuf {
    Image::busybox("example.com/links", sandbox)
        .directory("/dir1/sub", 0o755)
        .directory("/dir2", 0o755)
        .link("/dir1/link_abs_dir2", "/dir2")
        .link("/dir1/link_rel_dir2", "../dir2")
        .link("/dir1/link_out_of_the_root", "../../../../../../../../../../dir2")
        .link("/link_abs_dir1", "/dir1")
        .link("/dir1/link_dangling", "/not/there")
        .make(sandbox)
}

/// Runs an app with the volume on a target and gives the lines of what it reads in a place.
fn read(sandbox: &Sandbox, image: &Path, target: &str, place: &str) -> Vec<String> {
    let source = sandbox.at("source");
    fs::create_dir_all(&source).unwrap();
    fs::write(source.join("file"), "from the volume\n").unwrap();
    let volume = format!("--volume=v,kind=host,source={}", source.display());
    let mount = format!("--mount=volume=v,target={target}");
    let line = format!("cat {place}/file");
    let ended = sandbox.run().options([volume]).app(image, &[&mount, "--exec=/bin/sh"], &["-c", &line]).end();
    ended.ok().lines_of("links")
}

fn links_are_followed_inside_the_app(sandbox: &Sandbox) {
    let image = image(sandbox);
    let before = Path::new("/dir2").exists();
    for (target, place) in ROWS {
        assert_eq!(read(sandbox, &image, target, place), ["from the volume"], "{target}");
    }
    assert_eq!(Path::new("/dir2").exists(), before, "a link led to the host");
    assert!(!Path::new("/not/there").exists(), "a link led to the host");
}

fn missing_targets_are_made(sandbox: &Sandbox) {
    let image = image(sandbox);
    for target in ["/new", "/new/and/deep", "/dir2/new"] {
        assert_eq!(read(sandbox, &image, target, target), ["from the volume"], "{target}");
    }
}
