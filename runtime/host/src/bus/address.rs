//! Addresses of message buses.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// A Unix socket that a bus may listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A file.
    Path(PathBuf),
    /// A name without a file.
    Abstract(Vec<u8>),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Path(path) => path.display().fmt(f),
            Address::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
        }
    }
}

/// The Unix sockets in a list of addresses (`unix:path=/a,guid=…;unix:abstract=b`), in its order. Other
/// transports, and what is not well-formed, are passed over.
pub fn parse_addresses(text: &[u8]) -> Vec<Address> {
    text.split(|&byte| byte == b';').filter_map(address).collect()
}

fn address(text: &[u8]) -> Option<Address> {
    for pair in text.strip_prefix(b"unix:")?.split(|&byte| byte == b',') {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (key, value) = (&pair[..equals], unescape(&pair[equals + 1..])?);
        match key {
            _ if value.is_empty() => return None,
            b"path" => return Some(Address::Path(PathBuf::from(OsString::from_vec(value)))),
            b"abstract" => return Some(Address::Abstract(value)),
            _ => {}
        }
    }
    None
}

/// Undoes `%2f`.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        plain.push(if byte == b'%' { digit(*rest.next()?)? * 16 + digit(*rest.next()?)? } else { byte });
    }
    Some(plain)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, parse_addresses};

    #[test]
    fn unix_sockets_in_their_order() {
        let path = |path: &str| Address::Path(path.into());
        let table: &[(&[u8], &[Address])] = &[
            (b"unix:path=/run/dbus/system_bus_socket", &[path("/run/dbus/system_bus_socket")]),
            (b"unix:path=/a%2fb%20c,guid=0123", &[path("/a/b c")]),
            (b"unix:guid=0123,path=/a", &[path("/a")]),
            (
                b"tcp:host=localhost,port=1;unix:abstract=x%ff;;unix:path=/b",
                &[Address::Abstract(b"x\xff".to_vec()), path("/b")],
            ),
            (b"unix:path=", &[]),
            (b"unix:path=/a%2", &[]),
            (b"unix:path=/a%zz", &[]),
            (b"unix:path", &[]),
            (b"unix:tmpdir=/tmp", &[]),
            (b"/run/dbus/system_bus_socket", &[]),
            (b"", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(parse_addresses(text), *expected, "{}", text.escape_ascii());
        }
        assert_eq!(Address::Abstract(b"x\xff".to_vec()).to_string(), "@x\\xff");
    }
}
