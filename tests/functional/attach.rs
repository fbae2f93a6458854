//! `rkt attach`: the streams of apps, and their terminals.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::harness::{Pod, Sandbox, tests, wait_for};

tests! {
    host: [
        streams_lead_to_who_attaches,
        output_is_there_for_the_first_and_for_all_alike,
        the_list_names_what_there_is,
        only_what_is_chosen,
        one_that_does_not_read_stops_nobody,
        a_terminal_of_its_own,
        the_terminal_is_given_back_when_the_pod_is_killed,
        an_app_that_ends_at_once_is_logged_whole,
        an_app_whose_streams_cannot_be_served_fails,
        what_cannot_be_attached_to,
    ],
}

/// Options of an app with streams, and with a terminal.
const STREAMS: [&str; 3] = ["--stdin=stream", "--stdout=stream", "--stderr=stream"];
const TERMINAL: [&str; 3] = ["--stdin=tty", "--stdout=tty", "--stderr=tty"];

/// Somebody who has attached. Its output goes to files, so that it never waits.
struct Client {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Client {
    fn new(sandbox: &Sandbox, words: &[&str]) -> Client {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let [out, err] = ["out", "err"].map(|stream| sandbox.at(&format!("client-{number}.{stream}")));
        let mut command = sandbox.command(["attach"].iter().chain(words));
        command.stdin(Stdio::piped()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Client { child: command.spawn().unwrap(), out, err }
    }

    fn types(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[track_caller]
    fn sees(&self, text: &str) {
        wait_for(&format!("{text:?} in {}", self.out()), || self.out().contains(text).then_some(()));
    }

    fn out(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.out).unwrap()).into_owned()
    }

    fn err(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.err).unwrap()).into_owned()
    }

    #[track_caller]
    fn end(&mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        wait_for("the end of a client", || self.child.try_wait().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

/// A pod with an app of busybox that does a line of shell.
#[track_caller]
fn start<'a>(sandbox: &'a Sandbox, options: &[&str], line: &str) -> Pod<'a> {
    let pod = sandbox.run().shell_with(options, line).start();
    let endpoints = pod.dir().join("stage1/rootfs/rkt/iottymux/busybox/endpoints");
    wait_for("the streams of the app", || endpoints.exists().then_some(()));
    pod
}

fn streams_lead_to_who_attaches(sandbox: &Sandbox) {
    let line = "echo ready; read a; echo got $a; echo trouble >&2; read b; echo got $b; exit 3";
    let pod = start(sandbox, &STREAMS, line);
    let mut client = Client::new(sandbox, &[pod.uuid()]);
    client.sees("ready\n");
    // What the client types is the app's input, and its end is not the end of that.
    client.types("one\n");
    client.sees("got one\n");
    let mut other = Client::new(sandbox, &["--mode=stdin", pod.uuid()]);
    other.types("two\n");
    assert!(other.end().success());
    client.sees("got two\n");
    assert!(client.end().success());
    assert_eq!((client.out(), client.err()), ("ready\ngot one\ngot two\n".into(), "trouble\n".into()));
    // Nothing of it is in the journal; the app's code is the pod's.
    let ended = pod.end().code(3);
    assert_eq!(ended.lines(), [""; 0]);
}

fn output_is_there_for_the_first_and_for_all_alike(sandbox: &Sandbox) {
    let pod = start(sandbox, &STREAMS, "echo early; read go; seq 200000; printf 'no end of line'");
    let mut clients = [0, 1].map(|_| Client::new(sandbox, &["--mode=stdout", pod.uuid()]));
    // Only one of them is the first; the other may still be on its way.
    wait_for("the first client", || clients.iter().any(|client| client.out() == "early\n").then_some(()));
    let mut typist = Client::new(sandbox, &["--mode=stdin,stdout", pod.uuid()]);
    let sockets =
        || fs::read_to_string("/proc/net/unix").unwrap().matches("iottymux/busybox/sock-stdout").count();
    // The listening one, and one for each who has been accepted.
    wait_for("all clients", || (sockets() >= 4).then_some(()));
    typist.types("go\n");
    let mut expected = String::new();
    for number in 1..=200_000 {
        writeln!(expected, "{number}").unwrap();
    }
    expected.push_str("no end of line");
    pod.end().ok();
    for client in &mut clients {
        assert!(client.end().success(), "{}", client.err());
        let out = client.out();
        assert!(out.strip_prefix("early\n").unwrap_or(&out) == expected, "{} bytes", out.len());
    }
    assert!(typist.end().success());
    assert!(typist.out() == expected);
}

