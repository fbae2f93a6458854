//! From JSON values to manifest types, with errors that name the field.
//!
//! Not serde's derive: its errors lose the path as soon as unknown fields are kept, and they stop at the column.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::{Extra, ManifestError};

/// A manifest type that can be read from JSON.
pub(crate) trait FromJson: Sized {
    fn from_json(value: Value) -> Result<Self, ManifestError>;
}

/// The fields of one JSON object, taken one by one; what is left at the end is unknown and kept.
pub(crate) struct Fields(Extra);

impl Fields {
    pub(crate) fn of(value: Value) -> Result<Self, ManifestError> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            other => Err(wrong_kind("an object", &other)),
        }
    }

    /// A field that may be missing; `null` counts as missing, as in the original.
    pub(crate) fn optional<T: FromJson>(&mut self, key: &str) -> Result<Option<T>, ManifestError> {
        match self.0.shift_remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::from_json(value).map(Some).map_err(|e| e.inside(key)),
        }
    }

    pub(crate) fn or_default<T: FromJson + Default>(&mut self, key: &str) -> Result<T, ManifestError> {
        Ok(self.optional(key)?.unwrap_or_default())
    }

    pub(crate) fn required<T: FromJson>(&mut self, key: &str) -> Result<T, ManifestError> {
        self.optional(key)?.ok_or_else(|| ManifestError::new("is missing").inside(key))
    }

    pub(crate) fn rest(self) -> Extra {
        self.0
    }
}

/// "must be X, not Y".
pub(crate) fn wrong_kind(wanted: &str, got: &Value) -> ManifestError {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    ManifestError::new(format!("must be {wanted}, not {got}"))
}

/// Parses the text of a manifest.
pub(crate) fn parse<T: FromJson>(bytes: &[u8]) -> Result<T, ManifestError> {
    let value = serde_json::from_slice(bytes).map_err(|e| ManifestError::new(format!("is not JSON: {e}")))?;
    T::from_json(value)
}

impl FromJson for String {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(wrong_kind("a string", &other)),
        }
    }
}

impl FromJson for bool {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        value.as_bool().ok_or_else(|| wrong_kind("true or false", &value))
    }
}

impl FromJson for Value {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        Ok(value)
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl FromJson for $number {
            fn from_json(value: Value) -> Result<Self, ManifestError> {
                let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
                whole.and_then(|n| <$number>::try_from(n).ok()).ok_or_else(|| {
                    let (min, max) = (<$number>::MIN, <$number>::MAX);
                    ManifestError::new(format!("must be a whole number from {min} to {max}, not {value}"))
                })
            }
        }
    )*};
}
whole_numbers!(u16, u32, u64, i64);

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let Value::Array(items) = value else { return Err(wrong_kind("a list", &value)) };
        let read = |(index, item)| T::from_json(item).map_err(|e: ManifestError| e.inside_item(index));
        items.into_iter().enumerate().map(read).collect()
    }
}

impl FromJson for BTreeMap<String, String> {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let Value::Object(map) = value else { return Err(wrong_kind("an object", &value)) };
        map.into_iter()
            .map(|(key, value)| match String::from_json(value) {
                Ok(text) => Ok((key, text)),
                Err(e) => Err(e.inside(&key)),
            })
            .collect()
    }
}

impl FromJson for IpAddr {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let text = String::from_json(value)?;
        text.parse().map_err(|_| ManifestError::new(format!("`{text}` is not an IP address")))
    }
}

/// Types that are one JSON string: `FromJson`, serde, `Display`.
macro_rules! json_string {
    ($($kind:ty),*) => {$(
        impl crate::json::FromJson for $kind {
            fn from_json(value: serde_json::Value) -> Result<Self, crate::ManifestError> {
                let text = String::from_json(value)?;
                text.parse().map_err(|e| crate::ManifestError::new(format!("{e}")))
            }
        }
        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        crate::json::deserialize_through_value!($kind);
    )*};
}
pub(crate) use json_string;

/// serde's `Deserialize` on top of `FromJson`.
macro_rules! deserialize_through_value {
    ($($kind:ty),*) => {$(
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = <serde_json::Value as serde::Deserialize>::deserialize(deserializer)?;
                <Self as crate::json::FromJson>::from_json(value).map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use deserialize_through_value;

/// An empty list as `null`, where the original's programs write it so.
pub(crate) fn null_if_empty<T: serde::Serialize, S: serde::Serializer>(
    items: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if items.is_empty() { serializer.serialize_none() } else { serializer.collect_seq(items) }
}

/// `skip_serializing_if` wants a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(crate) fn is_false(flag: &bool) -> bool {
    !*flag
}
