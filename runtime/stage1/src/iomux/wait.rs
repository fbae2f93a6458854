//! Waiting for several descriptors at once.

use crate::failure::Failure;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Descriptors, what to wait for, and what to call each when it is ready.
pub(super) type Interests<'a, Token> = Vec<(Token, BorrowedFd<'a>, PollFlags)>;

/// Waits until one of these is ready, or for a time; gives those that are.
pub(super) fn poll<Token>(
    interests: Interests<'_, Token>,
    timeout: Option<Duration>,
) -> Result<Vec<(Token, PollFlags)>, Failure> {
    let timeout = timeout.map(|time| Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    });
    let (tokens, mut fds): (Vec<Token>, Vec<PollFd<'_>>) =
        interests.into_iter().map(|(token, fd, flags)| (token, PollFd::from_borrowed_fd(fd, flags))).unzip();
    match rustix::event::poll(&mut fds, timeout.as_ref()) {
        Ok(_) => {}
        Err(Errno::INTR | Errno::AGAIN) => return Ok(Vec::new()),
        Err(errno) => return Err(Failure::new(format!("cannot wait for input and output: {errno}"))),
    }
    let ready = tokens.into_iter().zip(fds.iter().map(PollFd::revents));
    Ok(ready.filter(|(_, flags)| !flags.is_empty()).collect())
}