fn the_list_names_what_there_is(sandbox: &Sandbox) {
    let pod = start(sandbox, &["--stdin=stream", "--stderr=stream"], "echo logged; read end");
    let list = sandbox.rkt_ok(["attach", "--mode=list", pod.uuid()]);
    let target = |name: &str| {
        format!(
            "        {{\n            \"name\": \"{name}\",\n            \"domain\": \"unix\",\n            \
             \"address\": \"/rkt/iottymux/busybox/sock-{name}\"\n        }}"
        )
    };
    let targets = format!("{},\n{}", target("stdin"), target("stderr"));
    assert_eq!(list, format!("{{\n    \"version\": 1,\n    \"targets\": [\n{targets}\n    ]\n}}\n"));
    sandbox.ended(["attach", "--mode=stdout", pod.uuid()]).fails("has not got: stdout");
    let mut client = Client::new(sandbox, &["--mode=stdin", pod.uuid()]);
    client.types("end\n");
    assert!(client.end().success());
    // The stream that is no stream is logged as ever.
    assert_eq!(pod.end().ok().line(), "logged");
}

fn only_what_is_chosen(sandbox: &Sandbox) {
    let run = sandbox.run();
    let run = run.shell_with(&[&STREAMS[..], &["--name=one"]].concat(), "read end; echo out; echo err >&2");
    let mut pod = run.shell_with(&["--name=two"], "echo two; sleep 1000").start();
    pod.wait_for_line_of("two", "two");
    sandbox.ended(["attach", pod.uuid()]).fails("specify app");
    let mut client = Client::new(sandbox, &["--app=one", "--mode=stdin,stderr", pod.uuid()]);
    client.types("end\n");
    assert!(client.end().success());
    assert_eq!((client.out(), client.err()), (String::new(), "err\n".into()));
    pod.stop();
}

fn one_that_does_not_read_stops_nobody(sandbox: &Sandbox) {
    let line = "echo ready; read go; head -c 4000000 /dev/zero; echo end >&2; read end";
    let pod = start(sandbox, &STREAMS, line);
    let mut stopped = Client::new(sandbox, &["--mode=stdout", pod.uuid()]);
    stopped.sees("ready\n");
    let mut reader = Client::new(sandbox, &[pod.uuid()]);
    // The process in the pod, which is the one that reads. Its parent, which has entered the pod for it, stops with it.
    let signal = |name: &str, whom: &str| {
        let line = format!("{whom}iottymux --action=custom-attach");
        assert!(Command::new("pkill").args([name, "-f", &line]).status().unwrap().success());
    };
    signal("-STOP", "^/");
    reader.types("go\n");
    wait_for("the end of the output", || (reader.err() == "end\n").then_some(()));
    assert_eq!(fs::read(&reader.out).unwrap().len(), 4_000_000);
    signal("-CONT", "");
    assert_eq!(stopped.end().code(), Some(254));
    assert!(stopped.err().contains("did not take the app's output fast enough"), "{}", stopped.err());
    reader.types("end\n");
    assert!(reader.end().success());
    pod.end().ok();
}

