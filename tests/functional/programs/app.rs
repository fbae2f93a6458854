//! An app for tests of what busybox cannot do. The test program compiles it by itself, without dependencies.
//!
//! `app serve [KIND]...`   answers once on each socket that systemd has handed over, of these kinds in order: tcp, udp
//! `app notify FILE`       waits for a file, says that it is ready, and sleeps

use std::env;
use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{FromRawFd as _, RawFd};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{exit, id};
use std::thread::sleep;
use std::time::Duration;

/// The first descriptor that is handed over: `sd_listen_fds(3)`.
const FIRST: RawFd = 3;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["serve", kinds @ ..] => serve(kinds),
        ["notify", file] => notify(Path::new(file)),
        other => {
            eprintln!("what is {other:?}?");
            exit(2);
        }
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| format!("no {name}"))
}

fn serve(kinds: &[&str]) {
    assert_eq!(variable("LISTEN_FDS"), kinds.len().to_string());
    assert_eq!(variable("LISTEN_PID"), id().to_string());
    for (number, kind) in kinds.iter().enumerate() {
        let number = RawFd::try_from(number).unwrap() + FIRST;
        let answer = format!("{} answers on {kind}\n", variable("AC_APP_NAME"));
        match *kind {
            "tcp" => {
                // SAFETY: systemd has opened it, and nothing else in this program uses it.
                let socket = unsafe { TcpListener::from_raw_fd(number) };
                let (mut connection, _) = socket.accept().unwrap();
                connection.write_all(answer.as_bytes()).unwrap();
            }
            "udp" => {
                // SAFETY: as above.
                let socket = unsafe { UdpSocket::from_raw_fd(number) };
                let (_, sender) = socket.recv_from(&mut [0; 16]).unwrap();
                socket.send_to(answer.as_bytes(), sender).unwrap();
            }
            other => panic!("what is {other}?"),
        }
    }
}

fn notify(file: &Path) {
    println!("waiting");
    while !file.exists() {
        sleep(Duration::from_millis(10));
    }
    let socket = UnixDatagram::unbound().unwrap();
    socket.send_to(b"READY=1\n", variable("NOTIFY_SOCKET")).unwrap();
    println!("ready");
    sleep(Duration::from_secs(1000));
}
