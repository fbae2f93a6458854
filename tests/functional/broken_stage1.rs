//! Stage1 images from which something is missing: told before the pod starts. The original lost the exit status of apps, never
//! ran them, or hung.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::harness::{Ended, Image, Sandbox, tests};

tests! {
    host: [
        each_miss_is_told,
        all_misses_are_told_together,
        programs_must_be_able_to_run,
        an_app_whose_root_cannot_be_prepared_fails,
        an_app_whose_users_cannot_be_made_fails,
    ],
}

const UNITS: &str = "/usr/lib/systemd/system";

/// Files of the image, and what is said of their absence.
const NEEDED: &[(&str, &str)] = &[
    ("/prepare-app", "/prepare-app does not exist, needed by prepare-app@.service"),
    ("/reaper.sh", "/reaper.sh does not exist, needed by reaper-busybox.service"),
    ("/supervisor-status", "/supervisor-status does not exist, needed by supervisor-ready.service"),
    ("/etc/os-release", "/etc/os-release is no file, needed for systemd-nspawn"),
    (
        "/etc/hosts-fallback",
        "/etc/hosts-fallback is no file, needed for the hosts file of apps that have none",
    ),
    (
        "exit.target",
        "exit.target is not in /usr/lib/systemd/system, needed for ending a pod with an exit code",
    ),
    ("poweroff.target", "poweroff.target is not in /usr/lib/systemd/system, needed for ending a pod"),
    ("reboot.target", "reboot.target is not in /usr/lib/systemd/system, needed for ending a pod"),
    ("local-fs.target", "local-fs.target is not in /usr/lib/systemd/system, needed for sockets of apps"),
    ("sockets.target", "sockets.target is not in /usr/lib/systemd/system, needed by local-fs.target"),
    ("sysusers.service", "sysusers.service is not in /usr/lib/systemd/system, needed by busybox.service"),
    (
        "supervisor-ready.service",
        "supervisor-ready.service is not in /usr/lib/systemd/system, needed for telling that a pod is ready",
    ),
    (
        "systemd-reboot.service",
        "systemd-reboot.service is not in /usr/lib/systemd/system, needed by reboot.target",
    ),
];

fn path(name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("{UNITS}/{name}") }
}

/// Runs a pod, whose app would say something, with a stage1 image; its exit code would be 7.
fn run(sandbox: &Sandbox, stage1: Image) -> Ended {
    let stage1 = stage1.make(sandbox);
    sandbox.run_with_stage1(&stage1).shell("echo ran; exit 7").end()
}

#[track_caller]
fn expect_told(ended: Ended, misses: &[&str]) {
    let ended = ended.fails("stage1: the stage1 image lacks what pods need:\n");
    assert_eq!(ended.out, "");
    let (_, told) = ended.err.split_once("need:\n").unwrap();
    let (told, hint) = told.split_once("stage1: hint: ").unwrap();
    let mut told: Vec<_> = told.lines().collect();
    let mut misses = misses.to_vec();
    told.sort_unstable();
    misses.sort_unstable();
    assert_eq!(told, misses, "{hint}");
}

fn each_miss_is_told(sandbox: &Sandbox) {
    for (name, miss) in NEEDED {
        let told = run(sandbox, Image::stage1(sandbox).without(&path(name)));
        expect_told(told, &[*miss]);
    }
}

fn all_misses_are_told_together(sandbox: &Sandbox) {
    let stage1 = NEEDED.iter().fold(Image::stage1(sandbox), |stage1, (name, _)| stage1.without(&path(name)));
    let mut misses: Vec<_> = NEEDED.iter().map(|(_, miss)| *miss).collect();
    // The units that would have named these are gone too.
    let by = ["supervisor-ready.service", "reboot.target", "local-fs.target"];
    misses.retain(|miss| !by.iter().any(|unit| miss.ends_with(&format!("needed by {unit}"))));
    expect_told(run(sandbox, stage1), &misses);
}

fn programs_must_be_able_to_run(sandbox: &Sandbox) {
    let broken = |name: &str, content: Option<(u32, &str)>| {
        let stage1 = Image::stage1(sandbox).without(name);
        match content {
            None => stage1.directory(name, 0o755),
            Some((mode, content)) => stage1.file(name, mode, content),
        }
    };
    for (content, miss) in [
        (None, "/reaper.sh is no file"),
        (Some((0o644, "#!/init\n")), "/reaper.sh is not executable"),
        (Some((0o755, "#!/bin/sh\nexit 0\n")), "/bin/sh does not exist, with which /reaper.sh is run"),
    ] {
        let miss = format!("{miss}, needed by reaper-busybox.service");
        expect_told(run(sandbox, broken("/reaper.sh", content)), &[&miss]);
    }
    // A link that leads nowhere in the image, whatever the host has there.
    assert!(Path::new("/bin/true").exists());
    let stage1 = Image::stage1(sandbox).without("/prepare-app").link("/prepare-app", "/bin/true");
    expect_told(run(sandbox, stage1), &["/prepare-app does not exist, needed by prepare-app@.service"]);
}

fn an_app_whose_root_cannot_be_prepared_fails(sandbox: &Sandbox) {
    let image = Image::busybox("example.com/odd", sandbox).file("/proc", 0o644, "not a directory\n");
    let image = image.app("exec", json!(["/bin/sh", "-c", "echo ran"])).make(sandbox);
    let file = sandbox.at("uuid-of-the-pod");
    let save = format!("--uuid-file-save={}", file.display());
    let ended = sandbox.run().options([save]).app(&image, &[], &[]).end().code(254);
    assert!(ended.out.contains("rootfs/proc"), "{}{}", ended.out, ended.err);
    assert!(
        ended.out.contains("app \"odd\" was not started: its root could not be prepared"),
        "{}",
        ended.out
    );
    assert!(!ended.out.contains("ran"), "{}", ended.out);
    let status = sandbox.rkt_ok(["status", &fs::read_to_string(file).unwrap()]);
    assert!(status.ends_with("\napp-odd=254\n"), "{status}");
}

fn an_app_whose_users_cannot_be_made_fails(sandbox: &Sandbox) {
    let stage1 = Image::stage1(sandbox).directory("/etc/passwd", 0o755);
    let ended = run(sandbox, stage1).code(254);
    assert!(ended.out.contains("the pod's users could not be made"), "{}{}", ended.out, ended.err);
}
