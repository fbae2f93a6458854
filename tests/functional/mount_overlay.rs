//! Overlays of pods whose paths have characters that mount options give a meaning to.

use crate::harness::{Sandbox, tests};

tests! {
    fly: [odd_names_of_the_data_directory],
    host: [odd_names_of_the_data_directory],
}

fn odd_names_of_the_data_directory(sandbox: &Sandbox) {
    for name in
        ["with:colon", "with,comma", "with\\backslash", "with space", "with\"quotes'", "upperdir=x,y:z"]
    {
        let data = sandbox.at(name);
        let option = format!("--dir={}", data.display());
        let image = sandbox.app();
        let words = [
            &option,
            "run",
            "--net=host",
            &sandbox.stage1_arg(),
            image.to_str().unwrap(),
            "--exec=/bin/sh",
            "--",
            "-c",
            "echo written >/tmp/file; grep ' / ' /proc/self/mounts | cut -d ' ' -f 3",
        ];
        assert_eq!(sandbox.ended(words).ok().line(), "overlay", "{name}");
        sandbox.ended([option.as_str(), "gc", "--grace-period=0s"]).ok();
    }
}
