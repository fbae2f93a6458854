//! One of an app's streams, or its terminal, with everybody who is attached to it.

use super::backlog::{BEFORE_FIRST, Backlog};
use super::client::{Client, PATIENCE};
use super::log::Log;
use super::sockets::Listener;
use super::turns::{Turns, Unit};
use super::wait::{self, Interests};
use crate::failure::warn;
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// How many may be attached to one channel; more wait until one leaves.
pub(super) const CLIENTS: usize = 64;

/// How much of the output that an app has left in its pipe or terminal is read when it has ended.
const LEFT_OVER: usize = 4 << 20;

/// How long a terminal may take to hand on what has been written to it.
const HAND_ON: Duration = Duration::from_millis(20);

/// Pause before connections are accepted again when that failed.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What one waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A signal.
    Signal,
    /// A connection to a channel.
    Connection(usize),
    /// Output of the app on a channel.
    Output(usize),
    /// Room for input to the app on a channel.
    Input(usize),
    /// A client of a channel, by its number.
    Client(usize, u64),
}

/// A stream or a terminal of an app.
#[derive(Debug)]
pub(super) struct Channel {
    /// As the list of endpoints has it.
    pub(super) name: &'static str,
    listener: Option<Listener>,
    accept_at: Option<Instant>,
    /// What the app writes to; none for its standard input, and when the app has ended.
    output: Option<OwnedFd>,
    has_output: bool,
    /// What the app reads from; none for its standard output, and when the app has ended.
    input: Option<OwnedFd>,
    turns: Turns,
    backlog: Backlog,
    /// In the order of their numbers.
    clients: Vec<Client>,
    next_id: u64,
}

impl Channel {
    /// A channel of descriptors that do not block.
    pub(super) fn new(
        name: &'static str,
        listener: Listener,
        output: Option<OwnedFd>,
        input: Option<OwnedFd>,
        unit: Unit,
    ) -> Channel {
        Channel {
            name,
            listener: Some(listener),
            accept_at: None,
            has_output: output.is_some(),
            output,
            input,
            turns: Turns::new(unit),
            backlog: Backlog::default(),
            clients: Vec::new(),
            next_id: 1,
        }
    }

