//! `auto-attach`, `custom-attach`: what is run in the pod by somebody who attaches.

use super::endpoints::{Endpoint, Found};
use super::local::{ESCAPE_HELP, Escape, RawTerminal};
use super::wait::{self, Interests};
use super::{sockets, terminal};
use crate::failure::{Failure, at, warn};
use crate::signals::{self, Signals};
use appc::AcName;
use pod::protocol::Streams;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown};
use rustix::process::Signal;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long a busy service may take to accept a connection.
const DIAL_TIMEOUT: Duration = Duration::from_secs(15);

/// How much is written to our own output at once: what a pipe that is ready takes without waiting.
const PORTION: usize = 4096;

/// Signals that end a client, and those that change its terminal.
const SIGNALS: &[Signal] =
    &[Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT, Signal::WINCH, Signal::CONT];

/// Attaches to these streams of an app, or to all that it has, until they end.
pub(super) fn attach(app: &AcName, wanted: Option<Streams>, debug: bool) -> Result<ExitCode, Failure> {
    let found = Found::of(app)?;
    let choices = choose(app, found.endpoints(), wanted)?;
    // Whoever has entered the pod for us may be killed: nobody would be left to end us.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    let mut links = Vec::with_capacity(choices.len());
    for choice in choices {
        let address = &choice.endpoint.address;
        let socket = sockets::connect(address, DIAL_TIMEOUT).map_err(|error| {
            at("connect to", address)(error).hint(
                "the service of the pod behind it is gone or overloaded; look at the journal of the pod",
            )
        })?;
        if debug {
            warn(format_args!("attach: connected to {}", address.display()));
        }
        links.push(Link::new(choice, socket));
    }
    let signals = Signals::catch(SIGNALS).map_err(|error| super::no_signals(&error))?;
    let typing = links.iter().any(|link| link.is_terminal && link.takes_input);
    let raw = typing.then(RawTerminal::of_stdin).flatten();
    if raw.is_some() {
        RawTerminal::size_to(&terminal::app_side(app));
        // With the line ends of a raw terminal.
        warn(format_args!("attach: to detach, press {ESCAPE_HELP}\r"));
    }
    let mut session = Session { links, signals, raw, keys: Keys::default(), escape: Escape::default() };
    let end = session.run(app);
    let Session { signals, raw, .. } = session;
    drop(raw);
    match end? {
        End::Signal(signal) => Ok(signals::end_by(signal, signals)),
        End::Detached => {
            warn(format_args!("\nattach: detached from app \"{app}\""));
            Ok(ExitCode::SUCCESS)
        }
        End::Closed if found.is_current() => Err(Failure::new(format!(
            "the connection to app \"{app}\" has been closed, although the app has not ended"
        ))
        .hint("either this client did not take the app's output fast enough, or the service behind it has failed")),
        End::Sent | End::Closed => Ok(ExitCode::SUCCESS),
    }
}

/// An endpoint, and what to do with it.
struct Choice {
    endpoint: Endpoint,
    takes_input: bool,
    target: Target,
}

/// Where output of the app goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Stdout,
    Stderr,
    Nowhere,
}

impl Target {
    fn fd(self) -> Option<BorrowedFd<'static>> {
        match self {
            Target::Stdout => Some(rustix::stdio::stdout()),
            Target::Stderr => Some(rustix::stdio::stderr()),
            Target::Nowhere => None,
        }
    }
}

