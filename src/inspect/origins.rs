//! Where the entries of an image come from, as the build wrote it into the `.json` beside the image.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// The origins of an image's entries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origins {
    /// The file that they were read from.
    pub file: PathBuf,
    /// The image that they belong to.
    pub id: String,
    /// Origin by path in the archive.
    pub of: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Document {
    id: String,
    #[serde(default)]
    entries: Vec<DocumentEntry>,
}

#[derive(Deserialize)]
struct DocumentEntry {
    path: String,
    #[serde(default)]
    origin: Value,
}

/// Larger files are none of ours.
const LARGEST: u64 = 256 << 20;

impl Origins {
    /// The origins beside an image (`x.aci` has `x.json`, or `x.aci.json`); none if there is no such file.
    pub fn beside(image: &Path) -> io::Result<Option<Self>> {
        let mut appended = image.as_os_str().to_owned();
        appended.push(".json");
        for file in [image.with_extension("json"), PathBuf::from(appended)] {
            let input = match File::open(&file) {
                Ok(input) => input,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let mut text = Vec::new();
            input.take(LARGEST).read_to_end(&mut text)?;
            let document: Document = serde_json::from_slice(&text)?;
            let of = document.entries.into_iter().map(|entry| (entry.path, entry.origin)).collect();
            return Ok(Some(Self { file, id: document.id, of }));
        }
        Ok(None)
    }

    /// The origin of an archive path. The build may leave the `rootfs` in front out.
    pub fn get(&self, path: &str) -> Option<&Value> {
        let inside = || path.strip_prefix("rootfs").map(|rest| if rest.is_empty() { "/" } else { rest });
        let bare = || inside().map(|rest| rest.trim_start_matches('/'));
        let found = self.of.get(path).or_else(|| self.of.get(inside()?)).or_else(|| self.of.get(bare()?));
        found.filter(|value| !value.is_null())
    }
}

/// An origin in one line: a text as it is, an object as its values.
pub(super) fn one_line(origin: &Value) -> String {
    match origin {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let part = |(key, value): (&String, &Value)| match value {
                Value::Null => None,
                Value::String(text) => Some(format!("{key} {text}")),
                other => Some(format!("{key} {other}")),
            };
            map.iter().filter_map(part).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
