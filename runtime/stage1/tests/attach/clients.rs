//! `auto-attach` and `custom-attach`: who attaches to an app's standard streams.

use crate::scene::{Running, Scene, expect, noise, start, text, wait_until, write_slowly};
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;

/// An app of the three streams.
fn app(scene: &Scene, script: &str) -> Running {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    let [stdin, stdout, stderr] = ["stdin", "stdout", "stderr"].map(|stream| scene.pipe(stream));
    Running(command.stdin(stdin).stdout(stdout).stderr(stderr).spawn().expect("run a shell"))
}

/// A call that attaches to some streams.
fn custom(scene: &Scene, streams: &[&str]) -> Command {
    let mut command = scene.iottymux("custom-attach");
    for stream in ["TTYIN", "TTYOUT", "STDIN", "STDOUT", "STDERR"] {
        command.env(format!("STAGE2_ATTACH_{stream}"), streams.contains(&stream).to_string());
    }
    command
}

#[test]
fn streams_lead_to_the_clients_own_until_the_app_ends() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin", "stdout", "stderr"]);
    let mut client = start(&mut scene.iottymux("auto-attach"));
    let script = "read name; echo hello $name; echo trouble >&2; exec 2>&-; sleep 0.1; echo bye";
    let mut app = app(&scene, script);
    client.0.stdin.as_ref().expect("input").write_all(b"world\n").expect("write");
    drop(client.0.stdin.take());
    assert!(app.end().success());
    service.stop();
    let output = client.output();
    // One stream ends before the other: nothing is lost.
    assert_eq!(text(&output.stdout), "hello world\nbye\n");
    assert_eq!(text(&output.stderr), "trouble\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn many_bytes_pass_both_ways() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin", "stdout", "stderr"]);
    let mut client = start(&mut scene.iottymux("auto-attach"));
    let bytes = noise(4 << 20);
    let mut app = app(&scene, &format!("exec head -c {}", bytes.len()));
    let writer = write_slowly(client.0.stdin.take().expect("input"), bytes.clone());
    let reader = thread::spawn(move || client.output());
    writer.join().expect("writer");
    assert!(app.end().success());
    service.stop();
    let output = reader.join().expect("reader");
    assert!(output.stdout == bytes);
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("", Some(0)));
}

#[test]
fn only_what_is_chosen_is_attached() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin", "stdout", "stderr"]);
    let mut client = start(&mut custom(&scene, &["STDERR"]));
    let mut typist = start(&mut custom(&scene, &["STDIN", "STDOUT"]));
    let _app = app(&scene, "while read line; do echo out $line; echo err $line >&2; done");
    typist.0.stdin.as_ref().expect("input").write_all(b"1\n").expect("write");
    typist.writes(b"out 1\n");
    client.complains(b"err 1\n");
    service.stop();
    let (client, typist) = (client.output(), typist.output());
    assert_eq!((text(&client.stdout), text(&typist.stderr)), (String::new(), String::new()));
    assert_eq!((client.status.code(), typist.status.code()), (Some(0), Some(0)));
}

#[test]
fn input_alone_ends_when_the_app_has_it() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin"]);
    let bytes = noise(300_000);
    let mut client = start(&mut custom(&scene, &["STDIN"]));
    let writer = write_slowly(client.0.stdin.take().expect("input"), bytes.clone());
    expect(scene.pipe("stdin"), &bytes);
    writer.join().expect("writer");
    assert_eq!(client.output().status.code(), Some(0));
    // Without anything to send too.
    let status = custom(&scene, &["STDIN"]).stdin(Stdio::null()).status().expect("run");
    assert!(status.success());
    // And when the app ends first.
    let client = start(&mut custom(&scene, &["STDIN"]));
    let socket = fs::canonicalize(scene.directory()).expect("path").join("sock-stdin");
    wait_until("the client is connected", || {
        connections(&socket.file_name().expect("name").to_string_lossy()) > 0
    });
    service.stop();
    assert_eq!(client.output().status.code(), Some(0));
}

/// How many sockets are connected to an address that ends so.
fn connections(address: &str) -> usize {
    let list = fs::read_to_string("/proc/net/unix").expect("read");
    // The state "connected" of the side that has the address.
    list.lines().filter(|line| line.ends_with(address) && line.contains(" 0001 03 ")).count()
}

