//! One `rkt-build` at a time in a build directory.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// The name of the lock's file in the build directory.
pub const FILE_NAME: &str = ".lock";

/// The lock; it is given back when this goes away, also when the process is killed.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

impl Lock {
    /// Takes the lock of a build directory; calls `waiting` once if another process has it.
    pub fn take(builddir: &Path, waiting: impl FnOnce()) -> io::Result<Self> {
        fs::create_dir_all(builddir)?;
        let path = builddir.join(FILE_NAME);
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Self(file)),
            Err(Errno::WOULDBLOCK) => waiting(),
            Err(error) => return Err(error.into()),
        }
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self(file)),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
