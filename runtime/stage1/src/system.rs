//! What the standard library does not offer around `exec`.
#![expect(unsafe_code, reason = "signals, descriptors by number and exec are raw by nature")]

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
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
