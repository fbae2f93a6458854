//! The system bus: whether there is one that answers, and whether systemd-machined is on it.
//!
//! This speaks the little of D-Bus that the question needs (one call without arguments), over Unix
//! sockets only and with a time limit on the whole; the crates that speak all of it bring an executor
//! or a C library.

mod address;
mod connection;
mod introspection;
mod message;

pub use address::{Address, parse_addresses};
pub use connection::Error;
pub use introspection::has_methods;
pub use message::{Malformed, Message, MessageType, decode};

use connection::Connection;
use message::Call;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// How long the bus and machined have to answer.
pub const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Where the bus is when `DBUS_SYSTEM_BUS_ADDRESS` does not say.
const DEFAULT_ADDRESS: &str = "unix:path=/run/dbus/system_bus_socket";

const HELLO: Call<'_> = Call {
    destination: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    member: "Hello",
};

/// Starts machined where the bus can: whoever registers a machine would start it too.
const INTROSPECT: Call<'_> = Call {
    destination: "org.freedesktop.machine1",
    path: "/org/freedesktop/machine1",
    interface: "org.freedesktop.DBus.Introspectable",
    member: "Introspect",
};

const INTERFACE: &str = "org.freedesktop.machine1.Manager";

/// What systemd-nspawn calls to register a machine that has a network.
const METHODS: &[&str] = &["CreateMachineWithNetwork", "RegisterMachineWithNetwork"];

/// Whether machines can be registered.
#[derive(Debug)]
pub enum Machined {
    /// There is no system bus that answers, for this reason.
    NoBus(Error),
    /// There is a bus, and no machined on it that registers machines.
    Absent,
    /// There is both.
    Present,
}

/// Asks the system bus of this machine for machined.
pub fn machined() -> Machined {
    let address = std::env::var_os("DBUS_SYSTEM_BUS_ADDRESS").filter(|address| !address.is_empty());
    machined_on(address.as_deref().map_or(DEFAULT_ADDRESS.as_bytes(), OsStrExt::as_bytes))
}

/// Asks the bus with this address, which is written as the specification of D-Bus has it.
pub fn machined_on(address: &[u8]) -> Machined {
    let deadline = Instant::now() + TIME_LIMIT;
    match ask(address, deadline) {
        Ok(reply) if reply.kind == MessageType::MethodReturn => {
            let known = reply.text.is_some_and(|xml| has_methods(&xml, INTERFACE, METHODS));
            if known { Machined::Present } else { Machined::Absent }
        }
        Ok(_) => Machined::Absent,
        Err(error) => Machined::NoBus(error),
    }
}

/// What machined, or the bus in its place, answers.
fn ask(address: &[u8], deadline: Instant) -> Result<Message, Error> {
    let mut connection = Connection::open(&parse_addresses(address), deadline)?;
    let welcome = connection.call(&HELLO)?;
    if welcome.kind != MessageType::MethodReturn {
        let name = welcome.error_name.unwrap_or_default();
        return Err(Error::NotWelcome(name.escape_default().to_string()));
    }
    connection.call(&INTROSPECT)
}
