//! `ttymux`, and who attaches to the terminal of an app.

use crate::scene::{APP, InTime, Running, Scene, expect, rest, start, text, wait_until};
use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Winsize};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

/// Starts the service of the app's terminal; it has said that it is ready.
pub(crate) fn serve(scene: &Scene) -> Running {
    let socket = scene.outside().join("notify");
    let _ = fs::remove_file(&socket);
    let notify = UnixDatagram::bind(&socket).expect("bind");
    let mut command = scene.iottymux("ttymux");
    let service = Running(command.env("NOTIFY_SOCKET", &socket).spawn().expect("run"));
    let mut message = [0; 64];
    let length = notify.recv(&mut message).expect("receive");
    assert_eq!(&message[..length], b"READY=1");
    // All is there by then.
    assert!(scene.directory().join("endpoints").exists() && scene.directory().join("sock-tty").exists());
    service
}

/// Starts an app on its terminal, as systemd does.
fn app(scene: &Scene, script: &str) -> Running {
    let terminal = format!("/rkt/iottymux/{APP}/stage2-pts");
    let on_it = format!("exec setsid -c /bin/sh -c '{script}' <{terminal} >{terminal} 2>&1");
    Running(scene.command("/bin/sh").arg("-c").arg(on_it).spawn().expect("run a shell"))
}

/// The terminal of somebody who attaches: what they see and type, and what programs have.
pub(crate) fn own_terminal(rows: u16) -> (File, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let person = rustix::pty::openpt(flags).expect("open a terminal");
    rustix::pty::unlockpt(&person).expect("unlock");
    let name = rustix::pty::ptsname(&person, Vec::new()).expect("name");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let programs = rustix::fs::open(name, flags, Mode::empty()).expect("open");
    let size = Winsize { ws_row: rows, ws_col: 70, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&programs, size).expect("size");
    (File::from(person), programs)
}

/// Starts a program on a terminal, in a session of its own: signals of the terminal reach it.
pub(crate) fn on(terminal: &OwnedFd, command: &Command) -> Running {
    let mut session = Command::new("setsid");
    session.arg("-c").arg(command.get_program()).args(command.get_args()).env_clear();
    session.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    for set in [Command::stdin::<Stdio>, Command::stdout::<Stdio>, Command::stderr::<Stdio>] {
        set(&mut session, terminal.try_clone().expect("clone").into());
    }
    Running(session.spawn().expect("run setsid"))
}

/// Reads what a terminal shows until it has shown something.
fn shows(terminal: &mut File, what: &str) -> String {
    let mut seen = Vec::new();
    while !text(&seen).contains(what) {
        let mut buffer = [0; 1024];
        let count = InTime(&mut *terminal)
            .read(&mut buffer)
            .unwrap_or_else(|error| panic!("{error} after {}", text(&seen)));
        seen.extend_from_slice(&buffer[..count]);
    }
    text(&seen)
}

pub(crate) fn is_raw(terminal: &OwnedFd) -> bool {
    let modes = rustix::termios::tcgetattr(terminal).expect("modes").local_modes;
    !modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
}

#[test]
fn the_list_has_the_terminal_and_nothing_is_left() {
    let scene = Scene::new();
    let service = serve(&scene);
    let list = fs::read_to_string(scene.directory().join("endpoints")).expect("read");
    assert_eq!(
        list,
        "{\"version\":1,\"targets\":[{\"name\":\"tty\",\"domain\":\"unix\",\"address\":\"/rkt/iottymux/app/sock-tty\"}]}\n"
    );
    service.stop();
    assert_eq!(fs::read_dir(scene.directory()).expect("list").count(), 0);
    // A second one starts from there; one that was killed is no obstacle, its mount neither.
    let mut service = serve(&scene);
    service.signal(Signal::KILL);
    service.end();
    let service = serve(&scene);
    let client = scene.connect("tty");
    let _app = app(&scene, "tty; sleep 100");
    expect(&client, b"/rkt/iottymux/app/stage2-pts\r\n");
    service.stop();
    let mounts = scene.command("grep").args(["-c", "stage2-pts", "/proc/self/mountinfo"]).output();
    assert_eq!(text(&mounts.expect("run grep").stdout), "0\n");
}

#[test]
fn without_anybody_to_tell_it_fails() {
    let scene = Scene::new();
    let output = start(&mut scene.iottymux("ttymux")).output();
    assert_eq!(output.status.code(), Some(254));
    assert!(text(&output.stderr).contains("cannot tell systemd that the terminal is ready"));
    assert_eq!(fs::read_dir(scene.directory()).expect("list").count(), 0);
}

