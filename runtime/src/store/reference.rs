//! References to stored images: IDs and names.

use std::str::FromStr;

use appc::{AcIdentifier, Label};

use super::error::StoreError;

/// `name[:version][,label=value…]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredName {
    /// Image name.
    pub name: AcIdentifier,
    /// Labels, the version among them.
    pub labels: Vec<Label>,
}

/// True if the text has the form of an image ID or of its beginning: `sha512-`, then something without a dash.
pub(crate) fn is_hash(text: &str) -> bool {
    text.strip_prefix("sha512-").is_some_and(|digits| !digits.is_empty() && !digits.contains('-'))
}

impl StoredName {
    /// The labels as messages show them: `version=1.0,os=linux`.
    pub fn labels_text(&self) -> String {
        let labels: Vec<_> =
            self.labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect();
        labels.join(",")
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str())
    }

    /// Adds a label unless it is given already.
    pub fn default_label(&mut self, name: &AcIdentifier, value: &str) {
        if self.label(name.as_str()).is_none() {
            self.labels.push(Label::new(name.clone(), value));
        }
    }
}

impl FromStr for StoredName {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<StoredName, StoreError> {
        let bad = |reason: String| StoreError::BadReference { reference: text.to_owned(), reason };
        let mut parts = text.split(',');
        let head = parts.next().unwrap_or_default();
        let (name, version) = match head.split_once(':') {
            Some((name, version)) => (name, Some(version)),
            None => (head, None),
        };
        let name = name.parse::<AcIdentifier>().map_err(|error| bad(error.to_string()))?;
        let mut wanted = StoredName { name, labels: Vec::new() };
        if let Some(version) = version {
            if version.is_empty() {
                return Err(bad("there is no version after the colon".to_owned()));
            }
            wanted.labels.push(label("version", version).map_err(bad)?);
        }
        for part in parts {
            let Some((key, value)) = part.split_once('=') else {
                return Err(bad(format!("`{part}` is not of the form label=value")));
            };
            if key == "name" {
                return Err(bad("a label must not be called `name`".to_owned()));
            }
            if wanted.label(key).is_some() {
                return Err(bad(format!("label `{key}` is given twice")));
            }
            wanted.labels.push(label(key, value).map_err(bad)?);
        }
        Ok(wanted)
    }
}

fn label(name: &str, value: &str) -> Result<Label, String> {
    Ok(Label::new(name.parse::<AcIdentifier>().map_err(|error| error.to_string())?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let name: StoredName = "example.com/app:1.0,os=linux,arch=amd64".parse().unwrap();
        assert_eq!(name.name, "example.com/app");
        assert_eq!(name.labels_text(), "version=1.0,os=linux,arch=amd64");
        assert!("example.com/app".parse::<StoredName>().unwrap().labels.is_empty());
        for bad in ["", "A", "app:", "app,x", "app:1,version=2", "app,name=x", "app,os=a,os=b", "/x"] {
            assert!(bad.parse::<StoredName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hashes() {
        for (text, hash) in [
            ("sha512-ab", true),
            ("sha512-a", true),
            ("sha512-", false),
            ("sha512-ab-c", false),
            ("app", false),
        ] {
            assert_eq!(is_hash(text), hash, "{text}");
        }
    }
}
