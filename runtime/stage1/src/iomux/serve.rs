//! The loop of both services: waits until something can go on, and lets it.

use super::channel::{Channel, Token};
use super::endpoints::Published;
use super::log::Log;
use super::wait::{self, Interests};
use crate::failure::{Failure, warn};
use crate::signals::Signals;
use rustix::event::PollFlags;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long clients may take to get the rest of the output when the app has ended.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a service serves.
pub(super) struct Service {
    /// Say what is done.
    pub(super) debug: bool,
    /// Signals that end it.
    pub(super) signals: Signals,
    pub(super) channels: Vec<Channel>,
    pub(super) log: Option<Log>,
    /// Taken back when the app ends.
    pub(super) published: Option<Published>,
}

impl Service {
    /// Serves until a signal says that the app has ended. Then everybody who is attached gets the rest of the
    /// output, and the end of it.
    pub(super) fn serve(mut self) -> Result<(), Failure> {
        let mut ends_at = None;
        if self.debug {
            let names: Vec<_> = self.channels.iter().map(|channel| channel.name).collect();
            warn(format_args!("iottymux: serving {}", names.join(", ")));
        }
        loop {
            let now = Instant::now();
            for channel in &mut self.channels {
                channel.settle(now);
            }
            if ends_at.is_some_and(|at| now >= at || !self.channels.iter().any(Channel::has_clients)) {
                break;
            }
            for (token, flags) in self.wait(now, ends_at)? {
                let now = Instant::now();
                match token {
                    Token::Signal => {
                        // The end of the pod may bring more of them.
                        while self.signals.next().is_some() {
                            ends_at = ends_at.or_else(|| Some(self.end(now)));
                        }
                    }
                    Token::Connection(index)
                    | Token::Output(index)
                    | Token::Input(index)
                    | Token::Client(index, _) => {
                        self.channels[index].react(token, flags, now, self.log.as_mut());
                    }
                }
            }
        }
        if let Some(log) = &mut self.log {
            log.finish();
        }
        if self.debug {
            let left = self.channels.iter().filter(|channel| channel.has_clients()).count();
            warn(format_args!(
                "iottymux: the app has ended; streams whose clients were too slow for its end: {left}"
            ));
        }
        Ok(())
    }

    /// Begins the end; gives when it must be over.
    fn end(&mut self, now: Instant) -> Instant {
        // Before anybody sees the end of a stream: it is how clients tell the app's end from ours.
        self.published = None;
        for channel in &mut self.channels {
            channel.end(now, self.log.as_mut());
        }
        now + FAREWELL
    }

    /// Waits for what can go on.
    fn wait(&self, now: Instant, ends_at: Option<Instant>) -> Result<Vec<(Token, PollFlags)>, Failure> {
        let mut interests: Interests<'_, Token> = vec![(Token::Signal, self.signals.as_fd(), PollFlags::IN)];
        for (index, channel) in self.channels.iter().enumerate() {
            channel.interests(index, now, &mut interests);
        }
        let deadline = self.channels.iter().filter_map(Channel::deadline).chain(ends_at).min();
        wait::poll(interests, deadline.map(|at| at.saturating_duration_since(now)))
    }
}
