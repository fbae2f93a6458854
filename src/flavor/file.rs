//! Reading one flavor file.
//!
//! Every fault is told with line and column, and all of them together as far as they do not depend on each other.

use appc::AcIdentifier;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Source};
use crate::image::layer::{Entries, Files, Stage1};
use crate::image::{ImagePath, Layer};

/// A flavor file as it is written, before what it extends is joined to it.
#[derive(Debug)]
pub(super) struct FlavorFile {
    pub(super) head: Head,
    /// The layers and their places, as `file:line:column`.
    pub(super) layers: Vec<(Layer, String)>,
}

/// Everything but the layers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Head {
    /// One line about the flavor.
    pub(super) summary: String,
    /// ACI architectures that it can be built for; without the key, all.
    #[serde(default)]
    pub(super) arches: Vec<String>,
    /// Another flavor, whose layers come before those of this one.
    #[serde(default)]
    pub(super) extends: Option<String>,
    /// Without it, the flavor is one that others extend, and cannot be built itself.
    #[serde(default)]
    pub(super) image: Option<Image>,
    #[serde(default)]
    pub(super) entry_points: EntryPoints,
}

/// What the manifest says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Image {
    pub(super) name: AcIdentifier,
    pub(super) interface_version: u32,
}

macro_rules! entry_points {
    ($($field:ident = $name:literal,)*) => {
        /// The programs that stage0 calls, by the end of their annotation's name.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct EntryPoints {
            $(#[serde(default, rename = $name)] $field: Option<ImagePath>,)*
        }

        impl EntryPoints {
            /// Those of `self`, or else of `base`, in the order of the manifest.
            pub(super) fn over(self, base: Self) -> Self {
                Self { $($field: self.$field.or(base.$field),)* }
            }

            /// Names and paths, in the order of the manifest.
            pub(super) fn list(self) -> Vec<(&'static str, ImagePath)> {
                [$(($name, self.$field),)*]
                    .into_iter()
                    .filter_map(|(name, path)| path.map(|path| (name, path)))
                    .collect()
            }
        }
    };
}

entry_points! {
    run = "run",
    enter = "enter",
    gc = "gc",
    stop = "stop",
    app_add = "app/add",
    app_rm = "app/rm",
    app_start = "app/start",
    app_stop = "app/stop",
    attach = "attach",
}

/// Reads the text of a flavor file.
pub(super) fn parse(source: Source<'_>) -> Result<FlavorFile, Vec<Fault>> {
    let mut document = DeTable::parse(source.text).map_err(|error| vec![source.toml(&error)])?;
    let mut faults = Vec::new();
    let key = document.get_ref().keys().find(|key| key.get_ref() == "layer").cloned();
    let layers = key.and_then(|key| document.get_mut().remove(&key));
    let layers = layers.map_or_else(Vec::new, |layers| self::layers(source, layers, &mut faults));
    match Head::deserialize(toml::de::Deserializer::from(document)) {
        Ok(head) if faults.is_empty() => return Ok(FlavorFile { head, layers }),
        Ok(_) => {}
        Err(error) => faults.insert(0, source.toml(&error)),
    }
    Err(faults)
}

fn layers(source: Source<'_>, value: Spanned<DeValue<'_>>, faults: &mut Vec<Fault>) -> Vec<(Layer, String)> {
    let span = value.span();
    let DeValue::Array(array) = value.into_inner() else {
        faults.push(source.fault(&span, "layers are written as [[layer]]"));
        return Vec::new();
    };
    let mut layers = Vec::new();
    for value in array {
        let place = source.position(&value.span());
        match layer(source, value) {
            Ok(layer) => layers.push((layer, place)),
            Err(fault) => faults.push(fault),
        }
    }
    layers
}

