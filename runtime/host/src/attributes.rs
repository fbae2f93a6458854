//! `mount_setattr(2)`, which rustix does not have: changing a mount through an open file, with all
//! that is mounted on it, in one step.
#![expect(unsafe_code, reason = "a raw system call that no safe crate offers")]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// `struct mount_attr` of the kernel, first version.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const RECURSIVE: libc::c_int = 0x8000;
const READ_ONLY: u64 = 1;

/// Makes the mount read-only, with all that is mounted on it if `recursive`. Linux 5.12.
///
/// # Errors
/// What the kernel says.
pub(crate) fn set_read_only(mount: BorrowedFd<'_>, recursive: bool) -> io::Result<()> {
    set(mount, recursive, &MountAttr { set: READ_ONLY, clear: 0, propagation: 0, user_namespace: 0 })
}

/// Cuts the mount off from its peers. Linux 5.12.
///
/// # Errors
/// What the kernel says.
pub(crate) fn set_private(mount: BorrowedFd<'_>) -> io::Result<()> {
    set(mount, false, &MountAttr { set: 0, clear: 0, propagation: libc::MS_PRIVATE, user_namespace: 0 })
}

/// Whether the kernel knows how. It is asked to do nothing with a structure of no size, which it refuses.
///
/// # Errors
/// Why it cannot be used.
#[cfg(feature = "facts")]
pub(crate) fn available() -> io::Result<()> {
    // SAFETY: the path is a constant C string; the kernel reads nothing of a structure of this size.
    let result = unsafe {
        libc::syscall(libc::SYS_mount_setattr, -1, c"".as_ptr(), 0, ptr::null::<MountAttr>(), 0_usize)
    };
    let error = io::Error::last_os_error();
    if result == 0 || error.raw_os_error() == Some(libc::EINVAL) { Ok(()) } else { Err(error) }
}

fn set(mount: BorrowedFd<'_>, recursive: bool, attributes: &MountAttr) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { RECURSIVE } else { 0 };
    // SAFETY: the path is a constant C string, the structure outlives the call, and its size is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            ptr::from_ref(attributes),
            size_of::<MountAttr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
