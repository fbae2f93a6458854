//! `paths.d`: where things are.

use std::path::{Path, PathBuf};

use super::Problems;
use super::file::ConfigFile;

/// Places; what is not set is left to the compiled default.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Data directory.
    pub data: Option<PathBuf>,
    /// Directory of the stage1 images.
    pub stage1_images: Option<PathBuf>,
}

impl Paths {
    pub(super) fn add(&mut self, file: &ConfigFile, problems: &mut Problems) {
        for (key, place) in [("data", &mut self.data), ("stage1-images", &mut self.stage1_images)] {
            let text = file.text(key, problems);
            if text.is_empty() {
                continue;
            }
            if !Path::new(&text).is_absolute() {
                problems.add(&file.path, format!("\"{key}\" is \"{text}\"; it must be an absolute path"));
            } else if place.is_some() {
                problems.add(&file.path, format!("\"{key}\" is already defined in this directory"));
            } else {
                *place = Some(PathBuf::from(text));
            }
        }
    }

    pub(super) fn override_with(&mut self, later: Paths) {
        self.data = later.data.or(self.data.take());
        self.stage1_images = later.stage1_images.or(self.stage1_images.take());
    }
}
