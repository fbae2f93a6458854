//! A root as a pod has it, services and clients in it, and apps.

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long is waited for what must happen, before a test fails.
const LIMIT: Duration = Duration::from_secs(60);

/// Name of the app.
pub(crate) const APP: &str = "app";

/// Makes a root that has everything of this machine's, and `/rkt` besides; says so, and waits for the test to end.
const ROOT: &str = r#"
set -eu
mount -t tmpfs root "$ROOT"
for path in /*; do
    if [ -L "$path" ]; then cp -P "$path" "$ROOT$path"
    elif [ -d "$path" ] && [ "$path" != /rkt ]; then mkdir "$ROOT$path"; mount --rbind "$path" "$ROOT$path"
    fi
done
mkdir "$ROOT/rkt"
mount --bind "$STATE" "$ROOT/rkt"
exec chroot "$ROOT" /bin/sh -c 'echo ready; read end'
"#;

/// The root; processes that are started in it.
pub(crate) struct Scene {
    dir: TempDir,
    holder: Child,
}

/// A process that is ended with the test.
pub(crate) struct Running(pub(crate) Child);

impl Scene {
    pub(crate) fn new() -> Scene {
        assert!(rustix::process::geteuid().is_root(), "these tests must run as root");
        // On the file system of the executable, so that it can be linked.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary directory");
        for path in ["root", "state/iottymux", "state/kubernetes/log", "image"] {
            fs::create_dir_all(dir.path().join(path)).expect("directories");
        }
        let image = dir.path().join("image");
        fs::hard_link(env!("CARGO_BIN_EXE_rkt-stage1"), image.join("stage1")).expect("link the executable");
        for name in ["iottymux", "attach"] {
            symlink("stage1", image.join(name)).expect("link");
        }
        symlink("host", image.join("flavor")).expect("link");
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "/bin/sh", "-c", ROOT])
            .env("ROOT", dir.path().join("root"))
            .env("STATE", dir.path().join("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run unshare (package util-linux)");
        let mut line = String::new();
        let mut out = BufReader::new(holder.stdout.take().expect("output"));
        out.read_line(&mut line).expect("read");
        assert_eq!(line, "ready\n", "the root could not be made");
        let scene = Scene { dir, holder };
        fs::create_dir(scene.directory()).expect("directory of the app");
        scene
    }

    /// Process in the root, for `nsenter`.
    pub(crate) fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// The directory of the app, as this process sees it.
    pub(crate) fn directory(&self) -> PathBuf {
        self.dir.path().join("state/iottymux").join(APP)
    }

    /// The directory of logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.path().join("state/kubernetes/log")
    }

    /// A directory of the test's own.
    pub(crate) fn outside(&self) -> &Path {
        self.dir.path()
    }

    /// Path of an entry point.
    pub(crate) fn entry_point(&self, name: &str) -> PathBuf {
        self.dir.path().join("image").join(name)
    }

    /// A command in the root, which replaces the process that is started.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.pid())).args(["--mount", "--root", "--wdns=/", "--"]);
        command.arg(program).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    /// A call of `iottymux` in the root.
    pub(crate) fn iottymux(&self, action: &str) -> Command {
        let mut command = self.command(self.entry_point("iottymux"));
        command.arg(format!("--action={action}")).arg(format!("--app={APP}"));
        command
    }

    /// Starts the service behind these streams.
    pub(crate) fn serve(&self, streams: &[&str]) -> Running {
        self.serve_with(streams, &[])
    }

    /// The same with more in the environment.
    pub(crate) fn serve_with(&self, streams: &[&str], variables: &[(&str, &str)]) -> Running {
        let mut command = self.iottymux("iomux");
        for stream in streams {
            command.env(format!("STAGE2_{}", stream.to_uppercase()), "true");
        }
        command.envs(variables.iter().copied());
        let service = Running(command.spawn().expect("run nsenter (package util-linux)"));
        self.wait_for("endpoints");
        service
    }

    /// Waits until the app's directory has a file.
    pub(crate) fn wait_for(&self, name: &str) {
        let path = self.directory().join(name);
        wait_until(&format!("{} is there", path.display()), || path.exists());
    }

    /// The app's end of a pipe, opened as systemd opens it.
    pub(crate) fn pipe(&self, stream: &str) -> File {
        let path = self.directory().join(format!("stage2-{stream}"));
        let direction = if stream == "stdin" { OFlags::RDONLY } else { OFlags::WRONLY };
        rustix::fs::open(&path, direction | OFlags::CLOEXEC, Mode::empty()).expect("open a pipe").into()
    }

    /// A client that speaks for itself.
    pub(crate) fn connect(&self, stream: &str) -> UnixStream {
        let socket = UnixStream::connect(self.directory().join(format!("sock-{stream}"))).expect("connect");
        socket.set_read_timeout(Some(LIMIT)).expect("timeout");
        socket
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Running {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("send a signal");
    }

    /// Reads what it must write to its output.
    #[track_caller]
    pub(crate) fn writes(&mut self, bytes: &[u8]) {
        let pipe = self.0.stdout.as_mut().expect("output");
        expect(InTime(pipe), bytes);
    }

    /// Reads what it must write to its standard error.
    #[track_caller]
    pub(crate) fn complains(&mut self, bytes: &[u8]) {
        let pipe = self.0.stderr.as_mut().expect("errors");
        expect(InTime(pipe), bytes);
    }

    /// Waits for the end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("a process ends", || {
            status = self.0.try_wait().expect("wait");
            status.is_some()
        });
        status.expect("a status")
    }

    /// Waits for the end, and gives what was written to pipes.
    pub(crate) fn output(mut self) -> Output {
        let read = |pipe: Option<&mut dyn Read>| {
            let mut bytes = Vec::new();
            if let Some(pipe) = pipe {
                pipe.read_to_end(&mut bytes).expect("read");
            }
            bytes
        };
        let stdout = read(self.0.stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
        let stderr = read(self.0.stderr.as_mut().map(|pipe| pipe as &mut dyn Read));
        Output { status: self.end(), stdout, stderr }
    }

    /// Ends a service as systemd does when the app has ended.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.end();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads what must come, or fails.
pub(crate) struct InTime<Pipe>(pub(crate) Pipe);

impl<Pipe: Read + AsFd> Read for InTime<Pipe> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = Timespec { tv_sec: LIMIT.as_secs().cast_signed(), tv_nsec: 0 };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        assert!(rustix::event::poll(&mut fds, Some(&limit)).expect("poll") > 0, "nothing comes");
        self.0.read(buffer)
    }
}

/// Starts a client with pipes for its input and output.
pub(crate) fn start(command: &mut Command) -> Running {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(command.spawn().expect("run a program"))
}

/// Waits for something that must happen.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < LIMIT, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Reads from a stream until it has given this much.
#[track_caller]
pub(crate) fn expect(mut from: impl Read, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    from.read_exact(&mut got).expect("read");
    assert!(
        got == bytes,
        "{:?} instead of {:?}",
        String::from_utf8_lossy(&got),
        String::from_utf8_lossy(bytes)
    );
}

/// Reads to the end.
#[track_caller]
pub(crate) fn rest(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).expect("read");
    bytes
}

/// Bytes without order: also zeros, ends of lines, and none for long.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Text of what a process said.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes in the background, since the other side may take its time; what could not be written is left.
pub(crate) fn write_slowly(mut to: impl Write + Send + 'static, bytes: Vec<u8>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let _ = to.write_all(&bytes);
    })
}
