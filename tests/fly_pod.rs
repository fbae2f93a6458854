//! The images directory that `rkt-build` fills is the one that its `rkt` reads, and a fly pod is the app itself.

mod common;

use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::sandbox::{Sandbox, in_private_mounts};

/// Waits until `done` gives something. The bound only keeps a broken test from hanging.
fn wait_for<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "still waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn rkt_becomes_the_app_with_no_manager_between() {
    in_private_mounts("rkt_becomes_the_app_with_no_manager_between", || {
        let sandbox = Sandbox::new();
        let uuid_file = sandbox.path().join("uuid");
        let mut child = sandbox
            .command([
                "run",
                "--net=host",
                &format!("--uuid-file-save={}", uuid_file.display()),
                &sandbox.stage1_arg(),
                sandbox.app().to_str().unwrap(),
                "--exec",
                "/bin/sleep",
                "--",
                "1000",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id();
        let proc = std::path::PathBuf::from(format!("/proc/{pid}"));
        wait_for("the app", || {
            let line = std::fs::read(proc.join("cmdline")).ok()?;
            (line == b"/bin/sleep\x001000\x00").then_some(())
        });
        // The process that was started as `rkt` is the app: under its own root, with no child and no other process between.
        let root = std::fs::read_link(proc.join("root")).unwrap();
        assert!(root.ends_with("stage1/rootfs/opt/stage2/busybox/rootfs"), "{}", root.display());
        let children = std::fs::read_to_string(proc.join(format!("task/{pid}/children"))).unwrap();
        assert_eq!(children.trim(), "", "the app has children that nobody asked for");
        let status = std::fs::read_to_string(proc.join("status")).unwrap();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim();
        assert_eq!(parent, std::process::id().to_string());

        // The host's mount namespace is shared, as users of fly expect.
        let ours = std::fs::metadata("/proc/self/ns/mnt").unwrap().ino();
        assert_eq!(std::fs::metadata(proc.join("ns/mnt")).unwrap().ino(), ours);

        let uuid = std::fs::read_to_string(&uuid_file).unwrap();
        assert!(sandbox.rkt_ok(["status", &uuid]).contains("state=running"));
        assert!(sandbox.rkt_ok(["list", "--no-legend"]).contains("running"));
        let inside = sandbox.rkt_ok([
            "enter",
            &uuid,
            "/bin/sh",
            "-c",
            "echo $AC_APP_NAME in $(readlink /proc/self/root)",
        ]);
        assert!(inside.starts_with("busybox in "), "{inside}");
        sandbox.rkt_ok(["stop", &uuid]);
        assert!(!child.wait().unwrap().success());
        sandbox.rkt_ok(["gc", "--grace-period=0"]);
        assert_eq!(sandbox.rkt_ok(["list", "--no-legend"]), "");
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(sandbox.path().to_str().unwrap()), "mounts are left");
    });
}