/// The terminal of somebody who attaches: what they see and type, and what programs have.
fn terminal(rows: u16) -> (File, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let person = rustix::pty::openpt(flags).unwrap();
    rustix::pty::unlockpt(&person).unwrap();
    let name = rustix::pty::ptsname(&person, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let programs = rustix::fs::open(name, flags, Mode::empty()).unwrap();
    tcsetwinsize(&programs, Winsize { ws_row: rows, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(person), programs)
}

/// Starts `rkt attach` on a terminal, in a session of its own.
fn attach_on(sandbox: &Sandbox, terminal: &OwnedFd, pod: &Pod<'_>) -> Child {
    let command = sandbox.command(["attach", pod.uuid()]);
    let mut session = Command::new("setsid");
    session.args(["-c", "-w"]).arg(command.get_program()).args(command.get_args());
    for set in [Command::stdin::<Stdio>, Command::stdout::<Stdio>, Command::stderr::<Stdio>] {
        set(&mut session, terminal.try_clone().unwrap().into());
    }
    session.spawn().unwrap()
}

/// Reads what a terminal shows until it shows something.
#[track_caller]
fn shows(terminal: &mut File, what: &str) {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(what) {
        let mut buffer = [0; 1024];
        let count = terminal.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..count]);
    }
}

fn is_raw(terminal: &OwnedFd) -> bool {
    !tcgetattr(terminal).unwrap().local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
}

