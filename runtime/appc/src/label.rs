//! Labels and annotations.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::json::{Fields, FromJson, deserialize_through_value};
use crate::{AcIdentifier, Extra, ManifestError, platform};

/// A label of an image: with the image's name it identifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Name, unique among the labels of one image; never `name`.
    pub name: AcIdentifier,
    /// Value.
    pub value: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An annotation: further facts about an image or pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    /// Name.
    pub name: AcIdentifier,
    /// Value.
    pub value: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Label {
    /// A label of two parts.
    pub fn new(name: AcIdentifier, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), extra: Extra::new() }
    }
}

impl Annotation {
    /// An annotation of two parts.
    pub fn new(name: AcIdentifier, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), extra: Extra::new() }
    }
}

impl FromJson for Label {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        Ok(Self { name: fields.required("name")?, value: fields.or_default("value")?, extra: fields.rest() })
    }
}

impl FromJson for Annotation {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        Ok(Self { name: fields.required("name")?, value: fields.or_default("value")?, extra: fields.rest() })
    }
}

deserialize_through_value!(Label, Annotation);

/// The rules for all labels of one image.
pub(crate) fn check_labels(labels: &[Label]) -> Result<(), ManifestError> {
    let mut seen = BTreeSet::new();
    for label in labels {
        if label.name == "name" {
            return Err(ManifestError::new("a label must not be called `name`"));
        }
        if !seen.insert(&label.name) {
            return Err(ManifestError::new(format!("label `{}` is given twice", label.name)));
        }
    }
    platform::check(labels)
}

/// The rules for the annotations that the specification gives a meaning.
pub(crate) fn check_annotations(annotations: &[Annotation]) -> Result<(), ManifestError> {
    for annotation in annotations {
        let (name, value) = (annotation.name.as_str(), annotation.value.as_str());
        let problem = match name {
            "created" if !is_date(value) => "a date such as 2026-01-31T12:00:00Z",
            "homepage" | "documentation" if !is_web_address(value) => "an http or https address",
            _ => continue,
        };
        return Err(ManifestError::new(format!("annotation `{name}` must be {problem}, not `{value}`")));
    }
    Ok(())
}

fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// RFC 3339, as far as its shape goes.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = b"0000-00-00T00:00:00";
    let Some((date, zone)) = bytes.split_at_checked(shape.len()) else { return false };
    let like = |shape: &[u8], text: &[u8]| {
        shape.len() == text.len()
            && shape.iter().zip(text).all(|(s, t)| if *s == b'0' { t.is_ascii_digit() } else { s == t })
    };
    let zone = match zone {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &rest[digits..]
        }
        zone => zone,
    };
    like(shape, date) && (zone == b"Z" || like(b"+00:00", zone) || like(b"-00:00", zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for good in ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+02:00"] {
            assert!(is_date(good), "{good}");
        }
        for bad in ["", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00.Z", "2026-01-31 12:00:00Z"]
        {
            assert!(!is_date(bad), "{bad}");
        }
    }
}
