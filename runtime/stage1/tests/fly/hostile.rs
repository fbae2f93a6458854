//! Images that try to get out: links at the places where something is mounted or written.

use crate::scene::Scene;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

/// Lists everything outside the app's root with time and size, and the host's mounts.
const SNAPSHOT: &str = r#"
snapshot() {
  find $OUTSIDE -path $A -prune -o \( -name runtime-config -o -path "*/rkt/*" -o -path "*/sharedVolumes*" -o -path "*/run/$UUID" -o -path "*/stage1/rootfs/rkt" \) -o -printf '%p %T@ %s %m\n' | grep -v "^$P/\(pid\|pgid\)" | sort
  stat -c '%n %Y %s %a' / /etc /tmp /etc/hosts /etc/resolv.conf /dev 2>/dev/null | grep -v '^/tmp '
  grep -vF " $P/" /proc/self/mountinfo | cut -d' ' -f5- | sort
}
"#;

fn untouched(scene: &Scene, flags: &str, code: Option<i32>) {
    let outcome = scene
        .script(&format!(
            "{SNAPSHOT}\nsnapshot >$OUTSIDE/../before.$$; run {flags} >/dev/null; code=$?; snapshot >$OUTSIDE/../during.$$
             gc; mounts; snapshot >$OUTSIDE/../after.$$
             diff $OUTSIDE/../before.$$ $OUTSIDE/../during.$$ && diff $OUTSIDE/../before.$$ $OUTSIDE/../after.$$ && echo same $code
             rm $OUTSIDE/../before.$$ $OUTSIDE/../during.$$ $OUTSIDE/../after.$$"
        ))
        .ended(0);
    match code {
        Some(code) => assert_eq!(outcome.out, format!("same {code}\n"), "{}", outcome.err),
        None => assert!(outcome.out.starts_with("same "), "{}\n{}", outcome.out, outcome.err),
    }
}

#[test]
fn links_at_the_places_of_mounts() {
    let scene = Scene::new("true");
    let rootfs = scene.rootfs();
    let out = scene.outside().join("target");
    fs::create_dir(&out).expect("directory outside");
    for (name, target) in [
        ("dev", "/"),
        ("tmp", "../../../../../../.."),
        ("proc", out.to_str().expect("path")),
        ("sys", "proc"),
    ] {
        symlink(target, rootfs.join(name)).expect("link");
    }
    // `dev -> /` hides the image's programs: this fails, and must do so without harm.
    untouched(&scene, "", None);
}

#[test]
fn etc_as_a_link_to_the_hosts() {
    for link in
        ["/etc", "../../../../../../../../etc", "/proc/1/root/etc", "/proc/self/cwd/stage1/rootfs/etc"]
    {
        let scene = Scene::new("true").app("exec", json!(["/bin/busybox", "true"]));
        fs::remove_dir_all(scene.rootfs().join("etc")).expect("remove");
        symlink(link, scene.rootfs().join("etc")).expect("link");
        fs::write(scene.pod.join("stage1/rootfs/etc/rkt-resolv.conf"), "nameserver 6.6.6.6\n")
            .expect("resolver");
        fs::write(scene.pod.join("stage1/rootfs/etc/rkt-hosts"), "6.6.6.6 evil\n").expect("hosts");
        for flags in
            ["", "--dns-conf-mode=resolv=stage0,hosts=stage0", "--dns-conf-mode=resolv=host,hosts=host"]
        {
            untouched(&scene, flags, None);
        }
    }
}

#[test]
fn single_files_as_links_to_the_hosts() {
    let scene = Scene::new("true");
    symlink("/etc/hosts", scene.rootfs().join("etc/hosts")).expect("link");
    symlink("../../../../../../../../../etc/resolv.conf", scene.rootfs().join("etc/resolv.conf"))
        .expect("link");
    fs::write(scene.pod.join("stage1/rootfs/etc/rkt-resolv.conf"), "nameserver 6.6.6.6\n").expect("resolver");
    fs::write(scene.pod.join("stage1/rootfs/etc/rkt-hosts"), "6.6.6.6 evil\n").expect("hosts");
    // Both mean themselves inside the root, so they are loops.
    untouched(&scene, "--dns-conf-mode=resolv=stage0,hosts=stage0", Some(254));
}

