//! Programs that cannot be run: the pod fails, and says which file is to blame.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::common::{ok, text};
use crate::harness::{Image, Sandbox, tests};

tests! {
    fly: [what_cannot_be_run_is_explained, names_that_nothing_has],
    host: [what_cannot_be_run_is_explained, names_that_nothing_has, each_app_has_its_own],
}

/// A program of the host that needs a loader, and the path of that.
fn dynamic() -> (Vec<u8>, String) {
    let program = fs::canonicalize("/bin/true").unwrap();
    let headers = text(&ok(std::process::Command::new("readelf").arg("-l").arg(&program)).stdout);
    let (_, rest) = headers.split_once("program interpreter: ").expect("a dynamic program");
    (fs::read(program).unwrap(), rest.split(']').next().unwrap().to_owned())
}

/// Programs of an image that cannot be run, and what is to be said of each.
fn broken(sandbox: &Sandbox) -> (std::path::PathBuf, Vec<(&'static str, String)>) {
    let (program, loader) = dynamic();
    let image = Image::busybox("example.com/broken", sandbox)
        .file("/bin/text", 0o644, "#!/bin/sh\n")
        .file("/bin/script", 0o755, "#!/none/shell -e\necho ran\n")
        .file("/bin/chain", 0o755, "#!/bin/script\necho ran\n")
        .file("/bin/dynamic", 0o755, program)
        .link("/bin/dangling", "/none/target")
        .directory("/bin/directory", 0o755)
        .make(sandbox);
    assert!(!Path::new("/none").exists());
    let open = |path: &str| format!("Unable to open \"{path}\": No such file or directory");
    let rows = vec![
        ("/none/program", open("/none/program")),
        ("/bin/dangling", open("/bin/dangling")),
        ("/bin/script", open("/none/shell")),
        ("/bin/chain", open("/none/shell")),
        ("/bin/dynamic", open(&loader)),
        ("/bin/text", "\"/bin/text\" is not executable".to_owned()),
        ("/bin/directory", "\"/bin/directory\" is not a regular file".to_owned()),
    ];
    (image, rows)
}

fn what_cannot_be_run_is_explained(sandbox: &Sandbox) {
    let (image, rows) = broken(sandbox);
    for (program, reason) in rows {
        let file = sandbox.at("uuid-of-the-pod");
        let save = format!("--uuid-file-save={}", file.display());
        let exec = format!("--exec={program}");
        let ended = sandbox.run().options([save]).app(&image, &[&exec], &[]).end();
        let said = format!("{}{}", ended.out, ended.err);
        assert!(!said.contains("ran\n"), "{said}");
        if sandbox.flavor() == "fly" {
            // It is rkt that fails, before it has become the app.
            ended.code(254).says(program);
            continue;
        }
        let ended = ended.code(203);
        let reason = format!("Error: {reason}");
        assert!(ended.out.lines().any(|line| line.trim_end().ends_with(&reason)), "{reason}: {said}");
        let status = sandbox.rkt_ok(["status", &fs::read_to_string(file).unwrap()]);
        assert!(status.ends_with("\napp-broken=203\n"), "{program}: {status}");
    }
}

fn names_that_nothing_has(sandbox: &Sandbox) {
    let ended = sandbox.run().app(sandbox.app(), &["--exec=no-such-program"], &[]).end();
    ended.fails("unable to find \"no-such-program\" in \"").says("--exec=PATH");
    let image = Image::busybox("example.com/none", sandbox).app("exec", json!([])).make(sandbox);
    sandbox.run().app(&image, &[], &[]).end().fails("--exec");
}

fn each_app_has_its_own(sandbox: &Sandbox) {
    let file = sandbox.at("uuid-of-the-pod");
    let save = format!("--uuid-file-save={}", file.display());
    // The end of one that fails is the end of all.
    let ended = sandbox
        .run()
        .options([save])
        .shell_with(&["--name=good"], "exec sleep 1000")
        .app(sandbox.app(), &["--name=bad", "--exec=/none"], &[])
        .end()
        .code(203);
    assert_eq!(ended.out.matches("Error: ").count(), 1, "{}", ended.out);
    assert!(ended.out.contains("Error: Unable to open \"/none\""), "{}", ended.out);
    let status = sandbox.rkt_ok(["status", &fs::read_to_string(file).unwrap()]);
    assert!(status.contains("\napp-bad=203\n"), "{status}");
}