fn a_terminal_of_its_own(sandbox: &Sandbox) {
    let line = "trap 'echo interrupted' INT; echo ready; while :; do read word && $word; done";
    let pod = start(sandbox, &TERMINAL, line);
    let (mut person, own) = terminal(33);
    let mut client = attach_on(sandbox, &own, &pod);
    shows(&mut person, "ready\r\n");
    assert!(is_raw(&own));
    person.write_all(b"tty\r").unwrap();
    shows(&mut person, "/dev/pts/");
    // As large as that of the one who attaches, and it grows with it.
    person.write_all(b"stty size\r").unwrap();
    shows(&mut person, "33 77\r\n");
    tcsetwinsize(&person, Winsize { ws_row: 44, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    wait_for("the new size", || {
        person.write_all(b"stty size\r").unwrap();
        let mut seen = [0; 4096];
        let count = person.read(&mut seen).unwrap();
        String::from_utf8_lossy(&seen[..count]).contains("44 77").then_some(())
    });
    // Keys that mean something to terminals mean it to the app's.
    person.write_all(b"\x03").unwrap();
    shows(&mut person, "interrupted");
    person.write_all(b"\x1d\x1d\x1d").unwrap();
    shows(&mut person, "detached from app \"busybox\"");
    assert!(wait_for("the end of the client", || client.try_wait().unwrap()).success());
    assert!(!is_raw(&own));
    // The app goes on, and ends for the next one.
    let (mut person, own) = terminal(55);
    let mut client = attach_on(sandbox, &own, &pod);
    wait_for("the second client", || is_raw(&own).then_some(()));
    person.write_all(b"\rstty size\r").unwrap();
    shows(&mut person, "55 77\r\n");
    person.write_all(b"exit 5\r").unwrap();
    assert!(wait_for("the end of the client", || client.try_wait().unwrap()).success());
    assert!(!is_raw(&own));
    pod.end().code(5);
}

fn the_terminal_is_given_back_when_the_pod_is_killed(sandbox: &Sandbox) {
    let pod = start(sandbox, &TERMINAL, "trap '' HUP; echo ready; while :; do sleep 1000; done");
    let (mut person, own) = terminal(33);
    let mut client = attach_on(sandbox, &own, &pod);
    shows(&mut person, "ready\r\n");
    assert!(is_raw(&own));
    sandbox.rkt_ok(["stop", "--force", pod.uuid()]);
    let status = wait_for("the end of the client", || client.try_wait().unwrap());
    assert_eq!(status.code(), Some(254));
    assert!(!is_raw(&own));
    pod.end();
}

/// A pod manifest is the only way to ask for logs that are not the journal.
fn logged(sandbox: &Sandbox, file: &str, line: &str) -> PathBuf {
    let run = sandbox.prepare().shell_with(&["--stdout=stream", "--stderr=stream"], line);
    let prepared = run.options(["--quiet"]).end().ok();
    let uuid = prepared.out.trim();
    let manifest = sandbox.data().join("pods/prepared").join(uuid).join("pod");
    let mut pod: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    let logs = sandbox.at("logs");
    fs::create_dir_all(&logs).unwrap();
    let annotation = |name: &str, value: &str| serde_json::json!({"name": format!("coreos.com/rkt/experiment/{name}"), "value": value});
    let of_pod = pod["annotations"].as_array_mut().unwrap();
    of_pod.push(annotation("logmode", "k8s-plain"));
    of_pod.push(annotation("kubernetes-log-dir", logs.to_str().unwrap()));
    pod["apps"][0]["annotations"].as_array_mut().unwrap().push(annotation("kubernetes-log-path", file));
    fs::write(manifest, pod.to_string()).unwrap();
    PathBuf::from(uuid)
}

fn an_app_that_ends_at_once_is_logged_whole(sandbox: &Sandbox) {
    for code in [0, 4] {
        let file = format!("{code}.log");
        let uuid = logged(sandbox, &file, &format!("seq 30000; echo last >&2; exit {code}"));
        sandbox.ended(["run-prepared", "--net=host", uuid.to_str().unwrap()]).code(code);
        let log = fs::read_to_string(sandbox.at("logs").join(file)).unwrap();
        let lines: Vec<&str> = log.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        let (out, err): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.starts_with("stdout "));
        assert_eq!(err, ["stderr last"]);
        assert!(
            out.iter().copied().eq((1..=30_000).map(|number| format!("stdout {number}"))),
            "{}",
            out.len()
        );
    }
}

fn an_app_whose_streams_cannot_be_served_fails(sandbox: &Sandbox) {
    let uuid = logged(sandbox, "missing/app.log", "echo ran");
    let ended = sandbox.ended(["run-prepared", "--net=host", uuid.to_str().unwrap()]).code(254);
    let said = format!("{}{}", ended.out, ended.err);
    for part in ["cannot open the log /rkt/kubernetes/log/missing/app.log", "its streams could not be served"]
    {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("ran\n"), "{said}");
    // And one whose streams nobody serves any more ends.
    let pod = start(sandbox, &STREAMS, "echo ready; while echo more; do sleep 0.1; done");
    let mut client = Client::new(sandbox, &["--mode=stdout", pod.uuid()]);
    client.sees("more\n");
    let killed = Command::new("pkill").args(["-KILL", "-f", "iottymux --action=iomux"]).status().unwrap();
    assert!(killed.success());
    assert_eq!(client.end().code(), Some(254));
    assert!(client.err().contains("although the app has not ended"), "{}", client.err());
    let ended = pod.end();
    assert_ne!(ended.code, Some(0));
    let said = format!("{}{}", ended.out, ended.err);
    assert!(said.contains("because nobody reads its output any more"), "{said}");
}

fn what_cannot_be_attached_to(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let uuid = pod.uuid().to_owned();
    sandbox.ended(["attach", &uuid]).fails("app \"busybox\" has nothing to attach to");
    sandbox.ended(["attach", "--mode=console", &uuid]).fails("unknown endpoint \"console\"");
    sandbox.ended(["attach", "--mode=tty,stdin", &uuid]).fails("incompatible endpoints");
    sandbox.ended(["attach", "--app=other", &uuid]).code(254);
    pod.stop();
    sandbox.ended(["attach", &uuid]).fails("running");
    sandbox
        .run()
        .shell_with(&["--stdin=tty", "--stdout=stream"], "true")
        .end()
        .fails("streams and a terminal");
    // A client that is interrupted does not matter to the app.
    let pod = start(sandbox, &STREAMS, "echo ready; read end; exit 6");
    let mut client = Client::new(sandbox, &[pod.uuid()]);
    client.sees("ready\n");
    client.signal(Signal::TERM);
    assert!(!client.end().success());
    let mut client = Client::new(sandbox, &["--mode=stdin", pod.uuid()]);
    client.types("end\n");
    assert!(client.end().success());
    pod.end().code(6);
}
