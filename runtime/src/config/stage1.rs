//! `stage1.d`: which stage1 image is the default.

use std::path::Path;

use super::Problems;
use super::file::ConfigFile;

/// The default stage1 image; what is not set is left to the compiled default.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Stage1 {
    /// Image name; set together with the version.
    pub name: Option<String>,
    /// Version label.
    pub version: Option<String>,
    /// Absolute path, or URL (`file`, `docker`, `http`, `https`).
    pub location: Option<String>,
}

impl Stage1 {
    pub(super) fn add(&mut self, file: &ConfigFile, problems: &mut Problems) {
        let name = file.text("name", problems);
        let version = file.text("version", problems);
        if name.is_empty() != version.is_empty() {
            problems.add(&file.path, "\"name\" and \"version\" must be given together");
        } else if let Err(error) = name.parse::<appc::AcIdentifier>()
            && !name.is_empty()
        {
            problems.add(&file.path, format!("\"name\" is \"{name}\": {error}"));
        } else if !name.is_empty() {
            if self.name.is_some() {
                problems.add(
                    &file.path,
                    "the name and version of the default stage1 are already defined in this directory",
                );
            } else {
                self.name = Some(name);
                self.version = Some(version);
            }
        }
        let location = file.text("location", problems);
        if location.is_empty() {
            return;
        }
        if !location_fits(&location) {
            problems.add(
                &file.path,
                format!(
                    "\"location\" is \"{location}\"; it must be an absolute path or a URL with the scheme file, docker, http or https"
                ),
            );
        } else if self.location.is_some() {
            problems.add(&file.path, "\"location\" is already defined in this directory");
        } else {
            self.location = Some(location);
        }
    }

    pub(super) fn override_with(&mut self, later: Stage1) {
        if later.name.is_some() {
            self.name = later.name;
            self.version = later.version;
        }
        self.location = later.location.or(self.location.take());
    }
}

fn location_fits(location: &str) -> bool {
    if Path::new(location).is_absolute() {
        return true;
    }
    location.split_once("://").is_some_and(|(scheme, rest)| {
        ["file", "docker", "http", "https"].contains(&scheme) && !rest.is_empty()
    })
}
