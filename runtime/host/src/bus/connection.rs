//! A connection to a message bus, with one time limit for all that is done on it.

use super::address::Address;
use super::message::{Call, Malformed, Message, decode};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The longest line of the handshake, in bytes.
const LONGEST_LINE: usize = 16 << 10;

/// How many messages that are not for us may come before one that is.
const MOST_OTHERS: usize = 1000;

/// Why a bus was not, or not fully, talked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address names no Unix socket.
    #[error("the address of the system bus names no Unix socket")]
    NoAddress,
    /// Nobody listens.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where it was tried last.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// The conversation broke off.
    #[error("lost the connection to the system bus: {0}")]
    Lost(#[source] io::Error),
    /// The time was up.
    #[error("the system bus did not answer in time")]
    Slow,
    /// The bus does not let us in.
    #[error("the system bus does not accept this user: {0}")]
    Rejected(String),
    /// The bus let us in and then refused to talk.
    #[error("the system bus refuses the connection: {0}")]
    NotWelcome(String),
    /// What was said is not D-Bus.
    #[error("the system bus sends what is not D-Bus: {0}")]
    Malformed(#[from] Malformed),
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    deadline: Instant,
    serial: u32,
    /// What was received and is not used up.
    received: Vec<u8>,
}

impl Connection {
    /// Connects to the first address that somebody listens on, and says who we are.
    pub(super) fn open(addresses: &[Address], deadline: Instant) -> Result<Connection, Error> {
        let mut last = Error::NoAddress;
        for address in addresses {
            match connect(address, deadline) {
                Ok(socket) => {
                    let stream = UnixStream::from(socket);
                    let mut connection = Connection { stream, deadline, serial: 0, received: Vec::new() };
                    connection.authenticate()?;
                    return Ok(connection);
                }
                Err(errno) => last = Error::Connect { address: address.clone(), source: errno.into() },
            }
        }
        Err(last)
    }

    fn authenticate(&mut self) -> Result<(), Error> {
        // The number of the user in decimal, each digit in hexadecimal; the bus asks the kernel who we are.
        let user = rustix::process::geteuid().as_raw().to_string();
        let user: String = user.chars().flat_map(|digit| ['3', digit]).collect();
        self.send(format!("\0AUTH EXTERNAL {user}\r\n").as_bytes())?;
        let line = self.line()?;
        if !line.starts_with("OK ") {
            return Err(Error::Rejected(line));
        }
        self.send(b"BEGIN\r\n")
    }

    /// Calls, and waits for the answer, which may be an error.
    pub(super) fn call(&mut self, call: &Call<'_>) -> Result<Message, Error> {
        self.serial += 1;
        self.send(&call.encode(self.serial))?;
        for _ in 0..MOST_OTHERS {
            let message = self.message()?;
            if message.reply_serial == Some(self.serial) {
                return Ok(message);
            }
        }
        Err(Error::Slow)
    }

    fn line(&mut self) -> Result<String, Error> {
        loop {
            if let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.received[..end].escape_ascii().to_string();
                self.received.drain(..end + 2);
                return Ok(line);
            }
            if self.received.len() > LONGEST_LINE {
                return Err(Malformed("a line without an end").into());
            }
            self.receive()?;
        }
    }

    fn message(&mut self) -> Result<Message, Error> {
        loop {
            if let Some((message, length)) = decode(&self.received)? {
                self.received.drain(..length);
                return Ok(message);
            }
            self.receive()?;
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.set_write_timeout(Some(self.remaining()?)).map_err(Error::Lost)?;
        self.stream.write_all(bytes).map_err(lost)
    }

    fn receive(&mut self) -> Result<(), Error> {
        self.stream.set_read_timeout(Some(self.remaining()?)).map_err(Error::Lost)?;
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Error::Lost(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                self.received.extend(&chunk[..count]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(lost(error)),
        }
    }

    fn remaining(&self) -> Result<Duration, Error> {
        remaining(self.deadline).ok_or(Error::Slow)
    }
}

fn lost(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::WouldBlock { Error::Slow } else { Error::Lost(error) }
}

/// The time that is left; never zero, which the kernel takes for endless.
fn remaining(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (left >= Duration::from_millis(1)).then_some(left)
}

fn connect(address: &Address, deadline: Instant) -> Result<OwnedFd, Errno> {
    let address = match address {
        Address::Path(path) => SocketAddrUnix::new(path)?,
        Address::Abstract(name) => SocketAddrUnix::new_abstract_name(name)?,
    };
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // It bounds connecting too: where the queue of a bus is full, one waits.
    let left = remaining(deadline).ok_or(Errno::TIMEDOUT)?;
    set_socket_timeout(&socket, Timeout::Send, Some(left))?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket)
}
