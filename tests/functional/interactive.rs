//! `--interactive`: an app with the standard input of whoever calls `rkt`, be it a terminal or not.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use crate::common::{ok, text};
use crate::harness::{Sandbox, Started, Terminal, tests};

tests! {
    fly: [a_terminal_reaches_the_app, other_input_reaches_the_app_whole, input_ends, one_app_at_most],
    host: [
        a_terminal_reaches_the_app,
        the_terminal_has_its_type,
        other_input_reaches_the_app_whole,
        input_ends,
        input_that_nobody_reads_keeps_nobody,
        without_it_there_is_no_input,
        one_app_at_most,
    ],
}

fn a_terminal_reaches_the_app(sandbox: &Sandbox) {
    let line = "for fd in 0 1 2; do [ -t $fd ] || echo $fd is none; done; stty size; echo ready; read line; echo \"<$line>\"; exit 5";
    let command = sandbox.run().options(["--interactive"]).shell(line).command();
    let mut terminal = Terminal::start(command, 33, 77);
    terminal.wait_for("ready\r\n");
    terminal.types("some words\n");
    let (code, said) = terminal.end();
    assert_eq!(code, Some(5), "{said}");
    assert!(said.ends_with("33 77\r\nready\r\nsome words\r\n<some words>\r\n"), "{said:?}");
    assert!(!said.contains("is none"), "{said:?}");
}

fn the_terminal_has_its_type(sandbox: &Sandbox) {
    for term in ["xterm-256color", "vt220"] {
        let run = sandbox.run().options(["--interactive"]).env("TERM", term).shell("echo \"<$TERM>\"");
        let (code, said) = Terminal::start(run.command(), 24, 80).end();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("<{term}>")), "{said:?}");
    }
    // What the image says counts more.
    let run = sandbox.run().options(["--interactive"]).env("TERM", "xterm");
    let run = run.shell_with(&["--environment=TERM=dumb"], "echo \"<$TERM>\"");
    let (_, said) = Terminal::start(run.command(), 24, 80).end();
    assert!(said.contains("<dumb>"), "{said:?}");
}

/// Bytes of all values, more than any buffer on the way holds.
fn bytes() -> Vec<u8> {
    (0..1_500_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn other_input_reaches_the_app_whole(sandbox: &Sandbox) {
    let file = sandbox.at("input");
    fs::write(&file, bytes()).unwrap();
    let expected = text(&ok(Command::new("sha256sum").arg(&file)).stdout);
    let expected = expected.split(' ').next().unwrap();
    let command = || {
        let line = "[ -t 0 ] && echo a terminal; sha256sum";
        sandbox.run().options(["--interactive"]).shell(line).command()
    };
    let expect = |kind: &str, started: Started| {
        let ended = started.end().ok();
        assert!(!ended.out.contains("terminal"), "{kind}: {}", ended.out);
        assert!(ended.out.contains(expected), "{kind}: {}", ended.out);
    };
    let mut from_file = command();
    from_file.stdin(File::open(&file).unwrap());
    expect("a file", Started::new(sandbox, from_file));

    let mut pipe = Command::new("cat").arg(&file).stdout(Stdio::piped()).spawn().unwrap();
    let mut from_pipe = command();
    from_pipe.stdin(pipe.stdout.take().unwrap());
    let started = Started::new(sandbox, from_pipe);
    expect("a pipe", started);
    pipe.wait().unwrap();

    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut from_socket = command();
    from_socket.stdin(std::os::fd::OwnedFd::from(theirs));
    let started = Started::new(sandbox, from_socket);
    let writer = std::thread::spawn(move || (&ours).write_all(&bytes()));
    expect("a socket", started);
    writer.join().unwrap().unwrap();
}

fn input_ends(sandbox: &Sandbox) {
    // Nothing at all, and something that comes late.
    let ended = sandbox.run().options(["--interactive"]).shell("wc -c; exit 3").end().code(3);
    assert_eq!(ended.out.trim(), "0");
    let mut late = Command::new("sh");
    let mut late = late.args(["-c", "sleep 1; echo late"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut command = sandbox.run().options(["--interactive"]).shell("cat; echo end").command();
    command.stdin(late.stdout.take().unwrap());
    let ended = Started::new(sandbox, command).end().ok();
    assert_eq!(ended.out.replace('\r', ""), "late\nend\n");
    late.wait().unwrap();
}

fn input_that_nobody_reads_keeps_nobody(sandbox: &Sandbox) {
    let (ours, theirs) = std::io::pipe().unwrap();
    let mut command = sandbox.run().options(["--interactive"]).shell("exit 4").command();
    command.stdin(ours);
    // Neither the caller's end stays open nor does anything wait for it.
    Started::new(sandbox, command).end().code(4);
    drop(theirs);
}

fn without_it_there_is_no_input(sandbox: &Sandbox) {
    let line = "for fd in 0 1 2; do [ -t $fd ] && echo $fd is a terminal; done; wc -c; exit 5";
    let mut terminal = Terminal::start(sandbox.run().shell(line).command(), 24, 80);
    terminal.types("words\n");
    let (code, said) = terminal.end();
    assert_eq!(code, Some(5), "{said}");
    assert!(!said.contains("is a terminal"), "{said:?}");
    assert!(said.lines().any(|line| line.ends_with("]: 0")), "{said:?}");
}

fn one_app_at_most(sandbox: &Sandbox) {
    let run = sandbox.run().options(["--interactive"]).shell_with(&["--name=a"], "true");
    run.shell_with(&["--name=b"], "true").end().fails("interactive");
}
