//! Digests of files that were computed before, so that nothing is hashed twice.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::identity::Identity;
use super::write_beside;

/// The layout of the file; another one is forgotten.
const FORMAT: u32 = 1;

/// Digests by path, with the identity that the file had.
#[derive(Debug)]
pub struct Memory {
    file: PathBuf,
    known: BTreeMap<PathBuf, (Identity, Digest)>,
    rustc: BTreeMap<String, String>,
    changed: bool,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    files: BTreeMap<PathBuf, (Identity, Digest)>,
    facts: BTreeMap<String, String>,
}

impl Memory {
    /// Reads what is remembered in a file. One that is missing, or that cannot be understood, is an empty memory.
    pub fn open(file: &Path) -> Self {
        let stored = fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok());
        let stored = stored.filter(|stored| stored.format == FORMAT);
        let (known, rustc) = stored.map(|stored| (stored.files, stored.facts)).unwrap_or_default();
        Self { file: file.to_owned(), known, rustc, changed: false }
    }

    /// A memory of nothing, which [`Memory::save`] writes to a file: `--rehash`.
    pub fn empty(file: &Path) -> Self {
        Self { file: file.to_owned(), known: BTreeMap::new(), rustc: BTreeMap::new(), changed: true }
    }

    /// The digest of a file, from memory when it is still the same file.
    pub fn digest(&mut self, path: &Path) -> io::Result<Digest> {
        let identity = Identity::of(path)?;
        if let Some((known, digest)) = self.known.get(path)
            && *known == identity
        {
            return Ok(*digest);
        }
        let (digest, _) = Digest::of_file(path)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        // A file that changes while it is read, or right after, must be read again the next time.
        if Identity::of(path)? == identity && !identity.is_fresh(i64::try_from(now).unwrap_or(i64::MAX)) {
            self.known.insert(path.to_owned(), (identity, digest));
            self.changed = true;
        }
        Ok(digest)
    }

    /// Remembers the digest of a file that was just written by ourselves.
    pub fn learn(&mut self, path: &Path, digest: Digest) -> io::Result<()> {
        self.known.insert(path.to_owned(), (Identity::of(path)?, digest));
        self.changed = true;
        Ok(())
    }

    /// What was remembered under a name that holds everything it depends on.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.rustc.get(name).map(String::as_str)
    }

    /// Remembers a fact instead of all others of its kind (the part of the name before the first space).
    pub fn set_fact(&mut self, name: &str, value: &str) {
        let kind = name.split(' ').next().unwrap_or(name);
        self.rustc.retain(|other, _| other.split(' ').next() != Some(kind));
        self.rustc.insert(name.to_owned(), value.to_owned());
        self.changed = true;
    }

    /// Writes the memory, if there is anything new in it.
    pub fn save(&mut self) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        self.known.retain(|path, _| path.exists());
        let stored = Stored { format: FORMAT, files: self.known.clone(), facts: self.rustc.clone() };
        write_beside(&self.file, 0o644, &serde_json::to_vec(&stored)?)?;
        self.changed = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_old_file_is_hashed_once_and_a_changed_one_again() {
        let folder = tempfile::tempdir().unwrap();
        let (file, stored) = (folder.path().join("f"), folder.path().join("memory.json"));
        fs::write(&file, "a").unwrap();
        let mut memory = Memory::open(&stored);
        assert_eq!(memory.digest(&file).unwrap(), Digest::of(b"a"));
        // Just written: the memory does not trust its times.
        assert!(memory.known.is_empty());
        memory.learn(&file, Digest::of(b"a")).unwrap();
        memory.set_fact("rustc 1", "one");
        memory.set_fact("rustc 2", "two");
        memory.save().unwrap();
        let mut memory = Memory::open(&stored);
        assert_eq!((memory.fact("rustc 1"), memory.fact("rustc 2")), (None, Some("two")));
        assert_eq!(memory.known.len(), 1);
        // Same size, same time of content: the other time tells.
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        fs::write(&file, "b").unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        assert_eq!(memory.digest(&file).unwrap(), Digest::of(b"b"));
    }

    #[test]
    fn rubbish_is_an_empty_memory() {
        let folder = tempfile::tempdir().unwrap();
        let stored = folder.path().join("memory.json");
        fs::write(&stored, "{").unwrap();
        assert!(Memory::open(&stored).known.is_empty());
    }
}
