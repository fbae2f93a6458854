//! Virtual machines with the help of the processor: `/dev/kvm`.
#![expect(unsafe_code, reason = "a request to a device that no safe crate offers")]

use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::AsRawFd;

/// The device.
pub const DEVICE: &str = "/dev/kvm";

/// The version of the interface that has been there since Linux 2.6.22, and will stay.
pub const API_VERSION: i32 = 12;

/// `KVM_GET_API_VERSION` of `linux/kvm.h`.
const GET_API_VERSION: u16 = 0xae00;

/// The version of the interface that the device speaks.
///
/// # Errors
/// When the device is not there, may not be opened, or is something else.
pub fn api_version() -> io::Result<i32> {
    let device = rustix::fs::open(DEVICE, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    // SAFETY: the request has no argument and changes nothing.
    let version = unsafe { libc::ioctl(device.as_raw_fd(), GET_API_VERSION.into(), 0) };
    if version < 0 { Err(io::Error::last_os_error()) } else { Ok(version) }
}
