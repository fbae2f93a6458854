//! `--insecure-options`: what the user does not insist on.

use crate::error::Failure;

/// A set of checks that are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InsecureOptions(u8);

/// Names as they are typed, with their bits.
const NAMES: [(&str, u8); 12] = [
    ("none", 0),
    ("image", 1),
    ("tls", 2),
    ("ondisk", 4),
    ("http", 8),
    ("pubkey", 16),
    ("capabilities", 32),
    ("paths", 64),
    ("seccomp", 128),
    ("all-fetch", 1 | 2 | 8 | 16),
    ("all-run", 32 | 64 | 128),
    ("all", 255),
];

impl InsecureOptions {
    /// Reads the lists of all uses of the flag. Case does not matter; an unknown item is an error, and so is one that is
    /// repeated in one list.
    pub fn parse(lists: &[String]) -> Result<Self, Failure> {
        let mut bits = 0;
        for list in lists {
            let mut seen = Vec::new();
            for item in list.split(',') {
                let lower = item.to_ascii_lowercase();
                let invalid = |why: String| {
                    Failure::new(format!("invalid argument \"{list}\" for --insecure-options={list}: {why}"))
                };
                let Some((name, bit)) = NAMES.iter().find(|(name, _)| *name == lower) else {
                    return Err(invalid(format!("unknown option \"{item}\""))
                        .hint(format!("the options are {}", NAMES.map(|(name, _)| name).join(", "))));
                };
                if seen.contains(name) {
                    return Err(invalid(format!("duplicated option: {name}")));
                }
                seen.push(name);
                bits |= bit;
            }
        }
        Ok(Self(bits))
    }

    /// No signatures of images.
    pub fn image(self) -> bool {
        self.0 & 1 != 0
    }

    /// No check of TLS certificates.
    pub fn tls(self) -> bool {
        self.0 & 2 != 0
    }

    /// Plain http.
    pub fn http(self) -> bool {
        self.0 & 8 != 0
    }

    /// Public keys over plain http.
    pub fn pubkey(self) -> bool {
        self.0 & 16 != 0
    }

    /// Apps keep all capabilities.
    pub fn capabilities(self) -> bool {
        self.0 & 32 != 0
    }

    /// Kernel files that are hidden from apps stay visible.
    pub fn paths(self) -> bool {
        self.0 & 64 != 0
    }

    /// No system call filter.
    pub fn seccomp(self) -> bool {
        self.0 & 128 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &str) -> Result<u8, String> {
        InsecureOptions::parse(&[list.to_owned()]).map(|o| o.0).map_err(|e| e.what)
    }

    #[test]
    fn lists() {
        for (list, bits) in [
            ("none", 0),
            ("image", 1),
            ("Image,TLS", 3),
            ("all-fetch", 27),
            ("all-run", 224),
            ("all", 255),
            ("http,ondisk,pubkey", 28),
        ] {
            assert_eq!(parse(list), Ok(bits), "{list}");
        }
        assert_eq!(
            parse("foo"),
            Err("invalid argument \"foo\" for --insecure-options=foo: unknown option \"foo\"".into())
        );
        assert!(parse("image,image").is_err());
        assert!(parse("").is_err());
        let twice = InsecureOptions::parse(&["image".to_owned(), "image,http".to_owned()]);
        assert_eq!(twice.map(|options| options.0), Ok(9));
    }
}