    /// Whether somebody is attached.
    pub(super) fn has_clients(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Adds what this channel waits for.
    pub(super) fn interests<'a>(&'a self, index: usize, now: Instant, list: &mut Interests<'a, Token>) {
        if let Some(listener) = &self.listener
            && self.clients.len() < CLIENTS
            && self.accept_at.is_none()
        {
            list.push((Token::Connection(index), listener.as_fd(), PollFlags::IN));
        }
        if let Some(output) = &self.output
            && self.backlog.room() > 0
        {
            list.push((Token::Output(index), output.as_fd(), PollFlags::IN));
        }
        if let Some(input) = &self.input
            && self.turns.next(&self.clients, now).is_some()
        {
            list.push((Token::Input(index), input.as_fd(), PollFlags::OUT));
        }
        for client in self.clients.iter().filter(|client| !client.gone) {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, client.speaks && client.input.len() < super::client::INPUT);
            flags.set(PollFlags::OUT, client.is_behind(&self.backlog));
            list.push((Token::Client(index, client.id), client.socket.as_fd(), flags));
        }
    }

    /// When something is due although nothing happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let clients = self.clients.iter().filter_map(Client::deadline);
        let turns = self.input.is_some().then(|| self.turns.deadline(&self.clients)).flatten();
        clients.chain(self.accept_at).chain(turns).min()
    }

    /// Does what one of this channel's tokens says is possible.
    pub(super) fn react(&mut self, token: Token, flags: PollFlags, now: Instant, log: Option<&mut Log>) {
        match token {
            Token::Connection(_) => self.accept(now),
            Token::Output(_) => {
                self.read_output(self.backlog.room(), log);
            }
            // Input is passed on after every round.
            Token::Signal | Token::Input(_) => {}
            Token::Client(_, id) => {
                let wanted = self.input.is_some();
                if let Some(client) = self.clients.iter_mut().find(|client| client.id == id) {
                    if flags.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                        client.gone = true;
                        client.listens = false;
                    }
                    client.receive(wanted);
                }
            }
        }
    }

    /// Brings everything forward that can go on, and lets go of clients that are done or too slow.
    pub(super) fn settle(&mut self, now: Instant) {
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept_at = None;
        }
        self.pass_input(now);
        for client in &mut self.clients {
            client.send(&self.backlog);
        }
        let (backlog, name) = (&self.backlog, self.name);
        let (speaking, listening) = (self.input.is_some(), self.output.is_some());
        self.clients.retain_mut(|client| {
            if client.exhausts_patience(backlog, now) {
                let seconds = PATIENCE.as_secs();
                warn(format_args!("a client of {name} has held up the app for {seconds} s: it is let go"));
                return false;
            }
            let wants_output = client.listens && (listening || client.is_behind(backlog));
            let gives_input = speaking && (client.speaks || !client.input.is_empty());
            (self.has_output && wants_output) || gives_input
        });
        let slowest = self.clients.iter().filter(|client| client.listens).map(Client::position).min();
        match slowest {
            Some(position) => self.backlog.forget_before(position),
            None if self.next_id == 1 => self.backlog.keep_newest(BEFORE_FIRST),
            None => self.backlog.forget_before(self.backlog.end()),
        }
    }

    /// The app has ended: reads what it has left, accepts who has connected, then nobody more.
    pub(super) fn end(&mut self, now: Instant, mut log: Option<&mut Log>) {
        self.accept(now);
        self.listener = None;
        self.accept_at = None;
        self.input = None;
        let mut left = LEFT_OVER;
        while left > 0 && self.output.is_some() {
            match self.read_output(left, log.as_deref_mut()) {
                0 if !self.more_is_on_its_way() => break,
                count => left -= count.min(left),
            }
        }
        self.output = None;
    }

    /// Whether output comes that was written before now. Pipes have it at once; terminals hand it on later,
    /// in the background.
    fn more_is_on_its_way(&self) -> bool {
        let Some(output) = &self.output else { return false };
        let interests = vec![((), output.as_fd(), PollFlags::IN)];
        self.turns.unit() == Unit::Key
            && wait::poll(interests, Some(HAND_ON)).is_ok_and(|ready| !ready.is_empty())
    }

    /// Takes a connection as a client.
    fn admit(&mut self, socket: OwnedFd) {
        // The first gets what was held for it, the others what comes from now on.
        let position = if self.next_id == 1 { self.backlog.start() } else { self.backlog.end() };
        self.clients.push(Client::new(self.next_id, socket, position));
        self.next_id += 1;
    }

    fn accept(&mut self, now: Instant) {
        while self.clients.len() < CLIENTS
            && let Some(listener) = &self.listener
        {
            match listener.accept() {
                Ok(socket) => self.admit(socket),
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => {
                    warn(format_args!("cannot accept a client of {}: {errno}", self.name));
                    self.accept_at = Some(now + ACCEPT_PAUSE);
                    break;
                }
            }
        }
    }

    /// Reads output of the app once, into the backlog and the log; gives how much.
    fn read_output(&mut self, limit: usize, log: Option<&mut Log>) -> usize {
        let Some(output) = &self.output else { return 0 };
        let mut buffer = [0; 16 << 10];
        let limit = limit.min(buffer.len());
        match rustix::io::read(output, &mut buffer[..limit]) {
            // A terminal that nobody holds open any more says EIO.
            Ok(0) | Err(Errno::IO) => self.output = None,
            Ok(count) => {
                if let Some(log) = log {
                    log.append(self.name, &buffer[..count]);
                }
                self.backlog.push(&buffer[..count]);
                return count;
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => {
                warn(format_args!("cannot read {} of the app: {errno}", self.name));
                self.output = None;
            }
        }
        0
    }

    /// Passes on input of clients, as much as the app takes without waiting.
    fn pass_input(&mut self, now: Instant) {
        while let Some(input) = &self.input
            && let Some((index, count)) = self.turns.next(&self.clients, now)
        {
            let client = &mut self.clients[index];
            let bytes = client.input.as_slices().0;
            let bytes = &bytes[..count.min(bytes.len())];
            match rustix::io::write(input, bytes) {
                // Nothing reads or writes nothing: the next round tries again.
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(count) => {
                    let last_byte = bytes[count - 1];
                    client.input.drain(..count);
                    self.turns.passed(client.id, count, last_byte, now);
                    // What one has left behind is all there, and nobody tells when there is room for it.
                    if client.gone {
                        client.receive(true);
                    }
                }
                Err(Errno::INTR) => {}
                // The app has closed it, or has ended.
                Err(_) => {
                    self.input = None;
                    self.clients.iter_mut().for_each(|client| client.input.clear());
                }
            }
        }
    }
}
