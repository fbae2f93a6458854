//! Signals as the programs of a shell have them.
#![expect(unsafe_code, reason = "the handling of a signal is global state of the process")]

/// Ends the process, without a word, when it writes to a pipe that nobody reads any more: `rkt list | head -1`. The
/// start-up code of Rust programs has it ignore the signal.
pub fn end_on_broken_pipe() {
    // SAFETY: giving a signal its default handling touches no memory of ours.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}