#[test]
fn clients_share_the_terminal_and_meet_its_end() {
    let scene = Scene::new();
    let service = serve(&scene);
    let (a, b) = (scene.connect("tty"), scene.connect("tty"));
    let mut app = app(&scene, "stty -echo; echo ready; read one; read two; echo got $one $two");
    for client in [&a, &b] {
        expect(client, b"ready\r\n");
    }
    (&a).write_all(b"from-a\n").expect("write");
    // Without its input a client still sees.
    a.shutdown(std::net::Shutdown::Write).expect("shutdown");
    (&b).write_all(b"from-b\n").expect("write");
    assert!(app.end().success());
    service.stop();
    for client in [a, b] {
        assert_eq!(text(&rest(client)), "got from-a from-b\r\n");
    }
}

#[test]
fn a_client_that_goes_away_takes_nothing_with_it() {
    let scene = Scene::new();
    let service = serve(&scene);
    let a = scene.connect("tty");
    let _app = app(&scene, "stty -echo; echo ready; while read line; do echo got $line; done");
    expect(&a, b"ready\r\n");
    drop(a);
    let b = scene.connect("tty");
    (&b).write_all(b"1\n").expect("write");
    expect(&b, b"got 1\r\n");
    service.stop();
}

#[test]
fn keys_size_and_signals_pass_and_the_terminal_is_as_before() {
    let scene = Scene::new();
    let service = serve(&scene);
    let script = "trap \"stty size\" WINCH; trap \"echo interrupted\" INT; echo ready; \
                  while :; do read line && echo got $line; done";
    let _app = app(&scene, script);
    let (mut person, terminal) = own_terminal(33);
    assert!(!is_raw(&terminal));
    let client = on(&terminal, &scene.iottymux("auto-attach"));
    let seen = shows(&mut person, "33 70");
    assert!(seen.contains("to detach, press ^] three times within a second\r\n"), "{seen}");
    assert!(is_raw(&terminal));
    person.write_all(b"typed\r").expect("write");
    // The app's terminal echoes, ours does not.
    assert!(!shows(&mut person, "got typed\r\n").contains("typed\r\ntyped"));
    person.write_all(b"\x03").expect("write");
    shows(&mut person, "interrupted");
    let size = Winsize { ws_row: 44, ws_col: 70, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&person, size).expect("size");
    shows(&mut person, "44 70");
    person.write_all(b"\x1d\x1d\x1d").expect("write");
    shows(&mut person, "detached from app \"app\"");
    assert_eq!(client.output().status.code(), Some(0));
    assert!(!is_raw(&terminal));
    // The app has not noticed.
    let (mut person, terminal) = own_terminal(55);
    let client = on(&terminal, &scene.iottymux("auto-attach"));
    shows(&mut person, "55 70");
    client.signal(Signal::TERM);
    assert_eq!(client.output().status.signal(), Some(15));
    assert!(!is_raw(&terminal));
    service.stop();
}

#[test]
fn the_apps_end_gives_the_terminal_back() {
    let scene = Scene::new();
    let service = serve(&scene);
    let (mut person, terminal) = own_terminal(33);
    let client = on(&terminal, &scene.iottymux("auto-attach"));
    let mut app = app(&scene, "read line; echo bye; exit 3");
    wait_until("the terminal is raw", || is_raw(&terminal));
    person.write_all(b"\r").expect("write");
    shows(&mut person, "bye\r\n");
    assert_eq!(app.end().code(), Some(3));
    service.stop();
    assert_eq!(client.output().status.code(), Some(0));
    assert!(!is_raw(&terminal));
}

#[test]
fn a_client_that_only_looks_changes_nothing() {
    let scene = Scene::new();
    let service = serve(&scene);
    let (mut person, terminal) = own_terminal(33);
    let mut command = scene.iottymux("custom-attach");
    let client = on(&terminal, command.env("STAGE2_ATTACH_TTYOUT", "true"));
    let _app = app(&scene, "sleep 0.2; stty size; sleep 100");
    // The size that it had, not the client's.
    assert_eq!(shows(&mut person, "\n"), "0 0\r\r\n");
    assert!(!is_raw(&terminal));
    client.signal(Signal::INT);
    assert_eq!(client.output().status.signal(), Some(2));
    // One that only types needs no terminal, and ends with its input.
    let mut command = scene.iottymux("custom-attach");
    let mut typist = start(command.env("STAGE2_ATTACH_TTYIN", "true"));
    typist.0.stdin.take().expect("input").write_all(b"typed").expect("write");
    let output = typist.output();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    service.stop();
}
