//! `iomux`: the service behind an app's standard streams.

use crate::scene::{APP, Scene, expect, noise, rest, start, text, wait_until, write_slowly};
use rustix::process::Signal;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

#[test]
fn the_list_says_where_to_attach_while_the_app_lives() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin", "stdout", "stderr"]);
    let list = |name: &str| {
        format!(r#"{{"name":"{name}","domain":"unix","address":"/rkt/iottymux/{APP}/sock-{name}"}}"#)
    };
    let expected =
        format!("{{\"version\":1,\"targets\":[{},{},{}]}}\n", list("stdin"), list("stdout"), list("stderr"));
    let file = fs::read_to_string(scene.directory().join("endpoints")).expect("read");
    assert_eq!(file, expected);
    for name in ["stdin", "stdout", "stderr"] {
        scene.connect(name);
    }
    let shown = start(&mut scene.iottymux("list")).output();
    assert!(shown.status.success());
    assert_eq!(
        text(&shown.stdout),
        "{
    \"version\": 1,
    \"targets\": [
        {
            \"name\": \"stdin\",
            \"domain\": \"unix\",
            \"address\": \"/rkt/iottymux/app/sock-stdin\"
        },
        {
            \"name\": \"stdout\",
            \"domain\": \"unix\",
            \"address\": \"/rkt/iottymux/app/sock-stdout\"
        },
        {
            \"name\": \"stderr\",
            \"domain\": \"unix\",
            \"address\": \"/rkt/iottymux/app/sock-stderr\"
        }
    ]
}
"
    );
    service.stop();
    let mut left: Vec<_> = fs::read_dir(scene.directory())
        .expect("list")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, [""; 0]);
    let shown = start(&mut scene.iottymux("list")).output();
    assert_eq!(shown.status.code(), Some(254));
    assert!(text(&shown.stderr).contains("app \"app\" has nothing to attach to"), "{}", text(&shown.stderr));
}

#[test]
fn every_signal_of_three_ends_it() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let scene = Scene::new();
        let mut service = scene.serve(&["stdout"]);
        let client = scene.connect("stdout");
        service.signal(signal);
        assert!(service.end().success());
        assert_eq!(rest(client), b"");
        assert!(!scene.directory().join("endpoints").exists());
    }
}

#[test]
fn all_clients_get_the_same_bytes_and_the_end() {
    let scene = Scene::new();
    let service = scene.serve(&["stdout"]);
    let clients: Vec<_> = (0..3).map(|_| scene.connect("stdout")).collect();
    let app = scene.pipe("stdout");
    let bytes = noise(5 << 20);
    let readers: Vec<_> = clients.into_iter().map(|client| thread::spawn(move || rest(client))).collect();
    // Into the pipe by a process, as an app does.
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(app).spawn().expect("run cat");
    let writer = write_slowly(cat.stdin.take().expect("input"), bytes.clone());
    writer.join().expect("writer");
    assert!(cat.wait().expect("wait").success());
    service.stop();
    for reader in readers {
        assert!(reader.join().expect("reader") == bytes);
    }
}

#[test]
fn output_arrives_as_it_is_written() {
    let scene = Scene::new();
    let _service = scene.serve(&["stdout", "stderr"]);
    let (out, err) = (scene.connect("stdout"), scene.connect("stderr"));
    let (mut app_out, mut app_err) = (scene.pipe("stdout"), scene.pipe("stderr"));
    // No end of a line is waited for, and nothing of the other stream gets between.
    app_out.write_all(b"login: ").expect("write");
    expect(&out, b"login: ");
    app_err.write_all(b"\xff\x00").expect("write");
    expect(&err, b"\xff\x00");
    let line = vec![b'x'; 300_000];
    let writer = write_slowly(app_out, line.clone());
    expect(&out, &line);
    writer.join().expect("writer");
}

