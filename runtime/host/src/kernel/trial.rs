//! Calls that tell by their error whether the kernel could do what they ask for.
#![expect(unsafe_code, reason = "prctl with arguments that no safe crate lets through")]

use std::io;
use std::ptr;

/// Whether the kernel has seccomp at all.
pub(super) fn seccomp() -> bool {
    rustix::thread::secure_computing_mode().is_ok()
}

/// Whether it has filters: then it looks for the one that is not there, which is "bad address"; else it
/// does not know the mode.
pub(super) fn seccomp_filter() -> bool {
    // SAFETY: the kernel reads the filter from the pointer, finds nothing, and changes nothing.
    let result = unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, ptr::null::<libc::sock_fprog>(), 0, 0)
    };
    result != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}
