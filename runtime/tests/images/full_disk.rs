//! A file system that is too small.

use std::fs;
use std::process::Command;

use crate::killing::tree;
use crate::support::{NAME, World, is_prefix_dir, run};

/// Unmounts when a test ends, however it ends.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_named_and_nothing_is_left() {
    let world = World::new();
    world.hello();
    let data = world.data();
    fs::create_dir(&data).unwrap();
    let (mut failed, mut fitted) = (0, 0);
    for size in 1..=20 {
        let kib = 64 * size;
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k,mode=755"), "tmpfs"])
            .arg(&data));
        let _mounted = Mounted(data.clone());
        // The store itself, or as much of it as there is room for.
        let opened = world.rkt(&["image", "list"]);
        let before = tree(&data);
        let fetched = world.rkt(&["--insecure-options=image", "fetch", "./hello.aci"]);
        if fetched.code == 0 {
            fitted += 1;
            world.rkt(&["image", "verify", NAME]).ok();
            continue;
        }
        failed += 1;
        fetched.fails(&["data", "--dir"]);
        if opened.code != 0 {
            continue;
        }
        // An image that is whole may stay although its tree found no room; nothing else.
        let list = world.rkt(&["image", "list", "--no-legend"]).ok();
        if list.is_empty() {
            let mut after = tree(&data);
            after.retain(|path, _| !is_prefix_dir(path));
            after.retain(|path, _| !path.starts_with("cas/imagelocks") || before.contains_key(path));
            let files = |tree: &std::collections::BTreeMap<std::path::PathBuf, String>| {
                tree.keys().cloned().collect::<Vec<_>>()
            };
            assert_eq!(files(&after), files(&before), "{kib} KiB");
        } else {
            assert_eq!(tree(&data.join("cas/tree")).len(), 0, "{kib} KiB");
        }
    }
    assert!(failed >= 3 && fitted >= 3, "{failed} failed, {fitted} fitted: choose other sizes");
}
