//! AC names, AC identifiers and versions.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use crate::json::json_string;

/// A text that is not an AC name, AC identifier or version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: {rule}")]
pub struct InvalidName {
    /// The text as given.
    pub text: String,
    kind: &'static str,
    rule: String,
}

const NAME_SEPARATORS: &[u8] = b"-";
const IDENTIFIER_SEPARATORS: &[u8] = b"-._~/";

/// The rule that the original enforces. The grammar of the specification is stricter (no two separators in a row), but
/// the original's own sanitising makes names such as `a--b`, so a strict reader would refuse pods and images in use.
fn check(text: &str, kind: &'static str, separators: &[u8]) -> Result<(), InvalidName> {
    let allowed = format!("a-z, 0-9 and `{}`", String::from_utf8_lossy(separators));
    let fail = |rule: String| Err(InvalidName { text: text.to_owned(), kind, rule });
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return fail("it is empty".to_owned());
    };
    let legal = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || separators.contains(b);
    if !bytes.iter().all(legal) {
        return fail(format!("only {allowed} are allowed"));
    }
    if separators.contains(first) || separators.contains(last) {
        return fail("it must begin and end with a letter or digit".to_owned());
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $kind:ident, $called:literal, $separators:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $kind(String);

        impl $kind {
            /// Checks a text.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                check(&text, $called, $separators)?;
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $kind {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $kind {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $kind {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $kind {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $kind {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl From<$kind> for String {
            fn from(name: $kind) -> String {
                name.0
            }
        }

        json_string!($kind);
    };
}

name_type!(
    /// Name of an app, volume, mount point or port: `[a-z0-9-]`, no dash at either end.
    AcName,
    "an AC name",
    NAME_SEPARATORS
);
name_type!(
    /// Name of an image, label or annotation: `[a-z0-9-._~/]`, no separator at either end.
    AcIdentifier,
    "an AC identifier",
    IDENTIFIER_SEPARATORS
);

impl AcName {
    /// Makes a name of any text: lower case, everything illegal becomes a dash, dashes at the ends go, inner runs of
    /// dashes stay. An error only if nothing is left.
    pub fn sanitize(text: &str) -> Result<Self, InvalidName> {
        let dashed: String = text
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
            .collect();
        Self::new(dashed.trim_matches('-')).map_err(|e| InvalidName { text: text.to_owned(), ..e })
    }
}

/// A semantic version, such as an `acVersion`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SemVer(semver::Version);

impl SemVer {
    /// A version of three numbers.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// The parsed version.
    pub fn version(&self) -> &semver::Version {
        &self.0
    }
}

impl FromStr for SemVer {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        semver::Version::parse(text).map(Self).map_err(|e| InvalidName {
            text: text.to_owned(),
            kind: "a version of the form X.Y.Z",
            rule: e.to_string(),
        })
    }
}

impl fmt::Display for SemVer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

json_string!(SemVer);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_lenient_rule() {
        for (text, name, identifier) in [
            ("a", true, true),
            ("a--b", true, true),
            ("0-9", true, true),
            ("a.b", false, true),
            ("coreos.com/rkt/stage1-fly", false, true),
            ("a~_b", false, true),
            ("", false, false),
            ("-a", false, false),
            ("a-", false, false),
            ("/a", false, false),
            ("a/", false, false),
            ("A", false, false),
            ("a b", false, false),
            ("é", false, false),
        ] {
            assert_eq!(AcName::new(text).is_ok(), name, "name {text:?}");
            assert_eq!(AcIdentifier::new(text).is_ok(), identifier, "identifier {text:?}");
        }
    }

    #[test]
    fn sanitizing() {
        for (text, want) in
            [("Busy_Box", "busy-box"), ("-a..b-", "a--b"), ("stage1:1.0", "stage1-1-0"), ("ÄB", "b")]
        {
            assert_eq!(AcName::sanitize(text).unwrap(), want);
        }
        assert!(AcName::sanitize("__").is_err());
    }

    #[test]
    fn versions() {
        assert!("1.30.0+git-dirty".parse::<SemVer>().is_ok());
        let error = "1.30".parse::<SemVer>().unwrap_err().to_string();
        assert!(error.starts_with("`1.30` is not a version"), "{error}");
    }
}
