//! One `rkt-build` at a time in a build directory.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

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
        let mut waiting = Some(waiting);
        loop {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    if let Some(waiting) = waiting.take() {
                        waiting();
                    }
                    retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
                }
                Err(error) => return Err(error.into()),
            }
            // `clean` takes the file away: then this is the lock of a file that nobody else finds.
            if file.metadata()?.nlink() > 0 {
                return Ok(Self(file));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_while_the_file_was_removed_locks_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), || {}).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let path = dir.path().to_owned();
        let other = std::thread::spawn(move || Lock::take(&path, || sender.send(()).unwrap()).unwrap());
        receiver.recv().unwrap();
        fs::remove_file(dir.path().join(FILE_NAME)).unwrap();
        drop(first);
        let _second = other.join().unwrap();
        let file = File::open(dir.path().join(FILE_NAME)).unwrap();
        assert_eq!(flock(&file, FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK));
    }
}
