//! Telling who started rkt that the pod is ready, and being told by apps that they are.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use serde_json::json;

use crate::harness::{Image, Run, Sandbox, tests, wait_for};

tests! {
    host: [
        the_caller_is_told_when_the_pod_is_ready,
        an_abstract_socket_is_as_good,
        a_pod_is_ready_when_its_apps_are,
    ],
}

/// A socket of the caller, and what was said to it.
struct Caller {
    socket: UnixDatagram,
    said: String,
}

impl Caller {
    fn new(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        Self { socket, said: String::new() }
    }

    /// Whether it has been told by now that the pod is ready.
    fn knows(&mut self) -> bool {
        let mut message = [0; 4096];
        loop {
            match self.socket.recv(&mut message) {
                Ok(count) => {
                    self.said.push_str(&String::from_utf8_lossy(&message[..count]));
                    self.said.push('\n');
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.said.lines().any(|line| line == "READY=1")
    }
}

/// A run whose caller listens on a socket with a name in the file system.
fn with_caller<'a>(sandbox: &'a Sandbox, run: Run<'a>) -> (Run<'a>, Caller) {
    let path = sandbox.at("notify");
    let caller = Caller::new(UnixDatagram::bind(&path).unwrap());
    (run.env("NOTIFY_SOCKET", path), caller)
}

fn the_caller_is_told_when_the_pod_is_ready(sandbox: &Sandbox) {
    let run = sandbox.run().shell("echo \"<$NOTIFY_SOCKET>\"; echo started; exec sleep 1000");
    let (run, mut caller) = with_caller(sandbox, run);
    let mut pod = run.start();
    pod.wait_for_line("started");
    wait_for("READY=1", || caller.knows().then_some(()));
    // That is between the caller and rkt.
    assert_eq!(pod.stop().lines(), ["<>", "started"]);
}

fn an_abstract_socket_is_as_good(sandbox: &Sandbox) {
    let name = sandbox.path().display().to_string();
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let mut caller = Caller::new(UnixDatagram::bind_addr(&address).unwrap());
    let run = sandbox.run().shell("exec sleep 1000").env("NOTIFY_SOCKET", format!("@{name}"));
    let pod = run.start();
    wait_for("READY=1", || caller.knows().then_some(()));
    pod.stop();
}

fn a_pod_is_ready_when_its_apps_are(sandbox: &Sandbox) {
    let annotations = json!([{"name": "appc.io/executor/supports-systemd-notify", "value": "true"}]);
    let image = Image::program("example.com/notifier", sandbox, &["notify", "/tmp/go"]);
    let image = image.set("", "annotations", annotations).make(sandbox);
    let (run, mut caller) = with_caller(sandbox, sandbox.run().app(&image, &[], &[]));
    let mut pod = run.start();
    pod.wait_for_line_of("notifier", "waiting");
    for _ in 0..10 {
        assert!(!caller.knows(), "told too early: {}", caller.said);
    }
    sandbox.ended(["status", "--wait-ready=200ms", pod.uuid()]).code(254);
    pod.enter(["/bin/touch", "/tmp/go"]).ok();
    pod.wait_for_line_of("notifier", "ready");
    wait_for("READY=1", || caller.knows().then_some(()));
    sandbox.ended(["status", "--wait-ready=60s", pod.uuid()]).ok();
    pod.stop();
}
