//! The question for machined, put to real buses. Needs `dbus-daemon` and `systemd-machined`, which
//! `tests/setup` installs.

use rkt_host::bus::{Error, Machined, machined_on};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// A bus of our own; it ends with the value.
struct Bus {
    daemon: Child,
    _stdout: BufReader<ChildStdout>,
    address: String,
    _dir: TempDir,
}

impl Bus {
    /// Starts one that lets everybody do everything but what `policy` forbids.
    fn start(policy: &str) -> Bus {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("a socket");
        let config = dir.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/>\
             <allow receive_sender=\"*\"/>{policy}</policy></busconfig>",
            socket.to_str().unwrap().replace(' ', "%20")
        );
        fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon, which tests/setup installs");
        let mut stdout = BufReader::new(daemon.stdout.take().unwrap());
        let mut address = String::new();
        stdout.read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        assert!(address.starts_with("unix:path="), "{address}");
        Bus { daemon, _stdout: stdout, address, _dir: dir }
    }

    fn machined(&self) -> Machined {
        machined_on(self.address.as_bytes())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn systemd_machined() -> PathBuf {
    let places = ["/usr/lib/systemd/systemd-machined", "/lib/systemd/systemd-machined"];
    let found = places.into_iter().map(Path::new).find(|path| path.exists());
    found.expect("systemd-machined, which tests/setup installs").to_path_buf()
}

#[test]
fn a_bus_without_and_with_machined() {
    let bus = Bus::start("");
    assert!(matches!(bus.machined(), Machined::Absent));

    let mut machined = Command::new(systemd_machined())
        .env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It takes its name some time after its start, or ends.
    let present = loop {
        match bus.machined() {
            Machined::Absent if machined.try_wait().unwrap().is_none() => thread::yield_now(),
            other => break matches!(other, Machined::Present),
        }
    };
    let _ = machined.kill();
    let _ = machined.wait();
    assert!(present);
}

#[test]
fn a_bus_that_refuses() {
    let bus = Bus::start("<deny user=\"*\"/>");
    let Machined::NoBus(error) = bus.machined() else { panic!("a bus that lets nobody in") };
    assert!(matches!(error, Error::Rejected(_) | Error::Lost(_)), "{error}");
    // It may be there, but it cannot be asked, nor registered with.
    let bus = Bus::start("<deny send_destination=\"org.freedesktop.machine1\"/>");
    assert!(matches!(bus.machined(), Machined::Absent));
}

#[test]
fn no_bus() {
    let dir = tempfile::tempdir().unwrap();
    let address = |name: &str| format!("unix:path={}", dir.path().join(name).display());
    let reason = |address: &str| match machined_on(address.as_bytes()) {
        Machined::NoBus(error) => error.to_string(),
        other => panic!("{address}: {other:?}"),
    };
    assert!(reason(&address("missing")).ends_with("missing: No such file or directory (os error 2)"));
    drop(UnixListener::bind(dir.path().join("left-over")).unwrap());
    assert!(reason(&address("left-over")).ends_with("left-over: Connection refused (os error 111)"));
    assert!(reason(&address(&"long".repeat(50))).contains("cannot connect to "));
    assert_eq!(reason("tcp:host=localhost"), "the address of the system bus names no Unix socket");
    assert_eq!(reason(""), "the address of the system bus names no Unix socket");
}

#[test]
fn the_first_bus_that_listens_is_asked() {
    let bus = Bus::start("");
    let address = format!("unix:path=/does/not/exist;unix:abstract=rkt-nobody-here;{}", bus.address);
    assert!(matches!(machined_on(address.as_bytes()), Machined::Absent));
}

#[test]
fn what_is_no_bus() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let address = format!("unix:path={}", path.display());
    let reason = || match machined_on(address.as_bytes()) {
        Machined::NoBus(error) => error.to_string(),
        other => panic!("{other:?}"),
    };
    // Nobody accepts: the connection waits in the queue.
    assert_eq!(reason(), "the system bus did not answer in time");

    let endless = vec![b'x'; 20_000];
    let answers = [
        (&b""[..], "lost the connection to the system bus: unexpected end of file"),
        (b"REJECTED \x1b[m\r\n", r"the system bus does not accept this user: REJECTED \x1b[m"),
        (
            b"OK 0123\r\nHTTP/1.1 400 Bad request",
            "the system bus sends what is not D-Bus: a message that is neither big nor little endian",
        ),
        (&endless, "the system bus sends what is not D-Bus: a line without an end"),
    ];
    drop(listener.accept().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            for (answer, _) in answers {
                let (mut peer, _) = listener.accept().unwrap();
                // The first words are read, so that the answer does not come as a reset.
                let mut words = [0; 64];
                let _ = peer.read(&mut words).unwrap();
                // The asker may have hung up.
                let _ = peer.write_all(answer);
                let _ = peer.shutdown(std::net::Shutdown::Write);
                let _ = peer.read_to_end(&mut Vec::new());
            }
        });
        for (_, expected) in answers {
            assert_eq!(reason(), expected);
        }
    });
}