#[test]
fn who_closes_our_output_ends_the_client_and_nothing_else() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin", "stdout", "stderr"]);
    let mut client = start(&mut custom(&scene, &["STDOUT"]));
    let mut app = app(&scene, "while echo line; do sleep 0.01; done");
    client.writes(b"line\nline\n");
    drop(client.0.stdout.take());
    assert_eq!(client.output().status.code(), Some(0));
    let mut client = start(&mut custom(&scene, &["STDOUT"]));
    client.writes(b"line\nline\n");
    // A signal to the client is not one to the app.
    client.signal(Signal::TERM);
    assert_eq!(client.output().status.signal(), Some(15));
    assert!(app.0.try_wait().expect("wait").is_none());
    service.stop();
}

#[test]
fn a_disk_that_is_full_is_said() {
    let scene = Scene::new();
    let service = scene.serve(&["stdout"]);
    let full = fs::File::options().write(true).open("/dev/full").expect("open");
    let client = custom(&scene, &["STDOUT"]).stdout(full).stderr(Stdio::piped()).spawn().expect("run");
    let mut app = scene.pipe("stdout");
    app.write_all(b"output\n").expect("write");
    let output = Running(client).output();
    assert_eq!(output.status.code(), Some(254));
    assert!(text(&output.stderr).contains("cannot write output of the app"), "{}", text(&output.stderr));
    service.stop();
}

#[test]
fn an_end_that_is_not_the_apps_is_said() {
    let scene = Scene::new();
    let mut service = scene.serve(&["stdout"]);
    let mut client = start(&mut scene.iottymux("auto-attach"));
    let mut app = scene.pipe("stdout");
    app.write_all(b"output\n").expect("write");
    client.writes(b"output\n");
    service.signal(Signal::KILL);
    service.end();
    let output = client.output();
    assert_eq!(output.status.code(), Some(254));
    assert!(text(&output.stderr).contains("although the app has not ended"), "{}", text(&output.stderr));
    // Nobody accepts a connection, although there is a list.
    let output = start(&mut scene.iottymux("auto-attach")).output();
    assert_eq!(output.status.code(), Some(254));
    assert!(
        text(&output.stderr).contains("cannot connect to /rkt/iottymux/app/sock-stdout"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_client_that_was_too_slow_is_told() {
    let scene = Scene::new();
    let service = scene.serve(&["stdout"]);
    let mut client = start(&mut scene.iottymux("auto-attach"));
    let mut app = scene.pipe("stdout");
    app.write_all(b"begin\n").expect("write");
    client.writes(b"begin\n");
    let bytes = noise(4 << 20);
    // The app goes on when the client has been let go.
    app.write_all(&bytes).expect("write");
    let output = client.output();
    assert_eq!(output.status.code(), Some(254));
    assert!(bytes.starts_with(&output.stdout) && output.stdout.len() < bytes.len());
    assert!(
        text(&output.stderr).contains("did not take the app's output fast enough"),
        "{}",
        text(&output.stderr)
    );
    service.stop();
}

#[test]
fn wrong_choices_are_told_at_once() {
    let scene = Scene::new();
    let service = scene.serve(&["stdout"]);
    // streams, what is said
    let rows: &[(&[&str], &str)] = &[
        (&[], "no stream of app \"app\" is chosen"),
        (&["STDIN", "STDOUT", "STDERR"], "app \"app\" has not got: stdin, stderr"),
        (&["TTYIN", "TTYOUT"], "app \"app\" has not got: a terminal"),
    ];
    for (streams, what) in rows {
        let output = start(&mut custom(&scene, streams)).output();
        assert_eq!(output.status.code(), Some(254), "{streams:?}");
        assert!(text(&output.stderr).contains(what), "{}", text(&output.stderr));
    }
    service.stop();
    for list in ["", "{}", "{\"version\":2,\"targets\":[]}", "{\"version\":1,\"targets\":[{}]}", "\u{0}"] {
        fs::write(scene.directory().join("endpoints"), list).expect("write");
        let output = start(&mut scene.iottymux("auto-attach")).output();
        assert_eq!(output.status.code(), Some(254), "{list}");
        assert!(text(&output.stderr).contains("/rkt/iottymux/app/endpoints"), "{}", text(&output.stderr));
    }
    fs::write(scene.directory().join("endpoints"), " ".repeat(100_000)).expect("write");
    let output = start(&mut scene.iottymux("list")).output();
    assert!(text(&output.stderr).contains("larger than 65536 bytes"), "{}", text(&output.stderr));
}
