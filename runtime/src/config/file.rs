//! Finding the files of a configuration sub-directory and reading their common part.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Problems;

/// A configuration file is a handful of lines; what is larger is something else.
const LIMIT: u64 = 1 << 20;

/// A file with a known kind and version.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) kind: String,
    fields: Map<String, Value>,
}

impl ConfigFile {
    /// The text in `key`: empty if it is absent or null, a mistake if it is something else.
    pub(super) fn text(&self, key: &str, problems: &mut Problems) -> String {
        text_of(&self.fields, key, &self.path, problems)
    }

    /// A list of texts, which must not be empty and have no empty item.
    pub(super) fn names(&self, key: &str, problems: &mut Problems) -> Vec<String> {
        let items = match self.fields.get(key) {
            Some(Value::Array(items)) if !items.is_empty() => items,
            None | Some(Value::Null | Value::Array(_)) => {
                problems.add(&self.path, format!("\"{key}\" must list at least one name"));
                return Vec::new();
            }
            Some(_) => {
                problems.add(&self.path, format!("\"{key}\" must be a list of texts"));
                return Vec::new();
            }
        };
        let mut names = Vec::with_capacity(items.len());
        for item in items {
            match item.as_str() {
                Some(name) if !name.is_empty() => names.push(name.to_owned()),
                _ => problems.add(&self.path, format!("\"{key}\" holds {item}, which is not a name")),
            }
        }
        names
    }

    /// The object in `credentials`; a mistake if there is none.
    pub(super) fn credentials(&self, problems: &mut Problems) -> Option<Credentials<'_>> {
        match self.fields.get("credentials") {
            Some(Value::Object(fields)) => Some(Credentials { fields, path: &self.path }),
            Some(Value::Null) | None => {
                problems.add(&self.path, "\"credentials\" is missing");
                None
            }
            Some(_) => {
                problems.add(&self.path, "\"credentials\" must be an object");
                None
            }
        }
    }
}

/// The credentials of one file.
#[derive(Debug)]
pub(super) struct Credentials<'a> {
    fields: &'a Map<String, Value>,
    path: &'a Path,
}

impl Credentials<'_> {
    /// The text in `key`, which must be there.
    pub(super) fn required(&self, key: &str, problems: &mut Problems) -> String {
        let text = self.optional(key, problems);
        if text.is_empty() && !matches!(self.fields.get(key), Some(value) if !value.is_string()) {
            problems.add(self.path, format!("\"credentials\" lacks \"{key}\""));
        }
        text
    }

    /// The text in `key`, or nothing.
    pub(super) fn optional(&self, key: &str, problems: &mut Problems) -> String {
        text_of(self.fields, key, self.path, problems)
    }
}

fn text_of(fields: &Map<String, Value>, key: &str, path: &Path, problems: &mut Problems) -> String {
    match fields.get(key) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(_) => {
            problems.add(path, format!("\"{key}\" must be a text"));
            String::new()
        }
    }
}

/// The configuration files of one sub-directory, by name. Links and everything that is not a regular file or
/// does not end in `.json` is passed over, as the original does.
pub(super) fn read_dir(dir: &Path, kinds: &[&str], problems: &mut Problems) -> Vec<ConfigFile> {
    let mut paths = Vec::new();
    match fs::metadata(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Ok(about) if !about.is_dir() => {
            problems.add(dir, "must be a directory");
            return Vec::new();
        }
        _ => {}
    }
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            problems.add(dir, format!("cannot be read: {error}"));
            return Vec::new();
        }
    };
    for entry in entries {
        match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
            Ok((path, kind)) if kind.is_file() && path.extension().is_some_and(|end| end == "json") => {
                paths.push(path);
            }
            Ok(_) => {}
            Err(error) => problems.add(dir, format!("cannot be read: {error}")),
        }
    }
    paths.sort();
    paths.into_iter().filter_map(|path| read_file(path, kinds, problems)).collect()
}

fn read_file(path: PathBuf, kinds: &[&str], problems: &mut Problems) -> Option<ConfigFile> {
    let mut bytes = Vec::new();
    let read = fs::File::open(&path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        problems.add(&path, format!("cannot be read: {error}"));
        return None;
    }
    if bytes.len() as u64 > LIMIT {
        problems.add(&path, format!("is larger than {LIMIT} bytes"));
        return None;
    }
    let fields = match serde_json::from_slice(&bytes) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => {
            problems.add(&path, "must hold one JSON object");
            return None;
        }
        Err(error) => {
            problems.add(&path, format!("is not JSON: {error}"));
            return None;
        }
    };
    let before = problems.0.len();
    let kind = text_of(&fields, "rktKind", &path, problems);
    let version = text_of(&fields, "rktVersion", &path, problems);
    if problems.0.len() == before {
        if !kinds.contains(&kind.as_str()) {
            let known = kinds.iter().map(|kind| format!("\"{kind}\"")).collect::<Vec<_>>().join(" or ");
            problems.add(&path, format!("\"rktKind\" is \"{kind}\"; in this directory it must be {known}"));
        }
        if version != "v1" {
            problems.add(&path, format!("\"rktVersion\" is \"{version}\"; only \"v1\" is known"));
        }
    }
    (problems.0.len() == before).then_some(ConfigFile { path, kind, fields })
}
