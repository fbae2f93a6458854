//! Sockets by path, also by paths that are longer than an address of a socket may be.

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Connections that wait to be accepted.
const WAITING: i32 = 16;

/// Longest path that is an address: the kernel's field has one byte more, for the end.
const LONGEST: usize = 107;

/// A socket that clients connect to. It is gone from the file system when dropped.
#[derive(Debug)]
pub(super) struct Listener {
    socket: OwnedFd,
    path: PathBuf,
}

impl Listener {
    /// Listens at a path, in the place of what an earlier process left there.
    pub(super) fn bind(path: &Path) -> io::Result<Listener> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = stream(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
        with_address(path, |address| rustix::net::bind(&socket, address))?;
        let listener = Listener { socket, path: path.to_path_buf() };
        rustix::net::listen(&listener.socket, WAITING)?;
        Ok(listener)
    }

    /// Takes a connection; `AGAIN` when there is none.
    pub(super) fn accept(&self) -> Result<OwnedFd, Errno> {
        rustix::net::accept_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Connects to a path; when the other side is busy, waits no longer than this.
pub(super) fn connect(path: &Path, wait: Duration) -> io::Result<OwnedFd> {
    let socket = stream(SocketFlags::CLOEXEC)?;
    sockopt::set_socket_timeout(&socket, Timeout::Send, Some(wait))?;
    with_address(path, |address| {
        rustix::net::connect(&socket, address).map_err(|errno| match errno {
            Errno::AGAIN => Errno::TIMEDOUT,
            other => other,
        })
    })?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

fn stream(flags: SocketFlags) -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// Calls with the address of a path; a long path is reached through an open descriptor of its directory.
fn with_address<T>(path: &Path, call: impl FnOnce(&SocketAddrUnix) -> Result<T, Errno>) -> io::Result<T> {
    if path.as_os_str().len() <= LONGEST {
        return Ok(call(&SocketAddrUnix::new(path)?)?);
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::INVAL.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = rustix::fs::openat(CWD, parent, flags, Mode::empty())?;
    let short = Path::new("/proc/self/fd").join(parent.as_raw_fd().to_string()).join(name);
    Ok(call(&SocketAddrUnix::new(short)?)?)
}
