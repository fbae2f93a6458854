//! `from = "entries"`: directories, links and short files written in the flavor file itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::Item;
use crate::image::path::{ImagePath, Mode};
use crate::image::tree::{Content, Kind};

/// Entries that need nothing from outside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// Directories and their modes.
    #[serde(default)]
    pub directory: BTreeMap<ImagePath, Mode>,
    /// Symbolic links and their text, which is taken as it is.
    #[serde(default)]
    pub symlink: BTreeMap<ImagePath, String>,
    /// Files.
    #[serde(default)]
    pub file: BTreeMap<ImagePath, TextFile>,
    /// What it may replace.
    #[serde(default)]
    pub replaces: Vec<ImagePath>,
}

/// A file with its text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextFile {
    /// What is in it.
    pub text: String,
    /// Its permission bits.
    pub mode: Mode,
}

impl Entries {
    pub(super) fn items(&self) -> Vec<Item> {
        let item = |path: &ImagePath, kind, mode| Item { path: path.clone(), kind, mode, input: None };
        let directories = self.directory.iter().map(|(path, mode)| item(path, Kind::Directory, *mode));
        let links = self
            .symlink
            .iter()
            .map(|(path, text)| item(path, Kind::Symlink(text.clone().into_bytes()), Mode::LINK));
        let files = self.file.iter().map(|(path, file)| {
            let content = Content::Bytes(Cow::Owned(file.text.clone().into_bytes()));
            item(path, Kind::File(content), file.mode)
        });
        directories.chain(links).chain(files).collect()
    }
}
