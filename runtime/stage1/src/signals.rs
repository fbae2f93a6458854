//! Signals as a descriptor that is waited for like any other.
#![expect(unsafe_code, reason = "signal masks and signalfd(2) have no safe binding in what we depend on")]

use crate::system;
use rustix::event::{PollFd, PollFlags};
use rustix::process::Signal;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::ptr;

/// Signals that arrive here and nowhere else while this value lives.
#[derive(Debug)]
pub(crate) struct Signals {
    fd: OwnedFd,
    before: libc::sigset_t,
}

/// One signal that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// Which.
    pub(crate) signal: Signal,
    /// A process sent it to this one. Otherwise the kernel did: a terminal, for one, to all processes of
    /// its foreground.
    pub(crate) sent: bool,
}

impl Signals {
    /// Catches these signals, except those that the caller of this program had it ignore.
    ///
    /// Children inherit that; see [`Signals::not_for`].
    pub(crate) fn catch(signals: &[Signal]) -> io::Result<Signals> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `set` is initialized by sigemptyset before it is used, and `before` by
        // pthread_sigmask; all pointers are to live locals. An all-zero `sigaction` is a valid one.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in signals {
                let mut action = MaybeUninit::<libc::sigaction>::zeroed();
                let number = signal.as_raw();
                let known = libc::sigaction(number, ptr::null(), action.as_mut_ptr()) == 0;
                if known && action.assume_init().sa_sigaction == libc::SIG_IGN {
                    continue;
                }
                libc::sigaddset(set.as_mut_ptr(), number);
            }
            let fd = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            let fd = OwnedFd::from_raw_fd(fd);
            let errno = libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr());
            if errno != 0 {
                return Err(io::Error::from_raw_os_error(errno));
            }
            Ok(Signals { fd, before: before.assume_init() })
        }
    }

    /// Has a child get its signals as if they were not caught here, and a request to end when this process has
    /// ended, however it did.
    pub(crate) fn not_for(&self, command: &mut Command) {
        let mask = self.before;
        let prepare = move || {
            // SAFETY: the mask is the one that this thread had.
            unsafe {
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, ptr::null_mut());
            }
            Ok(rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?)
        };
        // SAFETY: between fork and exec this makes two system calls, and touches no memory but its own.
        unsafe {
            command.pre_exec(prepare);
        }
    }

    /// Waits for the next signal. `None` when waiting was disturbed.
    pub(crate) fn wait(&self) -> Option<Arrived> {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        let _ = rustix::event::poll(&mut fds, None);
        self.next()
    }

    /// The next signal that has arrived, if one has.
    pub(crate) fn next(&self) -> Option<Arrived> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the buffer is as large as said, and any bytes make a valid structure of integers.
        let info = unsafe {
            let read = libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size);
            if usize::try_from(read) != Ok(size) {
                return None;
            }
            info.assume_init()
        };
        let number = i32::try_from(info.ssi_signo).ok()?;
        Some(Arrived { signal: Signal::from_named_raw(number)?, sent: info.ssi_code <= 0 })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: the mask is the one that this thread had.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut());
        }
    }
}

/// Ends this process by a signal, as if it had not been caught. The exit code is for the case that it does not.
pub(crate) fn end_by(signal: Signal, caught: Signals) -> ExitCode {
    drop(caught);
    system::end_by_signal(signal.as_raw());
    ExitCode::from(u8::try_from(128 + signal.as_raw()).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Arrived, Signals};
    use rustix::process::Signal;

    #[test]
    fn caught_signals_are_read_and_do_not_end_us() {
        // Of a signal that no other test uses, sent to this thread's own mask only.
        let signals = Signals::catch(&[Signal::USR2]).expect("catch");
        assert_eq!(signals.next(), None);
        let thread = rustix::thread::gettid();
        // SAFETY: tgkill sends a signal that is blocked in the thread that it is sent to.
        unsafe {
            libc::syscall(
                libc::SYS_tgkill,
                rustix::process::getpid().as_raw_nonzero().get(),
                thread.as_raw_nonzero().get(),
                libc::SIGUSR2,
            );
        }
        assert_eq!(signals.next(), Some(Arrived { signal: Signal::USR2, sent: true }));
        assert_eq!(signals.next(), None);
    }
}
