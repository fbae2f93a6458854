//! Somebody who is attached.

use super::backlog::{Backlog, CAPACITY};
use rustix::io::Errno;
use rustix::net::SendFlags;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How many bytes of a client wait for the app to read them; then the client waits.
pub(super) const INPUT: usize = 64 << 10;

/// What a client that holds up the app must take of its output, in bytes …
pub(super) const STEP: u64 = 64 << 10;

/// … within this time, or it is let go.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to one channel of an app.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: u64,
    pub(super) socket: OwnedFd,
    /// Up to where it has got the app's output.
    position: u64,
    /// Whether it takes output.
    pub(super) listens: bool,
    /// Since when, and from where, it holds up the app.
    held: Option<(Instant, u64)>,
    /// What it has sent that the app has not read.
    pub(super) input: VecDeque<u8>,
    /// Whether more may come from it.
    pub(super) speaks: bool,
    /// Whether its end of the connection is closed altogether.
    pub(super) gone: bool,
}

impl Client {
    /// A client that gets output from a position on.
    pub(super) fn new(id: u64, socket: OwnedFd, position: u64) -> Client {
        Client {
            id,
            socket,
            position,
            listens: true,
            held: None,
            input: VecDeque::new(),
            speaks: true,
            gone: false,
        }
    }

    /// Up to where it has got the app's output.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether there is output for it.
    pub(super) fn is_behind(&self, backlog: &Backlog) -> bool {
        self.listens && self.position < backlog.end()
    }

    /// Hands it as much output as it takes without waiting.
    pub(super) fn send(&mut self, backlog: &Backlog) {
        while self.is_behind(backlog) {
            match rustix::net::send(&self.socket, backlog.from(self.position), SendFlags::NOSIGNAL) {
                Ok(count) => self.position += count as u64,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => self.listens = false,
            }
        }
    }

    /// Takes what it has sent, as far as there is room; without a place for it, throws it away.
    pub(super) fn receive(&mut self, wanted: bool) {
        let mut buffer = [0; 16 << 10];
        // Not for ever: there are others.
        for _ in 0..INPUT / buffer.len() {
            if !self.speaks {
                break;
            }
            let room = if wanted { INPUT - self.input.len() } else { buffer.len() };
            let room = room.min(buffer.len());
            if room == 0 {
                break;
            }
            match rustix::io::read(&self.socket, &mut buffer[..room]) {
                Ok(0) => self.speaks = false,
                Ok(count) if wanted => self.input.extend(&buffer[..count]),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => self.speaks = false,
            }
        }
    }

    /// Watches whether it holds up the app; `true` when it has done so for too long.
    pub(super) fn exhausts_patience(&mut self, backlog: &Backlog, now: Instant) -> bool {
        if !self.listens || backlog.end() - self.position <= CAPACITY as u64 - STEP {
            self.held = None;
            return false;
        }
        match self.held {
            Some((_, from)) if self.position - from >= STEP => self.held = Some((now, self.position)),
            Some((since, _)) => return now.duration_since(since) >= PATIENCE,
            None if backlog.room() == 0 => self.held = Some((now, self.position)),
            None => {}
        }
        false
    }

    /// When patience with it ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.map(|(since, _)| since + PATIENCE)
    }
}