#[test]
fn pipes_and_devices_instead_of_files() {
    let scene = Scene::new("true");
    fs::write(scene.pod.join("stage1/rootfs/etc/rkt-resolv.conf"), "nameserver 6.6.6.6\n").expect("resolver");
    for make in ["mkfifo $A/etc/resolv.conf", "mknod $A/etc/resolv.conf c 1 3"] {
        let outcome = scene
            .script(&format!("rm -f $A/etc/resolv.conf; {make}; run --dns-conf-mode=resolv=stage0,hosts=default; echo $?; mounts"))
            .ended(0);
        assert_eq!(outcome.out, "254\n", "{}", outcome.err);
    }
    let scene = Scene::new("true").app("user", json!("web"));
    let outcome = scene.script("rm $A/etc/passwd; mkfifo $A/etc/passwd; run; echo $?; mounts").ended(0);
    assert_eq!(outcome.out, "254\n", "{}", outcome.err);
}

#[test]
fn volumes_on_links() {
    let scene = Scene::new("true")
        .manifest("volumes", json!([{"name": "vol", "kind": "empty"}]))
        .manifest("mounts", json!([{"volume": "vol", "path": "/link/../../../inside"}]));
    symlink("/tmp/../../..", scene.rootfs().join("link")).expect("link");
    untouched(&scene, "", Some(0));
    assert!(scene.rootfs().join("inside").is_dir());
}

#[test]
fn programs_and_directories_through_links() {
    let scene = Scene::new("").app("exec", json!(["/escape/bin/ls"]));
    symlink("../../../../../../../../../..", scene.rootfs().join("escape")).expect("link");
    // The root stops the dots: this is the image's own program.
    untouched(&scene, "", Some(0));
    let scene = Scene::new("")
        .app("exec", json!(["/bin/sh", "-c", "[ -e /bin/busybox ]"]))
        .app("workingDirectory", json!("/escape"));
    symlink("/proc/1/root/", scene.rootfs().join("escape")).expect("link");
    // The working directory would be the host's root through a link of the kernel: refused.
    untouched(&scene, "", Some(254));
}

/// On a host whose mounts are shared, a mount on a view of `/dev` would appear on the host.
#[test]
fn links_into_the_hosts_directories_on_a_shared_host() {
    let links: &[(&str, &str, &str)] = &[
        ("tmp", "dev", "is the same as /dev of the app"),
        ("sys", "/proc", "is the same as /proc of the app"),
        ("dev", "/", "is the same as / of the app"),
        ("vol", "/dev/shm", "leads into the host's /dev, /proc or /sys"),
        ("vol", "/dev/evil/deep", "Read-only file system"),
        ("vol", "/", "is the same as / of the app"),
        ("etc", "/dev/shm", "Read-only file system"),
    ];
    for (name, target, expected) in links {
        let scene = Scene::new("true")
            .manifest("volumes", json!([{"name": "vol", "kind": "empty"}]))
            .manifest("mounts", json!([{"volume": "vol", "path": "/vol"}]));
        let _ = fs::remove_dir_all(scene.rootfs().join(name));
        symlink(target, scene.rootfs().join(name)).expect("link");
        let outcome = scene
            .script_with(
                "slave",
                "mount --make-rshared /
                 host() { grep -vF \" $P/\" /proc/self/mountinfo | cut -d' ' -f5- | sort; ls -d /dev/evil 2>/dev/null; ls /dev/shm; }
                 before=$(host); run --dns-conf-mode=resolv=host,hosts=default; echo $?; during=$(host)
                 [ \"$before\" = \"$during\" ] && echo same; mounts",
            )
            .ended(0);
        assert_eq!(outcome.out, "254\nsame\n", "{name} -> {target}\n{}", outcome.err);
        assert!(outcome.err.contains(expected), "{name} -> {target}\n{}", outcome.err);
    }
}
