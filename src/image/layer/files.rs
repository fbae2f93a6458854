//! `from = "files"`: a folder beside the flavor file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Context, Item, LayerError};
use crate::image::folder;
use crate::image::path::{ImagePath, InvalidPath, Mode};
use crate::image::tree::Kind;

/// A folder beside the flavor file, with all it holds. Modes are data, never those on disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Files {
    /// The folder, relative to the flavor file.
    pub folder: SubFolder,
    /// Where in the image it goes; the root of the image when it is not given.
    #[serde(default)]
    pub to: Option<ImagePath>,
    /// Mode of files that `modes` does not name.
    #[serde(default = "data")]
    pub file_mode: Mode,
    /// Mode of directories that `modes` does not name.
    #[serde(default = "program")]
    pub directory_mode: Mode,
    /// Modes by path in the image.
    #[serde(default)]
    pub modes: BTreeMap<ImagePath, Mode>,
    /// What it may replace.
    #[serde(default)]
    pub replaces: Vec<ImagePath>,
}

/// The name of a folder below another one: relative, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SubFolder(String);

impl TryFrom<String> for SubFolder {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        ImagePath::new(format!("/{text}")).map(|_| Self(text))
    }
}

fn data() -> Mode {
    Mode::DATA
}

fn program() -> Mode {
    Mode::PROGRAM
}

impl Files {
    pub(super) fn items(&self, context: &Context<'_>) -> Result<Vec<Item>, LayerError> {
        let SubFolder(sub_folder) = &self.folder;
        let to = self.to.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut items = Vec::new();
        for (inside, item) in context.folder.list(sub_folder)? {
            let place = format!("{sub_folder}/{inside}");
            let path = ImagePath::new(format!("{to}/{inside}"))?;
            let (kind, mode) = match item {
                folder::Item::Directory => (Kind::Directory, self.directory_mode),
                folder::Item::File(bytes) => (Kind::File(bytes), self.file_mode),
                folder::Item::Symlink(text) => {
                    let stays = ImagePath::new(format!("/{inside}"))?.resolve_link(&text).is_some();
                    if text.starts_with(b"/") || !stays {
                        let target = String::from_utf8_lossy(&text).into_owned();
                        return Err(LayerError::LinkLeadsOut { place: context.folder.place(&place), target });
                    }
                    (Kind::Symlink(text), Mode::LINK)
                }
            };
            let mode = match &kind {
                Kind::Symlink(_) => mode,
                Kind::Directory | Kind::File(_) => self.modes.get(&path).copied().unwrap_or(mode),
            };
            items.push(Item { path, kind, mode, input: Some(place) });
        }
        match self.modes.keys().find(|path| !items.iter().any(|item| item.path == **path)) {
            Some(missing) => Err(LayerError::NoSuchFile(missing.clone())),
            None => Ok(items),
        }
    }
}
