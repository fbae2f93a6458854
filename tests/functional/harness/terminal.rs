//! A pod at a terminal, which the test has in its hands.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use super::pod::within;
use super::run::PATIENCE;

/// A command whose streams are one terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    screen: File,
    child: Child,
    said: String,
}

impl Terminal {
    /// Starts a command at a new terminal with so many rows and columns.
    pub(crate) fn start(mut command: Command, rows: u16, columns: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let screen = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&screen).unwrap();
        rustix::pty::unlockpt(&screen).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&screen, size).unwrap();
        let name = rustix::pty::ptsname(&screen, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal: OwnedFd = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
        let stream = || terminal.try_clone().unwrap();
        let child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
        Self { screen: screen.into(), child, said: String::new() }
    }

    /// Types something.
    pub(crate) fn types(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until something is on the screen.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let found = within(PATIENCE, || (!self.read() || self.said.contains(text)).then_some(()));
        assert!(found.is_some() && self.said.contains(text), "\"{text}\" does not come: {}", self.said);
    }

    /// Waits for the end: the exit code, and all that was on the screen.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        // A terminal that nobody else has open any more can be read no longer.
        let ended = within(PATIENCE, || (!self.read()).then_some(()));
        assert!(ended.is_some(), "this does not end: {}", self.said);
        (self.child.wait().unwrap().code(), self.said)
    }

    /// Reads what there is; `false` at the end.
    fn read(&mut self) -> bool {
        let mut fds = [PollFd::new(&self.screen, PollFlags::IN)];
        let pause = Timespec::try_from(Duration::from_millis(20)).unwrap();
        if rustix::event::poll(&mut fds, Some(&pause)).unwrap() == 0 {
            return true;
        }
        let mut block = [0; 4096];
        match self.screen.read(&mut block) {
            Ok(count) => {
                self.said.push_str(&String::from_utf8_lossy(&block[..count]));
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(_) => false,
        }
    }
}
