//! Directories of the store below the data directory, with the modes of the original.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use appc::ImageId;
use rustix::fs::Mode;

use super::error::StoreError;

/// Paths below one data directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    data: PathBuf,
    cas: PathBuf,
}

/// Directories that the store makes, parents first. The modes are the same for every umask.
const DIRS: [(&str, u32); 9] = [
    ("cas", 0o770),
    ("cas/blob", 0o770),
    ("cas/imageManifest", 0o770),
    ("cas/db", 0o770),
    ("cas/imagelocks", 0o770),
    ("cas/tmp", 0o770),
    ("cas/tree", 0o755),
    ("cas/treestorelocks", 0o755),
    ("tmp", 0o750),
];

impl Layout {
    pub(super) fn new(data: &Path) -> Layout {
        Layout { data: data.to_owned(), cas: data.join("cas") }
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    pub(super) fn cas(&self) -> &Path {
        &self.cas
    }

    pub(super) fn db(&self) -> PathBuf {
        self.cas.join("db")
    }

    /// The database of the original, if it has used the directory.
    pub(super) fn original_index(&self) -> PathBuf {
        self.db().join("ql.db")
    }

    /// Scratch on the file system of the blobs.
    pub(super) fn tmp(&self) -> PathBuf {
        self.cas.join("tmp")
    }

    pub(super) fn image_locks(&self) -> PathBuf {
        self.cas.join("imagelocks")
    }

    pub(super) fn trees(&self) -> PathBuf {
        self.cas.join("tree")
    }

    pub(super) fn tree_locks(&self) -> PathBuf {
        self.cas.join("treestorelocks")
    }

    /// Parent of the directories `<2 hex>` that hold blobs.
    pub(super) fn blobs(&self) -> PathBuf {
        self.cas.join("blob/sha512")
    }

    /// Parent of the directories `<2 hex>` that hold manifests.
    pub(super) fn manifests(&self) -> PathBuf {
        self.cas.join("imageManifest/sha512")
    }

    pub(super) fn blob(&self, id: &ImageId) -> PathBuf {
        below(&self.blobs(), id)
    }

    pub(super) fn manifest(&self, id: &ImageId) -> PathBuf {
        below(&self.manifests(), id)
    }

    /// Makes what is missing. The data directory itself may be missing too.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        if !self.data.is_dir() {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(0o755);
            if let Some(parent) = self.data.parent() {
                builder
                    .create(parent)
                    .map_err(|source| StoreError::NotWritable { path: parent.to_owned(), source })?;
            }
            make_dir(&self.data, 0o750)?;
        }
        for (dir, mode) in DIRS {
            make_dir(&self.data.join(dir), mode)?;
        }
        for dir in [self.blobs(), self.manifests()] {
            make_dir(&dir, 0o770)?;
        }
        Ok(())
    }
}

fn below(dir: &Path, id: &ImageId) -> PathBuf {
    let name = id.to_string();
    dir.join(&name["sha512-".len()..][..2]).join(name)
}

/// Makes a directory with exactly this mode, unless it is there already.
pub(super) fn make_dir(path: &Path, mode: u32) -> Result<(), StoreError> {
    let not_writable = |source| StoreError::NotWritable { path: path.to_owned(), source };
    match std::fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        Err(error) => return Err(not_writable(error)),
    }
    // A set-group-ID bit that the parent handed down stays: the group of the data directory depends on it.
    let about = rustix::fs::stat(path).map_err(|error| not_writable(error.into()))?;
    let inherited = about.st_mode & 0o2000;
    rustix::fs::chmod(path, Mode::from_raw_mode(mode | inherited)).map_err(|error| not_writable(error.into()))
}
