//! Several `rkt` at once.

use std::fs;
use std::process::Stdio;

use crate::support::{MANIFEST, NAME, World};

#[test]
fn the_same_image_fetched_by_several_at_once_is_one_image() {
    let world = World::new();
    world.hello();
    let fetch = || {
        let mut command = world.command(&["--insecure-options=image", "fetch", "--full", "./hello.aci"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..6).map(|_| fetch()).collect();
    let mut ids = Vec::new();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        ids.push(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let list = world.rkt(&["image", "list", "--no-legend", "--full", "--fields=id"]).ok();
    assert_eq!(list.trim_end(), ids[0]);
    world.rkt(&["image", "verify", NAME]).ok();
    assert_eq!(fs::read_dir(world.data().join("cas/tmp")).unwrap().count(), 0);
}

#[test]
fn fetching_removing_and_collecting_at_once_loses_nothing() {
    let world = World::new();
    let mut files = Vec::new();
    for number in 0..4 {
        let manifest = MANIFEST.replace("example.com/hello", &format!("example.com/hello{number}"));
        files.push(world.hello_as(&format!("{number}.aci"), &manifest, "hi\n"));
    }
    for _ in 0..3 {
        let mut running = Vec::new();
        for file in &files {
            let file = format!("./{file}");
            running.push(world.command(&["--insecure-options=image", "fetch", &file]).output_later());
            running.push(world.command(&["image", "list"]).output_later());
            running.push(world.command(&["image", "gc"]).output_later());
        }
        for child in running {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let list = world.rkt(&["image", "list", "--no-legend", "--fields=name"]).ok();
        assert_eq!(list.lines().count(), 4, "{list}");
        for number in 0..4 {
            let name = format!("example.com/hello{number}");
            let out = format!("out{number}");
            world.rkt(&["image", "render", "--overwrite", &name, &out]).ok();
            world.rkt(&["image", "rm", &name]).ok();
        }
    }
}

trait OutputLater {
    fn output_later(&mut self) -> std::process::Child;
}

impl OutputLater for std::process::Command {
    fn output_later(&mut self) -> std::process::Child {
        self.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}