/// Finds the endpoints for what is wanted; all that is missing is told at once.
fn choose(app: &AcName, endpoints: &[Endpoint], wanted: Option<Streams>) -> Result<Vec<Choice>, Failure> {
    let all = Streams { tty_in: true, tty_out: true, stdin: true, stdout: true, stderr: true };
    let streams = wanted.unwrap_or(all);
    let mut choices: Vec<Choice> = Vec::new();
    let mut missing = Vec::new();
    // name, what it is called when it is missing, whether it takes input, where its output goes
    let output = |on: bool, target: Target| if on { target } else { Target::Nowhere };
    let table = [
        ("stdin", "stdin", streams.stdin, Target::Nowhere),
        ("stdout", "stdout", false, output(streams.stdout, Target::Stdout)),
        ("stderr", "stderr", false, output(streams.stderr, Target::Stderr)),
        ("tty", "a terminal", streams.tty_in, output(streams.tty_out, Target::Stdout)),
    ];
    for (name, called, takes_input, target) in table {
        if !takes_input && target == Target::Nowhere {
            continue;
        }
        match endpoints.iter().find(|endpoint| endpoint.name == name && endpoint.domain == "unix") {
            Some(endpoint) => choices.push(Choice { endpoint: endpoint.clone(), takes_input, target }),
            None => missing.push(called),
        }
    }
    if wanted.is_some() && !missing.is_empty() {
        return Err(Failure::new(format!("app \"{app}\" has not got: {}", missing.join(", ")))
            .hint("rkt attach --mode=list shows what it has"));
    }
    if choices.iter().filter(|choice| choice.takes_input).count() > 1 {
        return Err(Failure::new("a terminal and standard input cannot be attached to at the same time"));
    }
    if choices.is_empty() {
        return Err(Failure::new(format!("no stream of app \"{app}\" is chosen to attach to"))
            .hint("choose some with rkt attach --mode=stdin,stdout,stderr or --mode=tty"));
    }
    Ok(choices)
}

/// A connection.
struct Link {
    socket: OwnedFd,
    is_terminal: bool,
    takes_input: bool,
    target: Target,
    /// Whether there may be more from it.
    open: bool,
    /// What came and is not written yet.
    pending: Vec<u8>,
    written: usize,
}

impl Link {
    fn new(choice: Choice, socket: OwnedFd) -> Link {
        let Choice { endpoint, takes_input, target } = choice;
        let is_terminal = endpoint.name == "tty";
        Link { socket, is_terminal, takes_input, target, open: true, pending: Vec::new(), written: 0 }
    }

    /// Whether output of the app may still be written.
    fn is_live(&self) -> bool {
        self.target != Target::Nowhere && (self.open || !self.pending.is_empty())
    }
}

/// What was typed and not sent yet.
#[derive(Default)]
struct Keys {
    bytes: Vec<u8>,
    sent: usize,
    ended: bool,
}

impl Keys {
    fn left(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }
}

enum Token {
    Signal,
    Keyboard,
    Target(usize),
    Link(usize),
}

/// Why a session is over.
enum End {
    /// A signal says so.
    Signal(Signal),
    /// The user said so.
    Detached,
    /// There is nothing to be sent any more, and nobody to write for.
    Sent,
    /// All connections are closed.
    Closed,
}

struct Session {
    links: Vec<Link>,
    signals: Signals,
    raw: Option<RawTerminal>,
    keys: Keys,
    escape: Escape,
}

