//! What fly does not isolate: a pod is a process of the host like any other, under a root of its own.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::harness::{Sandbox, tests};

tests! {
    fly: [the_namespaces_are_those_of_the_host, rkt_becomes_the_app_with_no_manager_between],
}

fn the_namespaces_are_those_of_the_host(sandbox: &Sandbox) {
    let names = ["net", "mnt", "pid", "ipc", "uts", "user", "cgroup"];
    let line = names.map(|name| format!("readlink /proc/self/ns/{name}")).join("; ");
    let ours =
        names.map(|name| fs::read_link(format!("/proc/self/ns/{name}")).unwrap().display().to_string());
    assert_eq!(sandbox.shell(&line).ok().lines(), ours);
}

fn rkt_becomes_the_app_with_no_manager_between(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let pid = pod.process();
    assert_eq!(pod.status()["pid"], pid.to_string());
    let proc = Path::new("/proc").join(pid.to_string());
    let root = fs::read_link(proc.join("root")).unwrap();
    assert_eq!(root, pod.dir().canonicalize().unwrap().join("stage1/rootfs/opt/stage2/busybox/rootfs"));
    let children = fs::read_to_string(proc.join(format!("task/{pid}/children"))).unwrap();
    assert_eq!(children.trim(), "", "the app has children that nobody asked for");
    let status = fs::read_to_string(proc.join("status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim();
    assert_eq!(parent, std::process::id().to_string());
    let ours = fs::metadata("/proc/self/ns/mnt").unwrap().ino();
    assert_eq!(fs::metadata(proc.join("ns/mnt")).unwrap().ino(), ours);
    let inside =
        pod.enter(["/bin/sh", "-c", "echo $AC_APP_NAME; readlink /proc/self/root; ls -d /bin/busybox"]);
    assert_eq!(inside.ok().out, "busybox\n/\n/bin/busybox\n");
    pod.stop();
}
