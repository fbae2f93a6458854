//! Ports that systemd opens and hands over: those of an app, and those with which rkt itself was started.

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Image, Sandbox, Started, tests, wait_for};

tests! {
    host: [
        a_port_of_the_app,
        several_ports_of_several_kinds,
        apps_without_such_ports_get_none,
        a_port_that_rkt_was_started_with,
    ],
}

/// Numbers that nobody uses at this moment.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let sockets = [(); COUNT].map(|()| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}

/// An image whose app answers on these ports.
fn server(sandbox: &Sandbox, ports: &[(&str, u16)]) -> PathBuf {
    let kinds: Vec<_> = ports.iter().map(|(kind, _)| *kind).collect();
    let list: Vec<Value> = ports
        .iter()
        .enumerate()
        .map(|(index, (kind, port))| {
            json!({"name": format!("port-{index}"), "protocol": kind, "port": port, "socketActivated": true})
        })
        .collect();
    let words = [&["serve"], &kinds[..]].concat();
    Image::program("example.com/server", sandbox, &words).app("ports", json!(list)).make(sandbox)
}

fn ask_tcp(port: u16) -> String {
    let mut connection = wait_for("the port", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

fn ask_udp(port: u16) -> String {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut answer = [0; 64];
    let count = wait_for("an answer", || {
        // Before the port is open, the question is refused.
        let _ = socket.send_to(b"?", (Ipv4Addr::LOCALHOST, port));
        socket.recv(&mut answer).ok()
    });
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

fn a_port_of_the_app(sandbox: &Sandbox) {
    let [port] = free_ports();
    let image = server(sandbox, &[("tcp", port)]);
    let pod = sandbox.run().app(&image, &[], &[]).start();
    assert_eq!(ask_tcp(port), "server answers on tcp\n");
    // Nothing of the pod says where on the host it is to be.
    pod.end()
        .ok()
        .says(&format!("no host port for socket-activated port \"port-0\" of app \"server\": using {port}"));
}

fn several_ports_of_several_kinds(sandbox: &Sandbox) {
    let [first, second, third] = free_ports();
    let image = server(sandbox, &[("tcp", first), ("udp", second), ("tcp", third)]);
    let pod = sandbox.run().app(&image, &[], &[]).start();
    assert_eq!(ask_tcp(first), "server answers on tcp\n");
    assert_eq!(ask_udp(second), "server answers on udp\n");
    assert_eq!(ask_tcp(third), "server answers on tcp\n");
    pod.end().ok();
}

fn apps_without_such_ports_get_none(sandbox: &Sandbox) {
    let [port] = free_ports();
    let ports = json!([{"name": "plain", "protocol": "tcp", "port": port}]);
    let image = Image::busybox("example.com/plain", sandbox).app("ports", ports).make(sandbox);
    let line = "echo \"<$LISTEN_FDS$LISTEN_PID>\"; echo started; exec sleep 1000";
    let mut pod = sandbox.run().app(&image, &["--exec=/bin/sh"], &["-c", line]).start();
    pod.wait_for_line_of("plain", "started");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    assert_eq!(pod.stop().lines_of("plain"), ["<>", "started"]);
}

fn a_port_that_rkt_was_started_with(sandbox: &Sandbox) {
    let [port] = free_ports();
    let image = server(sandbox, &[("tcp", port)]);
    let rkt = sandbox.run().app(&image, &[], &[]).command();
    // It listens, starts rkt at the first connection, and leaves the connection to whom gets the socket.
    let mut activator = Command::new("systemd-socket-activate");
    activator.arg(format!("--listen={port}")).arg(rkt.get_program()).args(rkt.get_args());
    activator.current_dir(sandbox.path());
    let started = Started::new(sandbox, activator);
    assert_eq!(ask_tcp(port), "server answers on tcp\n");
    started.end().ok();
}