fn layer(source: Source<'_>, value: Spanned<DeValue<'_>>) -> Result<Layer, Fault> {
    let span = value.span();
    let DeValue::Table(mut table) = value.into_inner() else {
        return Err(source.fault(&span, "layers are written as [[layer]]"));
    };
    let known = || format!("known are {}", Layer::KINDS.join(", "));
    let key = table.keys().find(|key| key.get_ref() == "from").cloned();
    let Some(from) = key.and_then(|key| table.remove(&key)) else {
        return Err(source.fault(&span, "this layer has no `from`, which names its kind").hint(known()));
    };
    let rest = toml::de::Deserializer::from(Spanned::new(span, table));
    let layer = match from.get_ref().as_str() {
        Some("stage1") => Stage1::deserialize(rest).map(Layer::Stage1),
        Some("entries") => Entries::deserialize(rest).map(Layer::Entries),
        Some("files") => Files::deserialize(rest).map(Layer::Files),
        _ => return Err(source.fault(&from.span(), "there is no such kind of layer").hint(known())),
    };
    layer.map_err(|error| source.toml(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row: the text of a file, and the beginnings of what is said about it.
    const FAULTS: &[(&str, &[&str])] = &[
        ("summary = \"x\"\ncolour = \"red\"\n", &["f:2:1: unknown field `colour`"]),
        ("summary = \"x\"\n[image]\nname = \"A b\"\ninterface-version = 5\n", &["f:3:8: "]),
        ("summary = \"x\"\n[entry-points]\nrun = \"run\"\n", &["f:3:7: \"run\" is not a path"]),
        ("summary = \"x\"\n[entry-points]\n  fly = \"/run\"\n", &["f:3:3: unknown field `fly`"]),
        ("summary = \n", &["f:1:1"]),
        ("summary = \"x\"\n[layer]\n", &["f:2:1: layers are written as [[layer]]"]),
        ("summary = \"x\"\n[[layer]]\n", &["f:2:1: this layer has no `from`"]),
        (
            "nope = 1\n[[layer]]\nfrom = \"pixie\"\n[[layer]]\nfrom = \"entries\"\nsymlnk = {}\n",
            &["f:1:1: unknown field `nope`", "f:3:8: there is no such kind", "f:6:1: unknown field `symlnk`"],
        ),
        (
            "summary = \"x\"\n[[layer]]\nfrom = \"entries\"\ndirectory = { \"/a/../b\" = \"0755\" }\n",
            &["f:4:15: \"/a/../b\" is not a path inside an image: it has a .. component"],
        ),
        (
            "summary = \"x\"\n[[layer]]\nfrom = \"entries\"\ndirectory = { \"/a\" = \"755\" }\n",
            &["f:4:22: \"755\" is not a mode"],
        ),
        (
            "summary = \"x\"\n[[layer]]\nfrom = \"files\"\nfolder = \"../etc\"\n",
            &["f:4:10: \"/../etc\" is not a path"],
        ),
        (
            "summary = \"x\"\n[[layer]]\nfrom = \"entries\"\nsymlink = { \"/a\" = \"b\", \"/a\" = \"c\" }\n",
            &["f:4:25: duplicate key"],
        ),
    ];

    #[test]
    fn the_help_names_every_key() {
        // The reader lists the keys that it knows when it meets one that it does not.
        for text in [
            "nope = 1\n",
            "summary = \"x\"\n[image]\nnope = 1\n",
            "summary = \"x\"\n[entry-points]\nnope = \"/x\"\n",
            "summary = \"x\"\n[[layer]]\nfrom = \"stage1\"\nnope = 1\n",
            "summary = \"x\"\n[[layer]]\nfrom = \"entries\"\nnope = 1\n",
            "summary = \"x\"\n[[layer]]\nfrom = \"files\"\nnope = 1\n",
        ] {
            let faults = parse(Source { place: "f", text }).unwrap_err();
            let (_, keys) = faults[0].what.split_once("expected ").unwrap();
            for key in keys.split('`').skip(1).step_by(2) {
                assert!(super::super::FILE_HELP.contains(key), "{key}");
            }
        }
    }

    #[test]
    fn faults_have_line_and_column_and_come_together() {
        for (text, starts) in FAULTS {
            let faults = parse(Source { place: "f", text }).unwrap_err();
            let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), starts.len(), "{text}\n{told:#?}");
            for (fault, start) in told.iter().zip(*starts) {
                assert!(fault.starts_with(start), "{text}\n{told:#?}\nexpected {start}");
            }
        }
    }
}
