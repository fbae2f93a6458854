//! Paths and modes inside an image.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use thiserror::Error;

/// Longest path in an image, in bytes: `PATH_MAX` of Linux with room for the place the image is unpacked at.
const MAX_LENGTH: usize = 3072;

/// An absolute path inside an image, such as `/rkt/status`: no empty, `.` or `..` component, not `/` itself.
///
/// Bytes, not text: the names in images made by others need not be UTF-8. Ordered bytewise.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ImagePath(Vec<u8>);

/// Why something is not an image path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{path}\" is not a path inside an image: {why}")]
pub struct InvalidPath {
    path: String,
    why: &'static str,
}

impl ImagePath {
    /// Checks the bytes of an absolute path.
    pub fn new(path: impl Into<Vec<u8>>) -> Result<Self, InvalidPath> {
        let path = path.into();
        let why = if path.len() > MAX_LENGTH {
            "it is longer than 3072 bytes"
        } else if path.contains(&0) {
            "it holds a NUL byte"
        } else {
            match path.strip_prefix(b"/") {
                None => "it does not begin with /",
                Some(rest) => match rest.split(|&byte| byte == b'/').find_map(fault_of_component) {
                    None => return Ok(Self(path)),
                    Some(why) => why,
                },
            }
        };
        Err(InvalidPath { path: String::from_utf8_lossy(&path).into_owned(), why })
    }

    /// The bytes, beginning with `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path relative to the root of the image, without the leading `/`.
    pub fn inside(&self) -> &[u8] {
        &self.0[1..]
    }

    /// The text, with a replacement character for what is not UTF-8.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The directory that holds it, unless that is the root.
    pub fn parent(&self) -> Option<Self> {
        match self.0.iter().rposition(|&byte| byte == b'/') {
            None | Some(0) => None,
            Some(end) => Some(Self(self.0[..end].to_vec())),
        }
    }

    /// The text of a relative symbolic link at `self` that leads to `target`.
    pub fn link_to(&self, target: &Self) -> Vec<u8> {
        let from: Vec<&[u8]> = self.inside().split(|&byte| byte == b'/').collect();
        let to: Vec<&[u8]> = target.inside().split(|&byte| byte == b'/').collect();
        let shared =
            from[..from.len() - 1].iter().zip(&to[..to.len() - 1]).take_while(|(a, b)| a == b).count();
        let up = std::iter::repeat_n(&b".."[..], from.len() - 1 - shared);
        up.chain(to[shared..].iter().copied()).collect::<Vec<_>>().join(&b'/')
    }

    /// Where the text of a symbolic link at `self` leads inside the image, without following further links:
    /// `None` when it climbs out of the root, an empty list when it is the root.
    pub fn resolve_link(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut at: Vec<&[u8]> = match text.strip_prefix(b"/") {
            Some(_) => Vec::new(),
            None => self.inside().split(|&byte| byte == b'/').collect(),
        };
        at.pop();
        for component in text.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    at.pop()?;
                }
                name => at.push(name),
            }
        }
        Some(at.join(&b'/'))
    }
}

fn fault_of_component(component: &[u8]) -> Option<&'static str> {
    match component {
        b"" => Some("it has an empty component"),
        b"." => Some("it has a . component"),
        b".." => Some("it has a .. component"),
        name if name.len() > 255 => Some("a component is longer than 255 bytes"),
        _ => None,
    }
}

impl TryFrom<String> for ImagePath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::new(text)
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), f)
    }
}

/// Permission bits, written in octal as text: `"0755"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Mode(u32);

/// Why something is not a mode.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{0}\" is not a mode; write it in octal with a leading zero, such as \"0755\"")]
pub struct InvalidMode(String);

impl Mode {
    /// `0755`
    pub const PROGRAM: Self = Self(0o755);
    /// `0644`
    pub const DATA: Self = Self(0o644);
    /// `0777`, the mode that every symbolic link has.
    pub const LINK: Self = Self(0o777);

    /// The bits of a number.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl TryFrom<String> for Mode {
    type Error = InvalidMode;

    fn try_from(text: String) -> Result<Self, InvalidMode> {
        let octal = text.starts_with('0') && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        match u32::from_str_radix(&text, 8) {
            Ok(bits) if octal && bits <= 0o7777 => Ok(Self(bits)),
            _ => Err(InvalidMode(text)),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::new(text).unwrap()
    }

    #[test]
    fn only_plain_absolute_paths_are_taken() {
        for good in ["/a", "/a/b.c", "/..a/...", "/ä"] {
            assert_eq!(path(good).to_string(), good);
        }
        for bad in ["", "/", "a", "/a/", "//a", "/a/../b", "/.", "/a\0b", &format!("/{}", "x".repeat(256))] {
            ImagePath::new(bad).unwrap_err();
        }
        ImagePath::new("/a".repeat(2000)).unwrap_err();
    }

    #[test]
    fn links_are_relative_and_lead_back() {
        for (from, to, text) in [
            ("/run", "/stage1", "stage1"),
            ("/a/b", "/a/c", "c"),
            ("/a/b/c", "/x", "../../x"),
            ("/a", "/b/c", "b/c"),
            ("/a/b/c", "/a/b", "../b"),
            ("/a/x", "/b/x", "../b/x"),
        ] {
            let link = path(from).link_to(&path(to));
            assert_eq!(String::from_utf8_lossy(&link), text, "{from} -> {to}");
            assert_eq!(path(from).resolve_link(&link).unwrap(), path(to).inside());
        }
        assert_eq!(path("/a/b").resolve_link(b"../.."), None);
        assert_eq!(path("/a/b").resolve_link(b"/x/./y/"), Some(b"x/y".to_vec()));
    }

    #[test]
    fn modes_are_octal_text() {
        assert_eq!(Mode::try_from("04755".to_owned()).unwrap().bits(), 0o4755);
        for bad in ["", "755", "0o755", "+755", "0788", "010000", "0x1"] {
            Mode::try_from(bad.to_owned()).unwrap_err();
        }
    }
}
