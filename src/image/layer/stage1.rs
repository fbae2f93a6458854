//! `from = "stage1"`: the static executable under the names of the entry points.

use serde::Deserialize;

use super::{Context, Item};
use crate::image::path::{ImagePath, Mode};
use crate::image::tree::Kind;

/// The static executable, and relative links to it. It looks at the name that it was called by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage1 {
    /// Where the executable goes.
    pub path: ImagePath,
    /// The links to it.
    pub names: Vec<ImagePath>,
    /// What it may replace.
    #[serde(default)]
    pub replaces: Vec<ImagePath>,
}

impl Stage1 {
    pub(super) fn items(&self, context: &Context<'_>) -> Vec<Item> {
        let mut items = vec![Item {
            path: self.path.clone(),
            kind: Kind::File(context.stage1.clone()),
            mode: Mode::PROGRAM,
            input: Some("stage1-executable".to_owned()),
        }];
        items.extend(self.names.iter().map(|name| Item {
            path: name.clone(),
            kind: Kind::Symlink(name.link_to(&self.path)),
            mode: Mode::LINK,
            input: None,
        }));
        items
    }
}
