//! How two images differ, entry by entry: for people who check whether a build can be repeated.

use std::collections::BTreeMap;
use std::fmt;

use appc::ImageId;
use appc::archive::EntryKind;
use serde_json::{Value, json};

use super::report::{hex, text};
use super::{Contents, Item};

/// How two images differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Their IDs.
    pub ids: [ImageId; 2],
    /// Fields of the manifest.
    pub manifest: Vec<Change>,
    /// Entries by path.
    pub entries: BTreeMap<Vec<u8>, EntryDiff>,
    /// The first path whose place in the order differs, if both have the same paths.
    pub order: Option<Vec<u8>>,
    /// Facts of the files: they do not count as a difference of the images.
    pub files: Vec<Change>,
}

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which one.
    pub what: String,
    /// Its value in the first image.
    pub a: Option<String>,
    /// Its value in the second one.
    pub b: Option<String>,
}

/// How an entry differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryDiff {
    /// Only the first image has it.
    OnlyA,
    /// Only the second one has it.
    OnlyB,
    /// Both have it, with other values.
    Changed(Vec<Change>),
}

impl Diff {
    /// Compares two images, which must have been read with their digests.
    pub fn of(a: &Contents, b: &Contents) -> Self {
        let mut entries = BTreeMap::new();
        let by_path = |contents: &Contents| -> BTreeMap<Vec<u8>, Item> {
            contents.items.iter().map(|item| (item.entry.path.clone(), item.clone())).collect()
        };
        let (in_a, mut in_b) = (by_path(a), by_path(b));
        for (path, item) in in_a {
            match in_b.remove(&path) {
                None => {
                    entries.insert(path, EntryDiff::OnlyA);
                }
                Some(other) => {
                    let changes = changes(&values(&item), &values(&other));
                    if !changes.is_empty() {
                        entries.insert(path, EntryDiff::Changed(changes));
                    }
                }
            }
        }
        entries.extend(in_b.into_keys().map(|path| (path, EntryDiff::OnlyB)));
        let same_paths = entries.values().all(|entry| matches!(entry, EntryDiff::Changed(_)));
        let mut pairs = a.items.iter().zip(&b.items);
        let order = pairs.find(|(a, b)| same_paths && a.entry.path != b.entry.path);
        Self {
            ids: [a.summary.id, b.summary.id],
            manifest: changes(&manifest_fields(a), &manifest_fields(b)),
            entries,
            order: order.map(|(a, _)| a.entry.path.clone()),
            files: changes(&file_values(a), &file_values(b)),
        }
    }

    /// Whether the images are the same: whether their IDs are.
    pub fn is_same(&self) -> bool {
        self.ids[0] == self.ids[1]
    }

    /// As one JSON object.
    pub fn json(&self) -> Value {
        let list = |changes: &[Change]| -> Vec<Value> { changes.iter().map(Change::json).collect() };
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|(path, diff)| match diff {
                EntryDiff::OnlyA => json!({"path": text(path), "only": "a"}),
                EntryDiff::OnlyB => json!({"path": text(path), "only": "b"}),
                EntryDiff::Changed(changes) => json!({"path": text(path), "changes": list(changes)}),
            })
            .collect();
        json!({
            "same": self.is_same(),
            "ids": self.ids,
            "manifest": list(&self.manifest),
            "entries": entries,
            "order": self.order.as_ref().map(|path| text(path)),
            "files": list(&self.files),
        })
    }
}

impl Change {
    fn json(&self) -> Value {
        json!({"what": self.what, "a": self.a, "b": self.b})
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: {} | {}", self.what, value(&self.a), value(&self.b))
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_same() {
            writeln!(f, "same image: {}", self.ids[0])?;
        } else {
            writeln!(f, "a {}\nb {}", self.ids[0], self.ids[1])?;
        }
        for change in &self.manifest {
            writeln!(f, "manifest {change}")?;
        }
        for (path, diff) in &self.entries {
            match diff {
                EntryDiff::OnlyA => writeln!(f, "only in a: {}", text(path))?,
                EntryDiff::OnlyB => writeln!(f, "only in b: {}", text(path))?,
                EntryDiff::Changed(changes) => {
                    for change in changes {
                        writeln!(f, "{} {change}", text(path))?;
                    }
                }
            }
        }
        if let Some(path) = &self.order {
            writeln!(f, "the order of the entries differs, first at {}", text(path))?;
        }
        if !self.is_same() && self.manifest.is_empty() && self.entries.is_empty() && self.order.is_none() {
            writeln!(
                f,
                "the entries are the same: the archives differ in how they write them, or behind their end"
            )?;
        }
        for change in &self.files {
            writeln!(f, "file {change}")?;
        }
        Ok(())
    }
}

/// Values by name, in the order in which they are shown.
type Values = Vec<(String, String)>;

fn changes(a: &Values, b: &Values) -> Vec<Change> {
    let find =
        |values: &Values, what: &str| values.iter().find(|(name, _)| name == what).map(|(_, v)| v.clone());
    let names = a.iter().chain(b.iter().filter(|(name, _)| find(a, name).is_none())).map(|(name, _)| name);
    names
        .map(|what| Change { what: what.clone(), a: find(a, what), b: find(b, what) })
        .filter(|change| change.a != change.b)
        .collect()
}

fn values(item: &Item) -> Values {
    let entry = &item.entry;
    let mut values = vec![("kind", entry.kind.describe().to_owned())];
    match &entry.kind {
        EntryKind::File { size } => values.push(("size", size.to_string())),
        EntryKind::Symlink { target } | EntryKind::Hardlink { target } => {
            values.push(("target", text(target)));
        }
        EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
            values.push(("device", format!("{major},{minor}")));
        }
        EntryKind::Directory | EntryKind::Fifo => {}
    }
    if let Some(digest) = item.sha256 {
        values.push(("sha256", hex(&digest)));
    }
    values.push(("mode", format!("{:04o}", entry.mode)));
    values.push(("owner", format!("{}:{}", entry.uid, entry.gid)));
    values.push(("mtime", entry.mtime.to_string()));
    let mut values: Values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    values.extend(entry.xattrs.iter().map(|(name, value)| (format!("xattr {}", text(name)), hex(value))));
    values
}

fn file_values(contents: &Contents) -> Values {
    let summary = &contents.summary;
    vec![
        ("compression".to_owned(), summary.compression.to_string()),
        ("size".to_owned(), summary.file_size.to_string()),
    ]
}

fn manifest_fields(contents: &Contents) -> Values {
    let mut fields = Values::new();
    if let Ok(value) = serde_json::from_slice(&contents.summary.manifest_json) {
        flatten("", &value, &mut fields);
    }
    fields
}

/// A JSON value as paths and leaves; items of a list are known by their `name`, if they have one.
fn flatten(path: &str, value: &Value, fields: &mut Values) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, fields);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                match item.get("name").and_then(Value::as_str) {
                    Some(name) => flatten(&format!("{path}[{name}]"), item, fields),
                    None => flatten(&format!("{path}[{index}]"), item, fields),
                }
            }
        }
        leaf => fields.push((path.to_owned(), leaf.to_string())),
    }
}
