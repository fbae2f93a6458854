//! What was made, as data: sizes and origins.

use appc::ImageManifest;
use appc::archive::Written;
use serde::Serialize;

use crate::image::{Kind, Origin, Tree};
use crate::store::digest::Digest;

/// The layout of the file beside an image.
pub const FORMAT: u32 = 1;

/// What the `.json` beside an image says. It holds nothing of the machine that built it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageReport<'a> {
    /// [`FORMAT`].
    pub format: u32,
    /// The name of the image's file.
    pub file: &'a str,
    /// The image ID.
    pub id: String,
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Bytes of the uncompressed archive.
    pub tar_size: u64,
    /// The name of the image.
    pub name: &'a str,
    /// Its version label.
    pub version: &'a str,
    /// Its architecture label.
    pub arch: &'a str,
    /// The time of its entries, in seconds since 1970.
    pub time: u64,
    /// Which program made it.
    pub made_by: String,
    /// How the executable in it was compiled, where it was compiled in the same build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage1_executable: Option<Compiled>,
    /// Every entry but the manifest and the root.
    pub entries: Vec<EntryReport<'a>>,
}

/// How a program was compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compiled {
    /// The Rust compiler.
    pub compiler: String,
    /// The target.
    pub target: String,
    /// The linker as it was called.
    pub linker: String,
}

/// One entry of an image.
#[derive(Debug, Serialize)]
pub struct EntryReport<'a> {
    path: String,
    kind: &'static str,
    mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    origin: OriginReport<'a>,
}

#[derive(Debug, Serialize)]
struct OriginReport<'a> {
    flavor: &'a str,
    layer: usize,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
}

impl<'a> ImageReport<'a> {
    /// Puts together what is known about an image that was written.
    pub fn new(
        file: &'a str,
        manifest: &'a ImageManifest,
        tree: &'a Tree,
        time: u64,
        written: &Written,
        sha256: Digest,
        stage1_executable: Option<Compiled>,
    ) -> Self {
        let entries = tree.iter().map(|(path, entry)| {
            let (kind, content, target) = match &entry.kind {
                Kind::Directory => ("directory", None, None),
                Kind::File(content) => ("file", Some(content), None),
                Kind::Symlink(text) => ("symlink", None, Some(String::from_utf8_lossy(text).into_owned())),
            };
            let Origin { flavor, layer, kind: layer_kind, input } = &entry.origin;
            EntryReport {
                path: path.to_string(),
                kind,
                mode: entry.mode.to_string(),
                size: content.map(crate::image::Content::size),
                sha256: content.map(crate::image::Content::sha256),
                target,
                origin: OriginReport { flavor, layer: *layer, kind: layer_kind, input: input.as_deref() },
            }
        });
        Self {
            format: FORMAT,
            file,
            id: written.id.to_string(),
            size: written.file_size,
            sha256,
            tar_size: written.tar_size,
            name: manifest.name.as_str(),
            version: manifest.label("version").unwrap_or_default(),
            arch: manifest.label("arch").unwrap_or_default(),
            time,
            made_by: format!("rkt-build {}", env!("CARGO_PKG_VERSION")),
            stage1_executable,
            entries: entries.collect(),
        }
    }

    /// The text of the file: indented, with a newline at the end.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}
