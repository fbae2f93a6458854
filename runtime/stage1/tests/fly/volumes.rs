//! Volumes: read-only, with what is mounted below, empty ones, and what is refused.

use crate::scene::Scene;
use serde_json::json;
use std::fs;

fn with_volume(script: &str, volume: &serde_json::Value) -> Scene {
    let scene = Scene::new(script);
    fs::create_dir_all(scene.outside().join("v/sub")).expect("volume");
    fs::write(scene.outside().join("v/file"), "content\n").expect("file");
    let mut volume = volume.clone();
    volume["name"] = json!("vol");
    if volume["kind"] == "host" && volume.get("source").is_none() {
        volume["source"] = json!(scene.outside().join("v"));
    }
    scene
        .manifest("volumes", json!([volume]))
        .manifest("mounts", json!([{"volume": "vol", "path": "/data/deep"}]))
}

/// Something mounted below the volume, on a volume directory that is a mount point itself or not.
const BELOW: &str = "mount -t tmpfs below $OUTSIDE/v/sub; touch $OUTSIDE/v/sub/below;";

#[test]
fn written_and_read() {
    let scene = with_volume("cat /data/deep/file; echo new >/data/deep/new", &json!({"kind": "host"}));
    assert_eq!(scene.script("run; cat $OUTSIDE/v/new; gc; mounts").ended(0).out, "content\nnew\n");
}

#[test]
fn read_only() {
    let scene = with_volume(
        "cat /data/deep/file; echo new >/data/deep/new || echo refused; echo x >/data/deep/sub/x && echo written",
        &json!({"kind": "host", "readOnly": true}),
    );
    assert_eq!(
        scene.script(&format!("{BELOW} run; touch $OUTSIDE/v/w && echo host")).ended(0).out,
        "content\nrefused\nhost\n"
    );
}

#[test]
fn what_is_mounted_below_comes_only_when_asked() {
    let list = "ls /data/deep/sub; touch /data/deep/sub/x && echo written; touch /data/deep/y && echo y";
    let scene = with_volume(list, &json!({"kind": "host"}));
    assert_eq!(scene.script(&format!("{BELOW} run")).ended(0).out, "written\ny\n");
    let scene = with_volume(list, &json!({"kind": "host", "recursive": true}));
    assert_eq!(scene.script(&format!("{BELOW} run")).ended(0).out, "below\nwritten\ny\n");
    // Read-only reaches what is mounted below too, and leaves the host's own mount alone.
    let scene = with_volume(list, &json!({"kind": "host", "recursive": true, "readOnly": true}));
    assert_eq!(
        scene
            .script(&format!("{BELOW} run; touch $OUTSIDE/v/sub/h && echo host; gc; ls $OUTSIDE/v/sub"))
            .ended(0)
            .out,
        "below\nhost\nbelow\nh\n"
    );
}

#[test]
fn mounts_travel_between_a_mount_point_of_the_host_and_the_app() {
    let scene = with_volume(
        "mount -t tmpfs inner /data/deep/sub && touch /data/deep/sub/inner",
        &json!({"kind": "host"}),
    );
    let outcome = scene
        .script("mount --bind $OUTSIDE/v $OUTSIDE/v; run; ls $OUTSIDE/v/sub; gc; mounts; ls $OUTSIDE/v/sub")
        .ended(0);
    // Seen on the host, and still there when the pod is gone: it is the host's now.
    assert_eq!(outcome.out, "inner\ninner\n");
}

#[test]
fn a_file_as_volume() {
    let scene = Scene::new("cat /data; echo more >>/data");
    fs::write(scene.outside().join("f"), "content\n").expect("file");
    let source = scene.outside().join("f");
    let scene = scene
        .manifest("volumes", json!([{"name": "vol", "kind": "host", "source": source}]))
        .manifest("mounts", json!([{"volume": "vol", "path": "/data"}]));
    assert_eq!(scene.script("run; cat $OUTSIDE/f").ended(0).out, "content\ncontent\nmore\n");
}

