//! Whose input an app reads next, when several clients type at once.

use super::client::{Client, INPUT};
use std::time::{Duration, Instant};

/// How long a client may pause within a line before the others' lines get between.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// What of the clients' input must stay together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Lines: a client that is in the middle of one goes on before the others. What is longer than the buffer
    /// of a client counts as several.
    Line,
    /// Nothing: keys of a terminal arrive as they are pressed.
    Key,
}

/// The order of turns.
#[derive(Debug)]
pub(super) struct Turns {
    unit: Unit,
    /// Who is in the middle of a line, and when it last went on.
    owner: Option<(u64, Instant)>,
    /// How much of that line has been passed on.
    length: usize,
    /// Who had the last turn.
    last: u64,
}

impl Turns {
    pub(super) fn new(unit: Unit) -> Turns {
        Turns { unit, owner: None, length: 0, last: 0 }
    }

    /// What stays together.
    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    /// Index of the client whose turn it is, and how many bytes of its input it may pass on.
    pub(super) fn next(&self, clients: &[Client], now: Instant) -> Option<(usize, usize)> {
        if let Some((id, since)) = self.owner
            && let Some(index) = clients.iter().position(|client| client.id == id)
        {
            let owner = &clients[index];
            if !owner.input.is_empty() {
                return Some((index, self.amount(owner)));
            }
            if owner.speaks && now.duration_since(since) < PAUSE {
                return None;
            }
        }
        let waiting = || clients.iter().enumerate().filter(|(_, client)| !client.input.is_empty());
        // Clients are in the order of their numbers.
        let (index, client) =
            waiting().find(|(_, client)| client.id > self.last).or_else(|| waiting().next())?;
        Some((index, self.amount(client)))
    }

    /// All whole lines that a client has sent, or the part of a line that it has.
    fn amount(&self, client: &Client) -> usize {
        let all = client.input.len();
        match self.unit {
            Unit::Line => client.input.iter().rposition(|&byte| byte == b'\n').map_or(all, |at| at + 1),
            Unit::Key => all,
        }
    }

    /// Notes that bytes of a client have been passed on: how many, and which was the last.
    pub(super) fn passed(&mut self, id: u64, count: usize, last_byte: u8, now: Instant) {
        let goes_on = self.owner.is_some_and(|(owner, _)| owner == id);
        self.length = count + if goes_on { self.length } else { 0 };
        self.last = id;
        let within = self.unit == Unit::Line && last_byte != b'\n' && self.length < INPUT;
        self.owner = within.then_some((id, now));
    }

    /// When the pause of the one in the middle of a line ends, if others wait for that.
    pub(super) fn deadline(&self, clients: &[Client]) -> Option<Instant> {
        let (id, since) = self.owner?;
        let waiting = clients.iter().any(|client| client.id != id && !client.input.is_empty());
        waiting.then_some(since + PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::{PAUSE, Turns, Unit};
    use crate::iomux::client::{Client, INPUT};
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    fn clients(inputs: &[&str]) -> Vec<Client> {
        let client = |(id, input): (u64, &&str)| {
            let mut client = Client::new(id, UnixStream::pair().expect("sockets").0.into(), 0);
            client.input.extend(input.as_bytes());
            client
        };
        (1..).zip(inputs).map(client).collect()
    }

    /// Passes on everything that may be, and gives it.
    fn pass(turns: &mut Turns, clients: &mut [Client], now: Instant) -> String {
        let mut passed = Vec::new();
        while let Some((index, count)) = turns.next(clients, now) {
            passed.extend(clients[index].input.drain(..count));
            turns.passed(clients[index].id, count, passed[passed.len() - 1], now);
        }
        String::from_utf8(passed).expect("text")
    }

    #[test]
    fn lines_of_several_clients_stay_whole() {
        let now = Instant::now();
        let mut turns = Turns::new(Unit::Line);
        let mut clients = clients(&["a1\na2\na3", "b1\nb", "c1\n"]);
        assert_eq!(turns.deadline(&clients), None);
        // The second and third get their turn before the first is in the middle of a line.
        assert_eq!(pass(&mut turns, &mut clients, now), "a1\na2\nb1\nc1\na3");
        assert_eq!(turns.next(&clients, now), None);
        assert_eq!(turns.deadline(&clients), Some(now + PAUSE));
        clients[0].input.extend(b"+\n");
        assert_eq!(pass(&mut turns, &mut clients, now), "+\nb");
    }

    #[test]
    fn a_pause_within_a_line_stops_the_others_for_a_while_only() {
        let now = Instant::now();
        let mut turns = Turns::new(Unit::Line);
        let mut clients = clients(&["a", ""]);
        assert_eq!(pass(&mut turns, &mut clients, now), "a");
        clients[1].input.extend(b"b\n");
        assert_eq!(pass(&mut turns, &mut clients, now + PAUSE / 2), "");
        assert_eq!(pass(&mut turns, &mut clients, now + PAUSE), "b\n");
    }

    #[test]
    fn bytes_without_lines_do_not_starve_the_others() {
        let now = Instant::now();
        let mut turns = Turns::new(Unit::Line);
        let mut clients = clients(&["", ""]);
        let part = vec![0; INPUT / 4];
        for _ in 0..3 {
            clients[0].input.extend(&part);
            pass(&mut turns, &mut clients, now);
        }
        clients[1].input.extend(b"b\n");
        assert_eq!(pass(&mut turns, &mut clients, now), "");
        clients[0].input.extend(&part);
        assert_eq!(pass(&mut turns, &mut clients, now).len(), part.len() + 2);
    }

    #[test]
    fn who_has_ended_stops_nobody() {
        let now = Instant::now();
        let mut turns = Turns::new(Unit::Line);
        let mut clients = clients(&["a", "b\n"]);
        clients[0].speaks = false;
        assert_eq!(pass(&mut turns, &mut clients, now), "ab\n");
        clients[0].input.extend(b"a");
        clients[1].input.extend(b"b\n");
        assert_eq!(pass(&mut turns, &mut clients, now), "ab\n");
        clients[0].input.extend(b"a");
        assert_eq!(pass(&mut turns, &mut clients, now), "a");
        clients.remove(0);
        clients[0].input.extend(b"b\n");
        assert_eq!(pass(&mut turns, &mut clients, now), "b\n");
    }

    #[test]
    fn keys_wait_for_nobody() {
        let now = Instant::now();
        let mut turns = Turns::new(Unit::Key);
        let mut clients = clients(&["a", "b\nb", "c"]);
        assert_eq!(pass(&mut turns, &mut clients, now), "ab\nbc");
        clients[2].input.extend(b"c");
        clients[0].input.extend(b"a");
        assert_eq!(pass(&mut turns, &mut clients, now), "ac");
        assert_eq!(turns.deadline(&clients), None);
    }
}
