//! What was installed from a build directory, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::place::Target;
use crate::failure::Problem;
use crate::store::digest::Digest;
use crate::store::identity::Identity;
use crate::store::write_beside;

/// The name of the file in the build directory.
const FILE_NAME: &str = "installed.json";

/// Every file and folder that was put in place, with `DESTDIR` in its path.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    files: BTreeMap<PathBuf, (Digest, Option<Identity>)>,
    folders: BTreeSet<PathBuf>,
    #[serde(skip)]
    changed: bool,
}

impl Ledger {
    /// Reads it; one that is missing, or that cannot be understood, is empty.
    pub(super) fn load(builddir: &Path) -> Self {
        let bytes = fs::read(builddir.join(FILE_NAME)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Writes it if anything changed; an empty one goes away.
    pub(super) fn save(&self, builddir: &Path) -> Result<(), Problem> {
        if !self.changed {
            return Ok(());
        }
        let path = builddir.join(FILE_NAME);
        let result = if self.files.is_empty() && self.folders.is_empty() {
            fs::remove_file(&path).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
        } else {
            serde_json::to_vec_pretty(self)
                .map_err(Into::into)
                .and_then(|bytes| write_beside(&path, 0o644, &bytes))
        };
        result.map_err(|error| {
            Problem::new(format!("what was installed cannot be remembered: {error}"))
                .at(path.display().to_string())
                .hint("make the build directory writable; without it `uninstall` does not know what to take away")
        })
    }

    /// Whether the very file that was put there with this digest is still there.
    pub(super) fn holds(&self, path: &Path, digest: Digest) -> bool {
        let Some((known, Some(identity))) = self.files.get(path) else { return false };
        *known == digest && Identity::of(path).is_ok_and(|now| now == *identity)
    }

    pub(super) fn add(&mut self, path: &Path, digest: Digest) {
        self.files.insert(path.to_owned(), (digest, Identity::of(path).ok()));
        self.changed = true;
    }

    pub(super) fn add_folders(&mut self, folders: Vec<PathBuf>) {
        self.changed |= !folders.is_empty();
        self.folders.extend(folders);
    }

    /// Forgets a file, and tells what it was.
    pub(super) fn take(&mut self, path: &Path) -> Option<Digest> {
        let (digest, _) = self.files.remove(path)?;
        self.changed = true;
        Some(digest)
    }

    /// Removes the folders above a file that were made for it, as far as they are empty.
    pub(super) fn remove_empty_folders(&mut self, target: &Target) {
        for folder in target.path().ancestors().skip(1) {
            if !self.folders.contains(folder) || fs::remove_dir(folder).is_err() {
                return;
            }
            self.folders.remove(folder);
        }
    }
}