#[test]
fn empty_volumes() {
    let scene = with_volume(
        "stat -c '%a %u %g' /data/deep; echo x >/data/deep/x; ls /data/deep",
        &json!({"kind": "empty", "mode": "1750", "uid": 12, "gid": 34}),
    );
    let outcome = scene
        .script("umask 077; run; stat -c '%a %u %g' $P/sharedVolumes $P/sharedVolumes/vol; ls $P/sharedVolumes/vol")
        .ended(0);
    assert_eq!(outcome.out, "1750 12 34\nx\n755 0 0\n1750 12 34\nx\n");
}

#[test]
fn volumes_inside_volumes() {
    let scene = Scene::new("ls /a /a/b /a/b/c")
        .manifest("volumes", json!([{"name": "one", "kind": "empty"}, {"name": "two", "kind": "empty"}, {"name": "three", "kind": "empty"}]))
        .manifest("mounts", json!([{"volume": "three", "path": "/a/b/c"}, {"volume": "two", "path": "/a/./b"}, {"volume": "one", "path": "//a/"}]));
    assert_eq!(
        scene.script("run; gc; mounts").ended(0).lines(),
        ["/a:", "b", "", "/a/b:", "c", "", "/a/b/c:"]
    );
}

#[test]
fn a_volume_of_one_app_only() {
    let scene = Scene::new("touch /data/x && ls /data").manifest(
        "mounts",
        json!([{"volume": "own", "path": "/data", "appVolume": {"name": "own", "kind": "empty"}}]),
    );
    assert_eq!(scene.script("run").ended(0).out, "x\n");
}

#[test]
fn mount_points_of_the_image() {
    let point = json!({"exec": ["/x"], "user": "0", "group": "0", "mountPoints": [{"name": "vol", "path": "/data", "readOnly": true}]});
    let scene = Scene::new("touch /data/x || echo refused")
        .image("app", point.clone())
        .manifest("volumes", json!([{"name": "vol", "kind": "empty"}]));
    assert_eq!(scene.script("run").ended(0).out, "refused\n");
    let scene = Scene::new("touch /data/x && echo written")
        .image("app", point.clone())
        .manifest("volumes", json!([{"name": "vol", "kind": "empty", "readOnly": false}]));
    assert_eq!(scene.script("run").ended(0).out, "written\n");

    let refused = |scene: Scene, text: &str| {
        let outcome = scene.script("run; echo $?; mounts").ended(0);
        assert_eq!(outcome.out, "254\n");
        assert!(outcome.err.contains(text), "{text:?} is not in:\n{}", outcome.err);
    };
    refused(Scene::new("").image("app", point.clone()), "missing volume for mountpoint \"vol\" (/data)");
    refused(
        Scene::new("")
            .image("app", point)
            .manifest("volumes", json!([{"name": "vol", "kind": "empty"}]))
            .manifest("mounts", json!([{"volume": "vol", "path": "/other"}])),
        "conflicting path information from mount and mountpoint \"vol\"",
    );
    refused(
        Scene::new("")
            .manifest("volumes", json!([{"name": "vol", "kind": "empty"}]))
            .manifest("mounts", json!([{"volume": "vol", "path": "/a"}, {"volume": "vol", "path": "/b"}])),
        "duplicate mount given: \"vol\"",
    );
}

#[test]
fn wrong_sources_and_targets_leave_nothing_mounted() {
    let refused = |scene: Scene, text: &str| {
        let outcome = scene.script("run; echo $?; mounts").ended(0);
        assert_eq!(outcome.out, "254\n");
        assert!(outcome.err.contains(text), "{text:?} is not in:\n{}", outcome.err);
    };
    refused(
        with_volume("", &json!({"kind": "host", "source": "/does/not/exist"})),
        "volume \"vol\": the host has no /does/not/exist",
    );
    let scene = with_volume("", &json!({"kind": "host"}));
    fs::create_dir_all(scene.rootfs().join("data")).expect("data");
    fs::write(scene.rootfs().join("data/deep"), "").expect("file");
    refused(scene, "is a directory while");
    let scene = with_volume("", &json!({"kind": "host", "source": "/etc/passwd"}));
    fs::create_dir_all(scene.rootfs().join("data/deep")).expect("data");
    refused(scene, "is a directory while \"/etc/passwd\" is not");
}
