//! The running kernel: its version, the options it was built with, and calls that it may not have.

mod config;
mod options;
mod trial;

pub use config::{Config, State};
pub use options::{OPTIONS, OptionFact, Source, options};

use crate::attributes;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::process::PidfdFlags;
use std::io;

/// The release, as `uname -r` says it.
pub fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// The version, as `uname -v` says it: number and date of the build.
pub fn version() -> String {
    rustix::system::uname().version().to_string_lossy().into_owned()
}

/// A call that older kernels do not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// The release of Linux that brought it.
    pub since: &'static str,
    /// Why it cannot be used; the kernel does not have it, or a filter forbids it.
    pub obstacle: Option<String>,
}

/// Tries calls that rkt uses in a way that changes nothing.
pub fn calls() -> Vec<Call> {
    let openat2 = || {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        rustix::fs::openat2(CWD, c"/", flags, Mode::empty(), ResolveFlags::empty()).map(drop)
    };
    let pidfd_open = || rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).map(drop);
    let call = |name, since, result: io::Result<()>| Call {
        name,
        since,
        obstacle: result.err().map(|error| error.to_string()),
    };
    vec![
        call("mount_setattr", "5.12", attributes::available()),
        call("openat2", "5.6", openat2().map_err(io::Error::from)),
        call("pidfd_open", "5.3", pidfd_open().map_err(io::Error::from)),
    ]
}

#[cfg(test)]
mod tests {
    use super::{calls, release, version};

    #[test]
    fn release_and_version_are_the_kernels() {
        let read = |name| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap();
        assert_eq!(release(), read("osrelease").trim_end());
        assert_eq!(version(), read("version").trim_end());
    }

    #[test]
    fn calls_are_there_from_their_release_on() {
        let number = |text: &str| {
            let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap());
            let number: (u32, u32) = (parts.next().unwrap(), parts.next().unwrap());
            number
        };
        for call in calls() {
            let expected = number(&release()) >= number(call.since);
            assert_eq!(call.obstacle.is_none(), expected, "{call:?}");
        }
    }
}
