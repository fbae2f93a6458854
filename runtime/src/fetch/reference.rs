//! What kind of thing an image reference is.

use std::path::{Path, PathBuf};

use super::FetchError;
use crate::store::StoredName;

/// An image reference that is not a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// An image file, absolute.
    File(PathBuf),
    /// An image name with labels.
    Name(StoredName),
    /// Something on the network.
    Later {
        /// `http`, `https`, `docker` or `cimd`.
        scheme: String,
        /// What was given.
        text: String,
    },
}

/// The error for a reference that a later version of rkt understands.
pub fn later_scheme(scheme: &str, text: String) -> FetchError {
    let what = match scheme {
        "docker" => "images from registries",
        "cimd" => "images by distribution URI",
        _ => "images over http",
    };
    FetchError::Later { text, what }
}

impl Reference {
    /// Decides by the form of the text, and for a text that could be both a name and a path by whether there is such
    /// a file.
    pub fn parse(text: &str) -> Result<Reference, FetchError> {
        let bad =
            |reason: &str| FetchError::BadReference { text: text.to_owned(), reason: reason.to_owned() };
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        let scheme = scheme_of(text);
        match scheme.as_deref() {
            Some(scheme @ ("http" | "https")) => {
                let path = text.split(['?', '#']).next().unwrap_or_default();
                if !ends_in_aci(path) {
                    return Err(bad("the path of a URL must end in .aci"));
                }
                return Ok(Reference::Later { scheme: scheme.to_owned(), text: text.to_owned() });
            }
            Some("file") => {
                let path = file_url_path(text)
                    .ok_or_else(|| bad("a file URL has the form file:///absolute/path.aci"))?;
                if !ends_in_aci(&path) {
                    return Err(bad("the path of a URL must end in .aci"));
                }
                return Ok(Reference::File(PathBuf::from(path)));
            }
            Some(scheme @ ("docker" | "cimd")) => {
                return Ok(Reference::Later { scheme: scheme.to_owned(), text: text.to_owned() });
            }
            Some(_) if !is_file(text) => return name(text),
            None | Some(_) => {}
        }
        let path = Path::new(text);
        let is_path = path.is_absolute()
            || is_file(text)
            || (!text.contains(':') && (text.contains("./") || ends_in_aci(text)));
        if is_path {
            let path = std::path::absolute(path)
                .map_err(|source| FetchError::File { path: path.to_owned(), source })?;
            return Ok(Reference::File(path));
        }
        name(text)
    }
}

fn name(text: &str) -> Result<Reference, FetchError> {
    text.parse().map(Reference::Name).map_err(|error: crate::store::StoreError| {
        let reason = match error {
            crate::store::StoreError::BadReference { reason, .. } => reason,
            other => other.to_string(),
        };
        FetchError::BadReference { text: text.to_owned(), reason }
    })
}

fn is_file(text: &str) -> bool {
    std::fs::metadata(text).is_ok_and(|about| about.is_file())
}

fn ends_in_aci(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "aci")
}

/// The scheme of a URL in lower case: letters, digits, `+`, `-` and `.` before the first colon, a letter first.
fn scheme_of(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let fits = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    fits.then(|| scheme.to_ascii_lowercase())
}

/// The decoded path of `file:///path` or `file:/path`.
fn file_url_path(text: &str) -> Option<String> {
    let rest = text.split_once(':')?.1;
    let rest = rest.split(['?', '#']).next()?;
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
        None => rest,
    };
    if !path.starts_with('/') {
        return None;
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}
