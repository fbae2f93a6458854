//! Key locks, with the store's errors.

use std::path::Path;

use ::pod::lock::{self, Kind};

use super::error::StoreError;

pub(super) use ::pod::lock::Kind as Sharing;

/// A held lock on a key; dropping it lets go.
#[derive(Debug)]
pub(super) struct KeyLock(lock::KeyLock);

impl KeyLock {
    /// Waits for the lock.
    pub(super) fn wait(dir: &Path, key: &str, sharing: Sharing) -> Result<KeyLock, StoreError> {
        lock::KeyLock::take(dir, key, sharing).map(KeyLock).map_err(|source| failed(dir, key, source))
    }

    /// The exclusive lock, if nobody holds the key.
    pub(super) fn try_exclusive(dir: &Path, key: &str) -> Result<Option<KeyLock>, StoreError> {
        let taken =
            lock::KeyLock::try_take(dir, key, Kind::Exclusive).map_err(|source| failed(dir, key, source))?;
        Ok(taken.map(KeyLock))
    }

    /// Removes the lock file and lets go. Only for an exclusive lock on a key that nothing uses any more.
    pub(super) fn remove(self) {
        // It may stay: an empty file that the next cleaning finds again.
        let _ = self.0.remove();
    }
}

fn failed(dir: &Path, key: &str, source: std::io::Error) -> StoreError {
    StoreError::io("cannot lock", &dir.join(key), source)
}
