//! The file mode mask: off while stage0 makes the files of a pod, whose modes are part of a contract, and back as the
//! caller had it for whatever stage0 starts.

use rustix::fs::Mode;
use rustix::process::umask;

/// No mask as long as this lives.
#[derive(Debug)]
pub struct NoMask {
    before: Mode,
}

impl NoMask {
    /// Takes the mask off.
    pub fn set() -> Self {
        Self { before: umask(Mode::empty()) }
    }
}

impl Drop for NoMask {
    fn drop(&mut self) {
        umask(self.before);
    }
}
