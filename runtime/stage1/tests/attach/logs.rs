//! The log of an app's output.

use crate::scene::{Scene, expect, start, text, wait_until};
use std::fs;
use std::io::Write;
use std::process::Command;

const PLAIN: [(&str, &str); 2] = [("STAGE1_LOGMODE", "k8s-plain"), ("KUBERNETES_LOG_PATH", "app.log")];

/// The lines of a log without their times, which must be times.
fn lines(log: &str) -> Vec<String> {
    let without_time = |line: &str| {
        let (time, rest) = line.split_once(' ').expect("a time");
        let parts: Vec<&str> = time.split(['-', 'T', ':', '.']).collect();
        assert!(time.ends_with('Z') && (6..=7).contains(&parts.len()), "{time}");
        rest.to_owned()
    };
    log.lines().map(without_time).collect()
}

#[test]
fn lines_of_both_streams_have_their_time_and_name() {
    let scene = Scene::new();
    fs::write(scene.logs().join("app.log"), "1970-01-01T00:00:00Z stdout earlier\n").expect("write");
    let service = scene.serve_with(&["stdout", "stderr"], &PLAIN);
    let (mut out, mut err) = (scene.pipe("stdout"), scene.pipe("stderr"));
    let (out_client, err_client) = (scene.connect("stdout"), scene.connect("stderr"));
    out.write_all(b"one\ntwo, first half").expect("write");
    expect(&out_client, b"one\ntwo, first half");
    err.write_all(b"bad\n").expect("write");
    expect(&err_client, b"bad\n");
    out.write_all(b", second half\nno end").expect("write");
    expect(&out_client, b", second half\nno end");
    service.stop();
    let log = fs::read_to_string(scene.logs().join("app.log")).expect("read");
    assert_eq!(
        lines(&log),
        [
            "stdout earlier",
            "stdout one",
            "stderr bad",
            "stdout two, first half, second half",
            "stdout no end"
        ]
    );
}

#[test]
fn slow_clients_do_not_keep_the_end_from_the_log() {
    let scene = Scene::new();
    let service = scene.serve_with(&["stdout"], &PLAIN);
    let client = scene.connect("stdout");
    let mut app = scene.pipe("stdout");
    app.write_all(b"begin\n").expect("write");
    expect(&client, b"begin\n");
    let line = [vec![b'x'; 999], vec![b'\n']].concat();
    // All that fits between the app and a client that does not read.
    app.write_all(&line.repeat(1200)).expect("write");
    app.write_all(b"end\n").expect("write");
    service.stop();
    let log = fs::read_to_string(scene.logs().join("app.log")).expect("read");
    let lines = lines(&log);
    assert_eq!((lines.len(), lines.last().map(String::as_str)), (1202, Some("stdout end")));
}

#[test]
fn a_full_disk_stops_nobody() {
    let scene = Scene::new();
    let mounted = scene
        .command("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "logs", "/rkt/kubernetes/log"])
        .status()
        .expect("run mount");
    assert!(mounted.success());
    let service = scene.serve_with(&["stdout"], &PLAIN);
    let client = scene.connect("stdout");
    let mut app = scene.pipe("stdout");
    let line = [vec![b'x'; 999], vec![b'\n']].concat();
    for _ in 0..200 {
        app.write_all(&line).expect("write");
        expect(&client, &line);
    }
    let read = || {
        let output = scene.command("cat").arg("/rkt/kubernetes/log/app.log").output().expect("run cat");
        text(&output.stdout)
    };
    assert!(read().len() <= 64 << 10);
    // With room again it goes on with a whole line.
    let mounted = scene.command("mount").args(["-o", "remount,size=1m", "/rkt/kubernetes/log"]).status();
    assert!(mounted.expect("run mount").success());
    app.write_all(b"room again\n").expect("write");
    expect(&client, b"room again\n");
    wait_until("the log goes on", || read().ends_with("stdout room again\n"));
    lines(&read());
    service.stop();
}

#[test]
fn wrong_logs_are_refused_before_anything_is_served() {
    let scene = Scene::new();
    fs::create_dir(scene.logs().join("directory")).expect("mkdir");
    std::os::unix::fs::symlink("/etc/passwd", scene.logs().join("link")).expect("link");
    std::os::unix::fs::symlink("../../../..", scene.logs().join("up")).expect("link");
    let made = Command::new("mkfifo").arg(scene.logs().join("pipe")).status();
    assert!(made.expect("run mkfifo").success());
    // mode, path, what is said
    let rows = [
        ("other", "app.log", "there is no log mode \"other\""),
        ("k8s-plain", "", "app \"app\" has no path for its log"),
        ("k8s-plain", "directory", "cannot open the log /rkt/kubernetes/log/directory"),
        ("k8s-plain", "link", "cannot open the log /rkt/kubernetes/log/link"),
        ("k8s-plain", "missing/app.log", "cannot open the log /rkt/kubernetes/log/missing/app.log"),
        ("k8s-plain", "pipe", "/rkt/kubernetes/log/pipe"),
        ("k8s-plain", "../../../etc/app.log", "cannot open the log /rkt/kubernetes/log/../../../etc/app.log"),
        ("k8s-plain", "..", "cannot open the log /rkt/kubernetes/log/.."),
    ];
    for (mode, path, what) in rows {
        let mut command = scene.iottymux("iomux");
        command.env("STAGE2_STDOUT", "true").env("STAGE1_LOGMODE", mode).env("KUBERNETES_LOG_PATH", path);
        let output = start(&mut command).output();
        assert_eq!(output.status.code(), Some(254), "{mode} {path}");
        assert!(text(&output.stderr).contains(what), "{}", text(&output.stderr));
        assert!(!scene.directory().join("endpoints").exists());
    }
    // Paths stay below the directory.
    for path in ["../../../root.log", "/absolute.log", "up/link.log"] {
        scene.serve_with(&["stdout"], &[PLAIN[0], ("KUBERNETES_LOG_PATH", path)]).stop();
    }
    for name in ["root.log", "absolute.log", "link.log"] {
        assert!(scene.logs().join(name).exists(), "{name}");
    }
}
