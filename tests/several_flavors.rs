//! Several flavors in one build: planned, built, looked at and installed together.

mod common;

use std::fs;

use common::{Place, executables, listing, ok, ready_made};
use serde_json::Value;

/// A place that is configured for these flavors, with both programs ready made.
fn configured(flavors: &str) -> Place {
    let place = Place::new();
    let list = format!("--with-stage1-flavors={flavors}");
    ok(place.command(&["configure", "-q"]).args(ready_made(executables())).arg(list));
    place
}

#[test]
fn all_are_planned_built_and_installed() {
    let place = configured("fly,host");
    let plan: Value = serde_json::from_str(&place.ok(&["plan", "--json"])).unwrap();
    let ids: Vec<_> = plan["steps"].as_array().unwrap().iter().map(|step| &step["id"]).collect();
    assert_eq!(ids, ["rkt", "stage1-fly", "stage1-host"]);
    // One of them alone leaves the others.
    place.ok(&["build", "stage1-host"]);
    let built = ["f 0644 stage1-host.aci", "f 0644 stage1-host.aci.json"];
    assert_eq!(listing(&place.built("bin")), built);
    place.ok(&["build"]);
    place.ok(&["install", "DESTDIR=root"]);
    let images = listing(&place.at("root/usr/local/lib/rkt/stage1-images"));
    assert_eq!(
        images,
        [
            "f 0644 stage1-fly.aci",
            "f 0644 stage1-fly.aci.json",
            "f 0644 stage1-host.aci",
            "f 0644 stage1-host.aci.json",
        ]
    );
    place.ok(&["uninstall", "DESTDIR=root"]);
    assert!(!place.at("root/usr/local/lib/rkt").exists());
}

#[test]
fn each_entry_says_which_flavor_brings_it() {
    let place = configured("fly,host");
    place.ok(&["build"]);
    let said = place.ok(&["inspect", "b/bin/stage1-host.aci"]);
    let line = |path: &str| said.lines().find(|line| line.contains(&format!(" {path}"))).unwrap();
    assert!(line("rootfs/init -> stage1").contains("flavor common"), "{said}");
    assert!(line("rootfs/flavor -> host").contains("flavor host"), "{said}");
    let unit = line("rootfs/usr/lib/systemd/system/exit.target");
    assert!(unit.contains("flavor common") && unit.contains("units/exit.target"), "{unit}");
    let output = place.command(&["diff", "b/bin/stage1-fly.aci", "b/bin/stage1-host.aci"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = common::text(&output.stdout);
    for line in ["only in a: rootfs/run\n", "only in b: rootfs/init\n", "only in b: rootfs/etc/os-release\n"]
    {
        assert!(said.contains(line), "{line}\n{said}");
    }
    // Both hold the same executable.
    assert!(!said.contains("rootfs/stage1\n"), "{said}");
}

#[test]
fn the_first_listed_is_the_default() {
    for (flavors, default) in [("fly,host", "fly"), ("host,fly", "host")] {
        let place = configured(flavors);
        let config: Value = serde_json::from_slice(&fs::read(place.built("config.json")).unwrap()).unwrap();
        assert_eq!(config["default_stage1"]["name"], format!("coreos.com/rkt/stage1-{default}"));
        assert_eq!(config["default_stage1"]["file"], format!("stage1-{default}.aci"));
    }
    // A ready-made rkt with another default is told, not installed.
    let (code, said) = configured("host,fly").fails(&["build"]);
    assert_eq!(code, 3);
    assert!(said.contains("stage1-fly") && said.contains("stage1-host"), "{said}");
}
