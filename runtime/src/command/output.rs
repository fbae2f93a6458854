//! JSON on standard output.

use std::io::Write as _;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, PrettyFormatter, Serializer};

use crate::error::Failure;

/// The value of a flag `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// On one line.
    Json,
    /// Indented with tabs.
    JsonPretty,
}

impl Format {
    /// Reads the flag; none is a table or lines.
    pub fn parse(text: Option<&str>) -> Result<Option<Self>, Failure> {
        match text {
            None | Some("") => Ok(None),
            Some("json") => Ok(Some(Self::Json)),
            Some("json-pretty") => Ok(Some(Self::JsonPretty)),
            Some(other) => Err(Failure::new(format!("invalid argument \"{other}\" for --format"))
                .hint("give json or json-pretty")),
        }
    }
}

/// Prints a value and a newline.
pub fn json(value: &impl Serialize, format: Format) -> Result<(), Failure> {
    let mut text = Vec::new();
    match format {
        Format::Json => value.serialize(&mut Serializer::with_formatter(&mut text, CompactFormatter))?,
        Format::JsonPretty => {
            value
                .serialize(&mut Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t")))?;
        }
    }
    text.push(b'\n');
    std::io::stdout().write_all(&text)?;
    Ok(())
}
