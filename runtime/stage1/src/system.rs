//! What the standard library does not offer around processes: `exec`, `fork`, namespaces.
#![expect(unsafe_code, reason = "signals, descriptors by number, fork and exec are raw by nature")]

use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Pid, WaitOptions};
use rustix::thread::UnshareFlags;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

/// Borrows a descriptor that the caller of this program left open, for as long as it runs.
///
/// # Errors
/// When there is no such open descriptor.
pub(crate) fn inherited_fd(number: RawFd) -> io::Result<BorrowedFd<'static>> {
    if number < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: asking for flags does nothing to a descriptor, open or not.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, it was before this program started, and nothing in this program closes it.
    Ok(unsafe { BorrowedFd::borrow_raw(number) })
}

/// Becomes another program. Returns only when that failed.
///
/// The signal mask and the handling of signals are passed on as this program got them, except that
/// `SIGPIPE` has its default again, which the start-up code of Rust programs takes away.
pub(crate) fn exec<'a>(
    program: &OsStr,
    arguments: impl IntoIterator<Item = &'a OsStr>,
    environment: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> io::Error {
    let prepare = || -> Result<_, std::ffi::NulError> {
        let program = CString::new(program.as_bytes())?;
        let arguments =
            arguments.into_iter().map(|text| CString::new(text.as_bytes())).collect::<Result<Vec<_>, _>>()?;
        let environment = environment
            .into_iter()
            .map(|text| CString::new(text.as_ref().as_bytes()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((program, arguments, environment))
    };
    let (program, arguments, environment) = match prepare() {
        Ok(strings) => strings,
        Err(error) => return error.into(),
    };
    let pointers = |strings: &[CString]| {
        strings.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect::<Vec<_>>()
    };
    let (argv, envp) = (pointers(&arguments), pointers(&environment));
    // SAFETY: both lists end with a null pointer, and their strings live until the call returns, which
    // it does only if it failed. Giving a signal its default handling touches no memory of ours.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::execve(program.as_ptr(), argv.as_ptr(), envp.as_ptr());
        let error = io::Error::last_os_error();
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        error
    }
}

/// Gives this process a mount namespace of its own.
pub(crate) fn unshare_mounts() -> io::Result<()> {
    // SAFETY: the other flags of this call are what can make file descriptors of threads differ.
    Ok(unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }?)
}

/// `IFF_UP` and `IFF_RUNNING` of `linux/if.h`, in the type that requests have.
const UP: libc::c_short = 0x1 | 0x40;

/// Gives this process a network namespace of its own, in which only a loopback interface is, and sets that up.
pub(crate) fn unshare_network() -> io::Result<()> {
    // SAFETY: as above.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    // SAFETY: all-zero bytes are a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *place = libc::c_char::from_ne_bytes([*byte]);
    }
    request.ifr_ifru.ifru_flags = UP;
    // SAFETY: the request is of the type that this call takes, and lives until it returns.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Starts a process that is no child of this one, does `work` in it and ends it. When this returns, that process does not
/// have the descriptor `without` any more. To be called without other threads.
pub(crate) fn detached(without: BorrowedFd<'_>, work: impl FnOnce()) -> io::Result<()> {
    // SAFETY: there are no other threads, so the copy is as good as the original.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: as above, and neither copy uses the descriptor. `_exit` leaves what the original wants to do at its end
            // to the original.
            unsafe {
                libc::close(without.as_raw_fd());
                if libc::fork() == 0 {
                    libc::setsid();
                    work();
                }
                libc::_exit(0)
            }
        }
        child => {
            if let Some(child) = Pid::from_raw(child) {
                rustix::process::waitpid(Some(child), WaitOptions::empty())?;
            }
            Ok(())
        }
    }
}

/// Splits this process; `None` in the child. To be called without other threads.
pub(crate) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: there are no other threads, so the copy is as good as the original.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        child => Ok(Pid::from_raw(child)),
    }
}

/// Ends this process by a signal. Returns when the signal does not end processes.
pub(crate) fn end_by_signal(number: i32) {
    // SAFETY: giving a signal its default handling and raising it touches no memory of ours.
    unsafe {
        libc::signal(number, libc::SIG_DFL);
        libc::raise(number);
    }
}
