//! The notes of an object about libraries that it opens while it runs.
//!
//! Facts: "ELF dlopen metadata" of the UAPI group. The section has any name; the note's type and owner tell. The
//! payload is a JSON array; the first version of the text had a single object, and one name instead of an array.

use serde::Deserialize;

/// The note's type.
pub(crate) const NOTE_TYPE: u32 = 0x407c_0c0a;
/// The note's owner.
pub(crate) const NOTE_OWNER: &[u8] = b"FDO";
/// Most libraries, or groups of alternatives, that one object may name.
pub const MAX_DLOPEN: usize = 256;
/// Most alternatives for one library; the macro of systemd takes five.
pub const MAX_ALTERNATIVES: usize = 32;

/// How much an object needs a library that it opens.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Only for all features.
    Suggested,
    /// It works without, but should have it.
    #[default]
    Recommended,
    /// It does not work without.
    Required,
}

impl Priority {
    /// The word of the note.
    pub fn name(self) -> &'static str {
        match self {
            Priority::Suggested => "suggested",
            Priority::Recommended => "recommended",
            Priority::Required => "required",
        }
    }
}

/// A library that an object opens by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dlopen {
    /// Names of which one is enough, the preferred one first.
    #[serde(deserialize_with = "one_or_many")]
    pub soname: Vec<String>,
    /// A keyword for what needs it.
    pub feature: Option<String>,
    /// What needs it, for people.
    pub description: Option<String>,
    /// How much it is needed.
    #[serde(default)]
    pub priority: Priority,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match Names::deserialize(from)? {
        Names::One(one) => vec![one],
        Names::Many(many) => many,
    })
}

/// Adds what a note's payload says.
pub(crate) fn parse(payload: &[u8], found: &mut Vec<Dlopen>) -> Result<(), String> {
    let end = payload.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let payload = &payload[..end];
    let many: Vec<Dlopen> = if payload.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice(payload).map(|one| vec![one])
    } else {
        serde_json::from_slice(payload)
    }
    .map_err(|error| format!("a note about dlopen: {error}"))?;
    for one in many {
        if one.soname.is_empty() || one.soname.iter().any(String::is_empty) {
            return Err("a note about dlopen names no library".to_owned());
        }
        if one.soname.len() > MAX_ALTERNATIVES {
            return Err(format!("a note about dlopen has more than {MAX_ALTERNATIVES} alternatives"));
        }
        if found.len() == MAX_DLOPEN {
            return Err(format!("notes about more than {MAX_DLOPEN} libraries"));
        }
        found.push(one);
    }
    Ok(())
}
