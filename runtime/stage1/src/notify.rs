//! Telling the supervisor of services that this one is ready: `sd_notify(3)`.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Environment variable with the socket of the supervisor.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Says that this service is ready; `false` when nobody asked to be told.
///
/// # Errors
/// When the supervisor cannot be reached.
pub(crate) fn ready() -> io::Result<bool> {
    let Some(address) = env::var_os(SOCKET).filter(|address| !address.is_empty()) else { return Ok(false) };
    let address = match address.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&address)?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)?;
    Ok(true)
}