#[test]
fn output_before_the_first_client_is_held_for_it() {
    let scene = Scene::new();
    let _service = scene.serve(&["stdout"]);
    let mut app = scene.pipe("stdout");
    // Much more than is held and than the pipe takes: the app does not wait for anybody.
    let lines: Vec<u8> = (0..40_000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
    app.write_all(&lines).expect("write");
    wait_until("the pipe is read", || rustix::io::ioctl_fionread(&app).expect("length") == 0);
    let first = scene.connect("stdout");
    app.write_all(b"end\n").expect("write");
    let mut got = Vec::new();
    while !got.ends_with(b"end\n") {
        let mut buffer = [0; 4096];
        let count = (&first).read(&mut buffer).expect("read");
        assert!(count > 0, "the end of the stream is no answer");
        got.extend_from_slice(&buffer[..count]);
    }
    let held = got.strip_suffix(b"end\n").expect("end");
    assert!(held.starts_with(b"line ") && lines.ends_with(held), "{}", text(&held[..20]));
    assert!(held.len() > 60_000 && held.len() <= 64 << 10, "{}", held.len());
    // The second gets what comes from now on: who has connected before the app writes gets what it writes.
    let second = scene.connect("stdout");
    app.write_all(b"new\n").expect("write");
    expect(&second, b"new\n");
    expect(&first, b"new\n");
}

#[test]
fn a_client_that_does_not_read_is_let_go_and_stops_nobody() {
    let scene = Scene::new();
    let service = scene.serve(&["stdout"]);
    let (stalled, reader) = (scene.connect("stdout"), scene.connect("stdout"));
    let app = scene.pipe("stdout");
    let bytes = noise(6 << 20);
    let writer = write_slowly(app, bytes.clone());
    let reader = thread::spawn(move || rest(reader));
    writer.join().expect("writer");
    service.stop();
    assert!(reader.join().expect("reader") == bytes);
    // What it has not taken in time it does not get, and it meets the end.
    let got = rest(&stalled);
    assert!(got.len() < bytes.len() && bytes.starts_with(&got), "{}", got.len());
}

#[test]
fn a_client_that_vanishes_does_not_matter() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin", "stdout"]);
    let app = scene.pipe("stdout");
    let (leaver, reader) = (scene.connect("stdout"), scene.connect("stdout"));
    let bytes = noise(3 << 20);
    let writer = write_slowly(app, bytes.clone());
    expect(&leaver, &bytes[..100_000]);
    // With unread output, and input that nobody wants.
    (&leaver).write_all(b"nobody reads this\n").expect("write");
    drop(leaver);
    let reader = thread::spawn(move || rest(reader));
    writer.join().expect("writer");
    service.stop();
    assert!(reader.join().expect("reader") == bytes);
}

#[test]
fn one_that_only_listens_may_close_its_side() {
    let scene = Scene::new();
    let service = scene.serve(&["stdout"]);
    let client = scene.connect("stdout");
    client.shutdown(Shutdown::Write).expect("shutdown");
    let mut app = scene.pipe("stdout");
    for _ in 0..3 {
        app.write_all(b"still here\n").expect("write");
        expect(&client, b"still here\n");
    }
    service.stop();
}

#[test]
fn the_rest_of_the_output_arrives_when_the_app_has_ended() {
    let scene = Scene::new();
    let mut service = scene.serve(&["stdout"]);
    let client = scene.connect("stdout");
    let mut app = scene.pipe("stdout");
    app.write_all(b"begin\n").expect("write");
    expect(&client, b"begin\n");
    service.signal(Signal::STOP);
    app.write_all(&vec![b'x'; 50_000]).expect("write");
    service.signal(Signal::TERM);
    service.signal(Signal::CONT);
    assert_eq!(rest(&client), vec![b'x'; 50_000]);
    assert!(service.end().success());
}

#[test]
fn clients_that_do_not_read_delay_the_end_for_a_while_only() {
    let scene = Scene::new();
    let mut service = scene.serve(&["stdout"]);
    let client = scene.connect("stdout");
    let mut app = scene.pipe("stdout");
    app.write_all(b"begin\n").expect("write");
    expect(&client, b"begin\n");
    app.write_all(&vec![b'x'; 900_000]).expect("write");
    service.signal(Signal::TERM);
    assert!(service.end().success());
    drop(client);
}

#[test]
fn input_of_several_clients_reaches_the_app_in_lines() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin"]);
    let app = scene.pipe("stdin");
    let (a, b) = (scene.connect("stdin"), scene.connect("stdin"));
    (&a).write_all(b"half").expect("write");
    expect(&app, b"half");
    // The other waits for the end of the line.
    (&b).write_all(b"whole\n").expect("write");
    (&a).write_all(b" and half\n").expect("write");
    expect(&app, b"half and half\nwhole\n".strip_prefix(b"half").expect("prefix"));
    // Or for a pause.
    (&a).write_all(b"half").expect("write");
    expect(&app, b"half");
    (&b).write_all(b"whole\n").expect("write");
    expect(&app, b"whole\n");
    service.stop();
}

#[test]
fn long_input_is_complete_and_waits_for_the_app() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin"]);
    let app = scene.pipe("stdin");
    let bytes = noise(2 << 20);
    let client = scene.connect("stdin");
    let writer = write_slowly(client.try_clone().expect("clone"), bytes.clone());
    // Bounded: the service, the pipe and the socket do not take it all.
    thread::sleep(Duration::from_millis(200));
    assert!(!writer.is_finished());
    expect(&app, &bytes);
    writer.join().expect("writer");
    // The end of one client's input is not the end of the app's; the client is told that all has been taken.
    (&client).write_all(b"no end of line").expect("write");
    client.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(rest(&client), b"");
    expect(&app, b"no end of line");
    let other = scene.connect("stdin");
    (&other).write_all(b"next\n").expect("write");
    expect(&app, b"next\n");
    service.stop();
}

