//! The part of regular expressions with which tests are named.

use thiserror::Error;

/// Characters that mean something in a regular expression, and nothing here.
const UNSUPPORTED: &[char] = &['.', '*', '+', '?', '(', ')', '[', ']', '{', '}', '\\'];

/// Texts, one of which must be found: `a|b`, `^a`, `a$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Alternative {
    text: String,
    from_start: bool,
    to_end: bool,
}

/// Why something is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidPattern {
    /// A part of regular expressions that is not supported.
    #[error("\"{0}\" is a part of regular expressions that is not supported here")]
    Unsupported(char),
    /// Nothing between two bars, or nothing at all.
    #[error("an empty name would match every test")]
    Empty,
    /// `^` or `$` not at the edge of an alternative.
    #[error("\"{0}\" stands neither at the beginning nor at the end of a name")]
    Anchor(char),
}

impl Pattern {
    /// Reads alternatives that are separated by `|`, each with an optional `^` before and `$` behind it.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if let Some(found) = text.chars().find(|c| UNSUPPORTED.contains(c)) {
            return Err(InvalidPattern::Unsupported(found));
        }
        let alternative = |part: &str| {
            let (from_start, rest) = part.strip_prefix('^').map_or((false, part), |rest| (true, rest));
            let (to_end, rest) = rest.strip_suffix('$').map_or((false, rest), |rest| (true, rest));
            match rest.chars().find(|c| matches!(c, '^' | '$')) {
                Some(anchor) => Err(InvalidPattern::Anchor(anchor)),
                None if rest.is_empty() => Err(InvalidPattern::Empty),
                None => Ok(Alternative { text: rest.to_owned(), from_start, to_end }),
            }
        };
        Ok(Self { alternatives: text.split('|').map(alternative).collect::<Result<_, _>>()? })
    }

    /// Whether one of the texts is found where it has to be.
    pub fn matches(&self, path: &str) -> bool {
        self.alternatives.iter().any(|Alternative { text, from_start, to_end }| match (from_start, to_end) {
            (false, false) => path.contains(text),
            (true, false) => path.starts_with(text),
            (false, true) => path.ends_with(text),
            (true, true) => path == text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_and_anchors() {
        for (pattern, path, matches) in [
            ("dns", "dns::host::a", true),
            ("host::a", "dns::host::a", true),
            ("^host", "dns::host::a", false),
            ("^dns", "dns::host::a", true),
            ("a$", "dns::host::a", true),
            ("host$", "dns::host::a", false),
            ("^dns::host::a$", "dns::host::a", true),
            ("^dns::host$", "dns::host::a", false),
            ("mtab|^dns", "dns::host::a", true),
            ("mtab|env", "dns::host::a", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(path), matches, "{pattern}");
        }
    }

    #[test]
    fn what_is_not_supported_is_told() {
        for (pattern, expected) in [
            ("Test.*Dns", InvalidPattern::Unsupported('.')),
            ("(a|b)", InvalidPattern::Unsupported('(')),
            ("a[12]", InvalidPattern::Unsupported('[')),
            ("a\\d", InvalidPattern::Unsupported('\\')),
            ("", InvalidPattern::Empty),
            ("a|", InvalidPattern::Empty),
            ("^$", InvalidPattern::Empty),
            ("a$b", InvalidPattern::Anchor('$')),
            ("a^", InvalidPattern::Anchor('^')),
        ] {
            assert_eq!(Pattern::parse(pattern), Err(expected), "{pattern}");
        }
    }
}
