//! Where this process is among others: its group and its session.
//!
//! Not by `getpgrp(2)` and `getsid(2)`: they answer 0 where the leader is in another process namespace, which happens to
//! everybody who is sent into a container from outside, and `rustix` does not expect it.

use std::io;

/// Numbers of the group and the session of a process, as its own process namespace counts; 0 for those that are led from
/// outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
}

/// The place of this process.
///
/// # Errors
/// When `/proc/self/stat` cannot be read, or is not of the form that it has.
pub fn own() -> io::Result<Place> {
    let stat = std::fs::read("/proc/self/stat")?;
    parse(&stat)
        .ok_or_else(|| io::Error::other("/proc/self/stat does not name a process group and a session"))
}

/// Reads a `/proc/PID/stat` line. The second field may hold anything, parentheses too.
fn parse(stat: &[u8]) -> Option<Place> {
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let mut rest = str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace().skip(2);
    Some(Place { group: rest.next()?.parse().ok()?, session: rest.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::{Place, own, parse};

    #[test]
    fn lines() {
        let table: &[(&[u8], Option<Place>)] = &[
            (b"12 (sh) S 7 9 11 0", Some(Place { group: 9, session: 11 })),
            (b"12 (a) S 9 (b)) S 7 0 0 5", Some(Place { group: 0, session: 0 })),
            (b"12 (\xff)) R 1 2 3", Some(Place { group: 2, session: 3 })),
            (b"12 (sh) S 7 9", None),
            (b"12 (sh) S 7 9 x", None),
            (b"12 sh S 7 9 11", None),
            (b"12 (sh)", None),
            (b"", None),
        ];
        for (line, expected) in table {
            assert_eq!(parse(line), *expected, "{:?}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn this_process() {
        let place = own().unwrap();
        assert_eq!(place.group, rustix::process::getpgrp().as_raw_nonzero().get().cast_unsigned());
    }
}
