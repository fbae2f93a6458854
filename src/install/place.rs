//! One place that a file is installed at.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::build;
use crate::failure::Problem;
use crate::store::digest::Digest;
use crate::store::sweep;

/// A place below `DESTDIR`.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    /// What folders are made below; those above it are not ours.
    top: PathBuf,
}

/// What became of a file that was to be removed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// It is removed.
    Removed,
    /// It was not there.
    Gone,
    /// It is another file than the one that was installed.
    Foreign,
}

impl Target {
    /// The place of an absolute path below `DESTDIR`.
    pub(super) fn new(to: &Path, destdir: Option<&Path>) -> Self {
        let top = destdir
            .map_or_else(|| PathBuf::from("/"), |dir| std::path::absolute(dir).unwrap_or(dir.to_owned()));
        Self { path: top.join(to.strip_prefix("/").unwrap_or(to)), top }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.top)
    }

    /// Whether the file could be put there, as far as that can be told without doing it.
    pub(super) fn writable(&self) -> Result<(), Problem> {
        let remedy = "choose another --prefix, give DESTDIR=, or run as a user who may write there";
        if self.path.is_dir() {
            let problem = Problem::new("a directory stands where a file is to be installed");
            return Err(problem.at(self.path.display().to_string()).hint("remove it"));
        }
        for folder in self.folder().ancestors() {
            match fs::metadata(folder) {
                Ok(meta) if meta.is_dir() => {
                    return accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
                        .map_err(|error| {
                            Problem::new(format!("nothing can be installed in this directory: {error}"))
                                .at(folder.display().to_string())
                                .hint(remedy)
                        });
                }
                Ok(_) => {
                    let problem = Problem::new("not a directory, but something is to be installed below it");
                    return Err(problem.at(folder.display().to_string()).hint(remedy));
                }
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => {
                    let problem = Problem::new(format!("cannot be looked at: {error}"));
                    return Err(problem.at(folder.display().to_string()).hint(remedy));
                }
            }
        }
        Ok(())
    }

    /// Makes the missing folders with mode 0755 whatever the umask, and tells which.
    pub(super) fn make_folders(&self) -> Result<Vec<PathBuf>, Problem> {
        let missing: Vec<_> = self.folder().ancestors().take_while(|folder| !folder.exists()).collect();
        let mut made = Vec::new();
        for folder in missing.into_iter().rev() {
            let result = fs::DirBuilder::new().mode(0o755).create(folder);
            match result.and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o755))) {
                Ok(()) => made.push(folder.to_owned()),
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Problem::system("cannot be made", folder, &error));
                }
            }
        }
        Ok(made)
    }

    /// Copies a file there.
    pub(super) fn put(&self, from: &Path, mode: u32, digest: Digest) -> Result<(), Problem> {
        sweep(self.folder());
        build::place(from, &self.path, mode, Some(digest)).map(|_| ())
    }

    /// Removes the file if it is the one with this digest.
    pub(super) fn remove(&self, digest: Digest) -> Result<Removal, Problem> {
        let wrong = |error: io::Error| {
            Problem::new(format!("cannot be removed: {error}"))
                .at(self.path.display().to_string())
                .hint("run as a user who may write there")
        };
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Removal::Gone),
            Err(error) => return Err(wrong(error)),
            Ok(meta) if !meta.is_file() => return Ok(Removal::Foreign),
            Ok(_) => {}
        }
        let (found, _) = Digest::of_reader(&mut File::open(&self.path).map_err(wrong)?).map_err(wrong)?;
        if found != digest {
            return Ok(Removal::Foreign);
        }
        fs::remove_file(&self.path).map_err(wrong)?;
        Ok(Removal::Removed)
    }
}
