//! A folder of files that belong to a flavor: compiled into the program, or on disk.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::tree::Content;
use crate::store::digest::Digest;

/// Largest flavor file, in bytes.
const MAX_TEXT: u64 = 1 << 20;
/// Most files in one folder, and how deep they may lie.
const MAX_FILES: usize = 100_000;
const MAX_DEPTH: usize = 64;

/// Names and contents, as `build.rs` writes them.
pub type Compiled = &'static [(&'static str, &'static [u8])];

/// A folder of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folder {
    /// Compiled into the program.
    Compiled {
        /// What it is called in messages, such as `flavors/fly`.
        name: String,
        /// Its files, sorted.
        files: Compiled,
    },
    /// On disk.
    Disk(PathBuf),
}

/// One thing in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A directory.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link with this text.
    Symlink(Vec<u8>),
}

/// Why a folder cannot be read.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Something is not what it has to be.
    #[error("{place}: {why}")]
    Refused {
        /// Which file or folder.
        place: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl FolderError {
    /// Why, without the place.
    pub fn why(&self) -> String {
        match self {
            Self::Io { error, .. } => error.to_string(),
            Self::Refused { why, .. } => (*why).to_owned(),
        }
    }
}

impl Folder {
    /// What a file of it is called in messages.
    pub fn place(&self, file: &str) -> String {
        match self {
            Self::Compiled { name, .. } => format!("{name}/{file} (compiled in)"),
            Self::Disk(path) => path.join(file).display().to_string(),
        }
    }

    /// A short text file at the top of the folder; `None` when there is none.
    pub fn text(&self, name: &str) -> Result<Option<Cow<'static, str>>, FolderError> {
        let refused = |why| FolderError::Refused { place: self.place(name), why };
        match self {
            Self::Compiled { files, .. } => match files.iter().find(|(file, _)| *file == name) {
                None => Ok(None),
                Some((_, bytes)) => {
                    str::from_utf8(bytes).map(|text| Some(text.into())).map_err(|_| refused("not UTF-8"))
                }
            },
            Self::Disk(folder) => {
                let path = folder.join(name);
                let meta = match fs::symlink_metadata(&path) {
                    Ok(meta) => meta,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(FolderError::Io { path, error }),
                };
                if !meta.is_file() {
                    return Err(refused("not a regular file"));
                }
                if meta.len() > MAX_TEXT {
                    return Err(refused("larger than 1 MiB"));
                }
                let bytes = fs::read(&path).map_err(|error| FolderError::Io { path, error })?;
                String::from_utf8(bytes).map(|text| Some(text.into())).map_err(|_| refused("not UTF-8"))
            }
        }
    }

    /// Everything below a sub-folder, as paths relative to it with what is there, sorted bytewise.
    ///
    /// Refused are links at the sub-folder itself, what is neither file, directory nor link, and names that are
    /// not UTF-8. Where links inside lead is for the caller to judge.
    pub fn list(&self, sub_folder: &str) -> Result<Vec<(String, Item)>, FolderError> {
        let mut items = Vec::new();
        match self {
            Self::Compiled { files, .. } => {
                for (file, bytes) in *files {
                    let inside = file.strip_prefix(sub_folder).and_then(|rest| rest.strip_prefix('/'));
                    if let Some(inside) = inside {
                        items.push((inside.to_owned(), Item::File(Content::Bytes(Cow::Borrowed(bytes)))));
                    }
                }
                if items.is_empty() {
                    let place = self.place(sub_folder);
                    return Err(FolderError::Refused { place, why: "there is no such folder" });
                }
            }
            Self::Disk(folder) => {
                let mut top = folder.clone();
                for component in sub_folder.split('/') {
                    top.push(component);
                    let meta = fs::symlink_metadata(&top)
                        .map_err(|error| FolderError::Io { path: top.clone(), error })?;
                    if !meta.is_dir() {
                        let place = top.display().to_string();
                        return Err(FolderError::Refused { place, why: "not a directory" });
                    }
                }
                walk(&top, "", 0, &mut items)?;
            }
        }
        items.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(items)
    }
}

fn walk(top: &Path, inside: &str, depth: usize, items: &mut Vec<(String, Item)>) -> Result<(), FolderError> {
    let folder = top.join(inside);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| FolderError::Io { path, error }
    };
    for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
        let entry = entry.map_err(failed(&folder))?;
        let path = entry.path();
        let refused = |why| FolderError::Refused { place: path.display().to_string(), why };
        let name = entry.file_name().into_string().map_err(|_| refused("the name is not UTF-8"))?;
        let inside = if inside.is_empty() { name } else { format!("{inside}/{name}") };
        if items.len() >= MAX_FILES || depth >= MAX_DEPTH {
            return Err(refused("too many files, or too deep"));
        }
        let kind = entry.file_type().map_err(failed(&path))?;
        if kind.is_dir() {
            items.push((inside.clone(), Item::Directory));
            walk(top, &inside, depth + 1, items)?;
        } else if kind.is_file() {
            let (sha256, size) = Digest::of_file(&path).map_err(failed(&path))?;
            items.push((inside, Item::File(Content::File { path, size, sha256 })));
        } else if kind.is_symlink() {
            let text = fs::read_link(&path).map_err(failed(&path))?;
            items.push((inside, Item::Symlink(text.into_os_string().into_encoded_bytes())));
        } else {
            return Err(refused("neither a file nor a directory nor a link"));
        }
    }
    Ok(())
}
