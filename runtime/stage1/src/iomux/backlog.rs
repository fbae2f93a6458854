//! What an app has written and not everybody has got yet.

use std::collections::VecDeque;

/// How many bytes are held for clients that are slower than the app.
pub(super) const CAPACITY: usize = 1 << 20;

/// How many bytes are held for the first client while there was none yet.
pub(super) const BEFORE_FIRST: usize = 64 << 10;

/// A window of the app's output. Positions count the bytes since its beginning.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: VecDeque<u8>,
    start: u64,
}

impl Backlog {
    /// Where the window begins.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Where it ends: what comes next has this position.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// How many more bytes it may hold.
    pub(super) fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.bytes.len())
    }

    /// Adds output.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Bytes from a position on: a part of them, none only at the end.
    pub(super) fn from(&self, position: u64) -> &[u8] {
        let skip = usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let (first, second) = self.bytes.as_slices();
        match skip.checked_sub(first.len()) {
            None => &first[skip..],
            Some(skip) => second.get(skip..).unwrap_or_default(),
        }
    }

    /// Lets go of everything before a position.
    pub(super) fn forget_before(&mut self, position: u64) {
        let count = usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let count = count.min(self.bytes.len());
        self.bytes.drain(..count);
        self.start += count as u64;
    }

    /// Lets go of all but the newest bytes, and then of the rest of a line that lost its beginning.
    pub(super) fn keep_newest(&mut self, count: usize) {
        let Some(excess) = self.bytes.len().checked_sub(count).filter(|&excess| excess > 0) else { return };
        let cut_a_line = self.bytes[excess - 1] != b'\n';
        self.forget_before(self.start + excess as u64);
        if cut_a_line && let Some(end) = self.bytes.iter().position(|&byte| byte == b'\n') {
            self.forget_before(self.start + end as u64 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Backlog, CAPACITY};

    /// Everything from a position on.
    fn rest(backlog: &Backlog, mut position: u64) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let part = backlog.from(position);
            if part.is_empty() {
                return all;
            }
            all.extend_from_slice(part);
            position += part.len() as u64;
        }
    }

    #[test]
    fn positions_stay_valid_when_the_window_moves() {
        let mut backlog = Backlog::default();
        backlog.push(b"abcdef");
        assert_eq!((backlog.start(), backlog.end(), backlog.room()), (0, 6, CAPACITY - 6));
        assert_eq!(rest(&backlog, 2), b"cdef");
        backlog.forget_before(4);
        assert_eq!((backlog.start(), backlog.end(), backlog.room()), (4, 6, CAPACITY - 2));
        assert_eq!(rest(&backlog, 5), b"f");
        assert_eq!(rest(&backlog, 6), b"");
        assert_eq!(rest(&backlog, 7), b"");
        backlog.forget_before(100);
        assert_eq!((backlog.start(), backlog.end()), (6, 6));
    }

    #[test]
    fn a_window_that_wraps_inside_its_buffer_is_read_whole() {
        let mut backlog = Backlog::default();
        let mut expected = Vec::new();
        for round in 0..1000_u32 {
            let bytes = round.to_be_bytes();
            backlog.push(&bytes);
            expected.extend_from_slice(&bytes);
            if round % 3 == 0 {
                backlog.forget_before(backlog.start() + 7);
            }
        }
        let start = usize::try_from(backlog.start()).expect("small");
        for skip in [0, 1, 100, 1500] {
            assert_eq!(rest(&backlog, (start + skip) as u64), expected[start + skip..]);
        }
    }

    #[test]
    fn the_newest_bytes_begin_with_a_line() {
        // what is there, how much is kept, what is left
        let rows: &[(&[u8], usize, &[u8])] = &[
            (b"one\ntwo\nthree", 13, b"one\ntwo\nthree"),
            (b"one\ntwo\nthree", 9, b"two\nthree"),
            (b"one\ntwo\nthree", 8, b"three"),
            (b"one\ntwo\nthree", 3, b"ree"),
            (b"one\ntwo\n", 3, b""), // the end of a line whose beginning is gone
            (b"no line", 4, b"line"),
            (b"", 4, b""),
        ];
        for (bytes, count, left) in rows {
            let mut backlog = Backlog::default();
            backlog.push(bytes);
            backlog.keep_newest(*count);
            assert_eq!(rest(&backlog, backlog.start()), *left, "{count} of {bytes:?}");
            assert_eq!(backlog.end(), bytes.len() as u64);
        }
    }
}