impl Session {
    fn run(&mut self, app: &AcName) -> Result<End, Failure> {
        let writes = self.links.iter().any(|link| link.target != Target::Nowhere);
        loop {
            if writes {
                if !self.links.iter().any(|link| link.target != Target::Nowhere) {
                    // Whoever read our output is gone.
                    return Ok(End::Sent);
                }
                if !self.links.iter().any(Link::is_live) {
                    return Ok(End::Closed);
                }
            } else if let Some(link) = self.links.first() {
                let all_sent = self.keys.ended && self.keys.left().is_empty();
                match link.open {
                    // A terminal goes on when one of its keyboards is gone. A stream is closed when the app has
                    // all that was sent.
                    true if all_sent && link.is_terminal => return Ok(End::Sent),
                    false if all_sent => return Ok(End::Sent),
                    false => return Ok(End::Closed),
                    true => {}
                }
            }
            let mut target_written = false;
            for (token, flags) in self.wait()? {
                match token {
                    Token::Signal => {
                        if let Some(signal) = self.on_signals(app) {
                            return Ok(End::Signal(signal));
                        }
                    }
                    Token::Keyboard => {
                        if self.read_keys() {
                            return Ok(End::Detached);
                        }
                    }
                    Token::Target(index) => {
                        // Both may be the same pipe, with room for one.
                        if !target_written {
                            self.write(index)?;
                            target_written = true;
                        }
                    }
                    Token::Link(index) => {
                        if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                            self.read(index);
                        }
                        if flags.contains(PollFlags::OUT) {
                            self.send(index);
                        }
                    }
                }
            }
        }
    }

    /// Waits for what can go on.
    fn wait(&self) -> Result<Vec<(Token, PollFlags)>, Failure> {
        let mut interests: Interests<'_, Token> = vec![(Token::Signal, self.signals.as_fd(), PollFlags::IN)];
        let takes_input = self.links.iter().any(|link| link.takes_input && link.open);
        if takes_input && !self.keys.ended && self.keys.left().is_empty() {
            interests.push((Token::Keyboard, rustix::stdio::stdin(), PollFlags::IN));
        }
        for (index, link) in self.links.iter().enumerate() {
            if !link.pending.is_empty()
                && let Some(fd) = link.target.fd()
            {
                interests.push((Token::Target(index), fd, PollFlags::OUT));
            }
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, link.pending.is_empty());
            flags.set(PollFlags::OUT, link.takes_input && !self.keys.left().is_empty());
            if link.open && !flags.is_empty() {
                interests.push((Token::Link(index), link.socket.as_fd(), flags));
            }
        }
        wait::poll(interests, None)
    }

    /// Reacts to signals; gives one that ends the session.
    fn on_signals(&mut self, app: &AcName) -> Option<Signal> {
        while let Some(arrived) = self.signals.next() {
            match arrived.signal {
                Signal::WINCH | Signal::CONT => {
                    if let Some(raw) = &self.raw {
                        if arrived.signal == Signal::CONT {
                            raw.make_raw();
                        }
                        RawTerminal::size_to(&terminal::app_side(app));
                    }
                }
                signal => return Some(signal),
            }
        }
        None
    }

    /// Reads what was typed; `true` when it says to detach.
    fn read_keys(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        let keys = match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
            Ok(0) => &[][..],
            Ok(count) => &buffer[..count],
            Err(Errno::AGAIN | Errno::INTR) => return false,
            // A terminal that is gone, or what cannot be read at all.
            Err(_) => &[][..],
        };
        self.keys = Keys { bytes: keys.to_vec(), sent: 0, ended: keys.is_empty() };
        if self.raw.is_some() && self.escape.find(keys, Instant::now()).is_some() {
            return true;
        }
        if self.keys.ended {
            self.finish_input();
        }
        false
    }

    /// Tells the other side that no more input comes.
    fn finish_input(&self) {
        for link in self.links.iter().filter(|link| link.takes_input) {
            let _ = rustix::net::shutdown(&link.socket, Shutdown::Write);
        }
    }

    fn send(&mut self, index: usize) {
        let socket = &self.links[index].socket;
        match rustix::net::send(socket, self.keys.left(), SendFlags::NOSIGNAL) {
            Ok(count) => self.keys.sent += count,
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Reading from it tells what has happened.
            Err(_) => self.keys = Keys { ended: true, ..Keys::default() },
        }
    }

    fn read(&mut self, index: usize) {
        let link = &mut self.links[index];
        let mut buffer = [0; 16 << 10];
        match rustix::io::read(&link.socket, &mut buffer) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(0) | Err(_) => link.open = false,
            Ok(count) if link.target != Target::Nowhere => {
                link.pending = buffer[..count].to_vec();
                link.written = 0;
            }
            Ok(_) => {}
        }
    }

    /// Writes a portion of what came.
    fn write(&mut self, index: usize) -> Result<(), Failure> {
        let link = &mut self.links[index];
        let Some(fd) = link.target.fd() else { return Ok(()) };
        let rest = &link.pending[link.written..];
        match rustix::io::write(fd, &rest[..rest.len().min(PORTION)]) {
            Ok(count) => {
                link.written += count;
                if link.written == link.pending.len() {
                    link.pending.clear();
                }
                Ok(())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            // Nobody reads it any more, or the terminal is gone.
            Err(Errno::PIPE | Errno::IO) => {
                link.target = Target::Nowhere;
                link.pending.clear();
                Ok(())
            }
            Err(errno) => {
                Err(Failure::new(format!("cannot write output of the app: {errno}"))
                    .hint("is the disk full?"))
            }
        }
    }
}
