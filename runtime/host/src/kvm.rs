//! Virtual machines with the help of the processor: `/dev/kvm`.
#![expect(unsafe_code, reason = "a request to a device that no safe crate offers")]

use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;

/// The device.
pub const DEVICE: &str = "/dev/kvm";

/// The version of the interface that has been there since Linux 2.6.22, and will stay.
pub const API_VERSION: i32 = 12;

/// `KVM_GET_API_VERSION` of `linux/kvm.h`.
const GET_API_VERSION: u16 = 0xae00;

/// The most that is read of `/proc/cpuinfo`, in bytes; the first processor is enough.
const LIMIT: u64 = 64 << 10;

/// Whether the processor says that it helps virtual machines: it has `vmx` (Intel) or `svm` (AMD) among its
/// flags in the text of `/proc/cpuinfo`. `None` where there are no such flags, on other architectures.
pub fn processor_helps(cpuinfo: &[u8]) -> Option<bool> {
    let flags = cpuinfo.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"flags\t"))?;
    Some(flags.split(|&byte| byte == b' ').any(|flag| flag == b"vmx" || flag == b"svm"))
}

/// The same of this machine.
///
/// # Errors
/// When `/proc/cpuinfo` cannot be read.
pub fn this_processor_helps() -> io::Result<Option<bool>> {
    let mut text = Vec::new();
    File::open("/proc/cpuinfo")?.take(LIMIT).read_to_end(&mut text)?;
    Ok(processor_helps(&text))
}

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

#[cfg(test)]
mod tests {
    use super::{API_VERSION, DEVICE, api_version, processor_helps};

    #[test]
    fn flags_of_processors() {
        let table: &[(&[u8], Option<bool>)] = &[
            (b"processor\t: 0\nflags\t\t: fpu vmx lm\n\nprocessor\t: 1\n", Some(true)),
            (b"flags\t\t: fpu svm\n", Some(true)),
            (b"flags\t\t: fpu svm_lock\nvmx flags\t: vnmi\n", Some(false)),
            (b"processor\t: 0\nFeatures\t: fp asimd\n", None),
            (b"", None),
        ];
        for (text, expected) in table {
            assert_eq!(processor_helps(text), *expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn the_device_answers_where_it_can_be_opened() {
        let opened = std::fs::OpenOptions::new().read(true).write(true).open(DEVICE);
        assert_eq!(api_version().ok(), opened.ok().map(|_| API_VERSION));
    }
}
