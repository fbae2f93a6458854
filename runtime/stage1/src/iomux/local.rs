//! The terminal of whoever attaches.

use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, Termios};
use std::path::Path;
use std::time::{Duration, Instant};

/// The key that detaches, pressed three times …
const ESCAPE: u8 = 0x1d;

/// … within this time: as in systemd-nspawn.
const ESCAPE_TIME: Duration = Duration::from_secs(1);

/// How to say so.
pub(super) const ESCAPE_HELP: &str = "^] three times within a second";

/// How the terminal of standard input was set.
#[derive(Debug)]
pub(crate) struct Modes(Termios);

impl Modes {
    /// How it is set now; none when standard input is no terminal.
    pub(crate) fn of_stdin() -> Option<Modes> {
        rustix::termios::tcgetattr(rustix::stdio::stdin()).ok().map(Modes)
    }

    /// Sets it as it was. Leaves it alone if it is: who is in the background must not even try.
    pub(crate) fn restore(&self) {
        let essence =
            |modes: &Termios| (modes.input_modes, modes.output_modes, modes.control_modes, modes.local_modes);
        let Some(Modes(now)) = Modes::of_stdin() else { return };
        if essence(&now) != essence(&self.0) {
            let _ = rustix::termios::tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.0);
        }
    }
}

/// The terminal of standard input while it passes on keys as they are pressed. It is as before when this is
/// dropped.
#[derive(Debug)]
pub(super) struct RawTerminal(Modes);

impl RawTerminal {
    /// Takes the terminal of standard input, if it is one.
    pub(super) fn of_stdin() -> Option<RawTerminal> {
        let terminal = RawTerminal(Modes::of_stdin()?);
        terminal.make_raw();
        Some(terminal)
    }

    /// Makes it raw: at first, and when a shell has had it meanwhile.
    pub(super) fn make_raw(&self) {
        let Modes(before) = &self.0;
        let mut raw = before.clone();
        raw.make_raw();
        let _ = rustix::termios::tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw);
    }

    /// Gives its size to another terminal, whose app is told by a signal.
    pub(super) fn size_to(app_side: &Path) {
        let Ok(size) = rustix::termios::tcgetwinsize(rustix::stdio::stdin()) else { return };
        if size.ws_row == 0 || size.ws_col == 0 {
            return;
        }
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // It is gone when the app has just ended.
        if let Ok(app_side) = rustix::fs::open(app_side, flags, Mode::empty()) {
            let _ = rustix::termios::tcsetwinsize(app_side, size);
        }
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        self.0.restore();
    }
}

/// Finds the keys that detach.
#[derive(Debug, Default)]
pub(super) struct Escape {
    pressed: u8,
    first: Option<Instant>,
}

impl Escape {
    /// Index of the key that completes the escape, if it is among these.
    pub(super) fn find(&mut self, keys: &[u8], now: Instant) -> Option<usize> {
        for (index, &key) in keys.iter().enumerate() {
            if key != ESCAPE {
                self.pressed = 0;
                continue;
            }
            let in_time = self.first.is_some_and(|first| now.duration_since(first) <= ESCAPE_TIME);
            if self.pressed > 0 && in_time {
                self.pressed += 1;
            } else {
                (self.first, self.pressed) = (Some(now), 1);
            }
            if self.pressed == 3 {
                return Some(index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Escape;
    use std::time::{Duration, Instant};

    #[test]
    fn three_keys_within_a_second() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let find = |presses: &[(&[u8], u64)]| {
            let mut escape = Escape::default();
            presses.iter().map(|(keys, millis)| escape.find(keys, at(*millis))).collect::<Vec<_>>()
        };
        assert_eq!(find(&[(b"\x1d\x1d\x1d", 0)]), [Some(2)]);
        assert_eq!(find(&[(b"\x1d", 0), (b"\x1d", 500), (b"\x1d", 1000)]), [None, None, Some(0)]);
        assert_eq!(find(&[(b"\x1d", 0), (b"\x1d", 500), (b"\x1d", 1001)]), [None, None, None]);
        assert_eq!(find(&[(b"\x1d\x1dx\x1d", 0), (b"\x1d", 1), (b"\x1d", 2)]), [None, None, Some(0)]);
        assert_eq!(find(&[(b"", 0), (b"ab\x1d", 0)]), [None, None]);
    }
}
