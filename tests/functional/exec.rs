//! What is executed: the image's program and arguments, and what `--exec` and `--` make of them.

use serde_json::json;

use crate::harness::{Image, Sandbox, tests};

tests! {
    fly: [the_image_s_own, options_override_it, prepared_pods_keep_it, names_are_looked_up, exit_code_of_the_app],
    host: [the_image_s_own, options_override_it, prepared_pods_keep_it, names_are_looked_up, exit_code_of_the_app],
}

fn image(sandbox: &Sandbox) -> std::path::PathBuf {
    let image =
        Image::busybox("example.com/exec", sandbox).app("exec", json!(["/bin/echo", "from", "image"]));
    image.file("/opt/tools/tool", 0o755, "#!/bin/sh\necho tool $*\n").make(sandbox)
}

fn the_image_s_own(sandbox: &Sandbox) {
    let image = image(sandbox);
    let ended = sandbox.run().app(&image, &[], &[]).end().ok();
    assert_eq!(ended.lines_of("exec"), ["from image"]);
    // Arguments on the command line are added to those of the image.
    let ended = sandbox.run().app(&image, &[], &["and", "--more", "-x"]).end().ok();
    assert_eq!(ended.lines_of("exec"), ["from image and --more -x"]);
}

fn options_override_it(sandbox: &Sandbox) {
    let image = image(sandbox);
    let ended =
        sandbox.run().app(&image, &["--exec=/bin/sh"], &["-c", "echo $0 $#", "a  b", "$HOME%n"]).end();
    assert_eq!(ended.ok().lines_of("exec"), ["a b 1"]);
    let ended = sandbox
        .run()
        .app(&image, &["--exec", "/opt/tools/tool"], &["one", "tw'o", "th\"ree", "$4", "%5"])
        .end();
    assert_eq!(ended.ok().lines_of("exec"), ["tool one tw'o th\"ree $4 %5"]);
}

fn prepared_pods_keep_it(sandbox: &Sandbox) {
    let image = image(sandbox);
    for (options, expected) in [(&[][..], "from image x"), (&["--exec=/opt/tools/tool"], "tool x")] {
        let prepared = sandbox.prepare().app(&image, options, &["x"]).end().ok();
        let ended = sandbox.ended(["run-prepared", "--net=host", prepared.out.trim()]).ok();
        assert_eq!(ended.lines_of("exec"), [expected]);
    }
}

fn names_are_looked_up(sandbox: &Sandbox) {
    let image = image(sandbox);
    for (options, expected) in [
        (&["--exec=echo"][..], "x"),
        (&["--exec=tool", "--environment=PATH=/bin:/opt/tools"], "tool x"),
        (&["--exec=tools/tool", "--working-dir=/opt"], "tool x"),
    ] {
        let ended = sandbox.run().app(&image, options, &["x"]).end().ok();
        assert_eq!(ended.lines_of("exec"), [expected], "{options:?}");
    }
}

fn exit_code_of_the_app(sandbox: &Sandbox) {
    for code in [0, 1, 7, 255] {
        sandbox.shell(&format!("exit {code}")).code(code);
    }
}
