//! The image ID.

use std::fmt;
use std::str::FromStr;

use crate::json::json_string;

/// Bytes of the digest that the ID keeps: the first half of a SHA-512.
const KEPT: usize = 32;
const PREFIX: &str = "sha512-";

/// Name of an image by content: `sha512-` and the first 64 hex digits of the SHA-512 of the uncompressed archive.
///
/// All 128 digits are accepted as input and cut, as the original does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId([u8; KEPT]);

/// A text that is not an image ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an image ID: it must be `sha512-` and 64 (or 128) lower-case hex digits")]
pub struct InvalidImageId(pub String);

impl ImageId {
    /// The ID of an archive whose uncompressed bytes have this SHA-512.
    pub fn from_sha512(digest: &[u8; 64]) -> Self {
        let mut kept = [0; KEPT];
        kept.copy_from_slice(&digest[..KEPT]);
        Self(kept)
    }

    /// The kept half of the digest.
    pub fn as_bytes(&self) -> &[u8; KEPT] {
        &self.0
    }

    /// `sha512-` and the first `digits` hex digits (at most 64): for display.
    pub fn short(&self, digits: usize) -> String {
        let mut text = self.to_string();
        text.truncate(PREFIX.len() + digits.min(2 * KEPT));
        text
    }
}

impl FromStr for ImageId {
    type Err = InvalidImageId;

    fn from_str(text: &str) -> Result<Self, InvalidImageId> {
        let fail = || InvalidImageId(text.to_owned());
        let digits = text.strip_prefix(PREFIX).ok_or_else(fail)?.as_bytes();
        if digits.len() != 2 * KEPT && digits.len() != 4 * KEPT {
            return Err(fail());
        }
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(fail()),
        };
        let mut kept = [0; KEPT];
        for (index, pair) in digits.chunks_exact(2).enumerate() {
            let byte = value(pair[0])? << 4 | value(pair[1])?;
            if let Some(slot) = kept.get_mut(index) {
                *slot = byte;
            }
        }
        Ok(Self(kept))
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let mut text = String::with_capacity(PREFIX.len() + 2 * KEPT);
        text.push_str(PREFIX);
        for byte in self.0 {
            write!(text, "{byte:02x}")?;
        }
        f.pad(&text)
    }
}

impl fmt::Debug for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageId({self})")
    }
}

json_string!(ImageId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_digests_are_cut_and_nothing_else_is_accepted() {
        let half = format!("sha512-{}", "0a".repeat(32));
        let id: ImageId = half.parse().unwrap();
        assert_eq!(id.to_string(), half);
        assert_eq!(format!("{half}{}", "ff".repeat(32)).parse::<ImageId>().unwrap(), id);
        assert_eq!(id.short(12), "sha512-0a0a0a0a0a0a");
        assert_eq!(id.short(1000), half);
        assert_eq!(ImageId::from_sha512(&[10; 64]), id);
        for bad in ["", "sha512-", "sha512-0a", &half[7..], &half.to_uppercase(), &half.replace('a', "g")] {
            assert!(bad.parse::<ImageId>().is_err(), "{bad}");
        }
    }
}
