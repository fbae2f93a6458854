//! `/etc/mtab` of an app tells its mounts.

use crate::harness::{Image, Sandbox, tests};

tests! {
    fly: [it_leads_to_proc, one_of_the_image_stays],
    host: [it_leads_to_proc, one_of_the_image_stays],
}

fn it_leads_to_proc(sandbox: &Sandbox) {
    for overlay in ["--no-overlay=false", "--no-overlay=true"] {
        let line = "readlink /etc/mtab; grep -c ' / ' /etc/mtab";
        let ended = sandbox.run().options([overlay]).shell(line).end().ok();
        let lines = ended.lines();
        assert_eq!(lines[0], "../proc/self/mounts", "{overlay}");
        assert_ne!(lines[1], "0", "{overlay}: it tells no root: {lines:?}");
    }
}

fn one_of_the_image_stays(sandbox: &Sandbox) {
    let image = Image::busybox("example.com/own", sandbox).file("/etc/mtab", 0o644, "mine\n").make(sandbox);
    let ended = sandbox.run().app(image, &["--exec=/bin/cat"], &["/etc/mtab"]).end().ok();
    assert_eq!(ended.lines_of("own"), ["mine"]);
}