#[test]
fn what_a_client_has_left_behind_reaches_the_app() {
    let scene = Scene::new();
    let service = scene.serve(&["stdin"]);
    let app = scene.pipe("stdin");
    let bytes = noise(150_000);
    // More than the pipe takes: most is still with the service when the client is gone.
    let client = scene.connect("stdin");
    (&client).write_all(&bytes).expect("write");
    drop(client);
    let late = scene.connect("stdin");
    expect(&app, &bytes);
    drop(late);
    service.stop();
}

#[test]
fn who_is_one_too_many_waits() {
    let scene = Scene::new();
    let service = scene.serve(&["stdout"]);
    let mut app = scene.pipe("stdout");
    let mut clients: Vec<UnixStream> = (0..64).map(|_| scene.connect("stdout")).collect();
    app.write_all(b"x").expect("write");
    for client in &clients {
        expect(client, b"x");
    }
    let late = scene.connect("stdout");
    late.set_read_timeout(Some(Duration::from_millis(100))).expect("timeout");
    app.write_all(b"y").expect("write");
    for client in &clients {
        expect(client, b"y");
    }
    assert_eq!((&late).read(&mut [0]).expect_err("not yet").kind(), ErrorKind::WouldBlock);
    clients.pop();
    wait_until("the late one is accepted", || {
        app.write_all(b"z").expect("write");
        (&late).read(&mut [0]).is_ok_and(|count| count == 1)
    });
    service.stop();
}

#[test]
fn what_a_killed_service_leaves_is_no_obstacle() {
    let scene = Scene::new();
    let mut service = scene.serve(&["stdout"]);
    service.signal(Signal::KILL);
    service.end();
    assert!(scene.directory().join("sock-stdout").exists());
    fs::remove_file(scene.directory().join("endpoints")).expect("remove");
    let service = scene.serve(&["stdout"]);
    let client = scene.connect("stdout");
    let mut app = scene.pipe("stdout");
    app.write_all(b"again").expect("write");
    expect(&client, b"again");
    service.stop();
}

#[test]
fn names_of_apps_may_be_longer_than_an_address() {
    let scene = Scene::new();
    let name = "n".repeat(200);
    let directory = scene.directory().with_file_name(&name);
    fs::rename(scene.directory(), &directory).expect("rename");
    let call = |action: &str| {
        let mut command = scene.command(scene.entry_point("iottymux"));
        command.arg(format!("--action={action}")).arg(format!("--app={name}")).env("STAGE2_STDOUT", "1");
        command
    };
    let service = start(&mut call("iomux"));
    wait_until("the list is there", || directory.join("endpoints").exists());
    let mut client = start(&mut call("auto-attach"));
    let app = fs::File::options().write(true).open(directory.join("stage2-stdout")).expect("open");
    (&app).write_all(b"long\n").expect("write");
    client.writes(b"long\n");
    service.stop();
    assert!(client.output().status.success());
}

#[test]
fn what_cannot_be_served_is_said() {
    let scene = Scene::new();
    let fails = |command: &mut Command, what: &str| {
        let output = start(command).output();
        assert_eq!(output.status.code(), Some(254));
        assert!(text(&output.stderr).contains(what), "{}", text(&output.stderr));
        assert!(!scene.directory().join("endpoints").exists());
    };
    fails(&mut scene.iottymux("iomux"), "no stream of app \"app\" is to be served");
    fails(scene.iottymux("iomux").env("STAGE2_STDOUT", "yes"), "no stream of app");
    let mut command = scene.command(scene.entry_point("iottymux"));
    command.args(["--action=iomux", "--app=other"]).env("STAGE2_STDOUT", "true");
    fails(&mut command, "cannot make the pipe /rkt/iottymux/other/stage2-stdout");
    fs::write(scene.directory().join("stage2-stdout"), "").expect("write");
    fails(scene.iottymux("iomux").env("STAGE2_STDOUT", "true"), "is not a pipe");
    for name in ["", "../app", "App", "app/x", "-app", "a\u{f6}"] {
        let mut command = scene.command(scene.entry_point("iottymux"));
        fails(command.arg("--action=iomux").arg(format!("--app={name}")), "invalid name of an app");
    }
    let output = start(scene.iottymux("iomux").arg("--action=other")).output();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("one of iomux, ttymux, list, auto-attach, custom-attach"));
    let output = start(scene.iottymux("list").arg("--nonsense")).output();
    assert_eq!(output.status.code(), Some(2));
}
