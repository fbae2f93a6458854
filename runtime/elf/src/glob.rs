//! Patterns of files, as `include` lines have them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::error::ClosureError;
use crate::tree::Tree;

/// Longest pattern of one component, in bytes; also the longest name of a file.
const MAX_PATTERN: usize = 255;

/// The paths that a pattern stands for, sorted by their bytes. A path without pattern characters stands for itself.
pub(crate) fn files(tree: &mut Tree, pattern: &Path, limit: usize) -> Result<Vec<PathBuf>, ClosureError> {
    let mut paths = vec![PathBuf::from("/")];
    for part in pattern.components() {
        let name = match part {
            Component::Normal(name) if is_pattern(name) => name,
            Component::RootDir => continue,
            plain => {
                for path in &mut paths {
                    path.push(plain);
                }
                continue;
            }
        };
        let mut next = Vec::new();
        for path in &paths {
            // Directories that cannot be listed hold nothing, as glob(3) has it.
            let Ok(found) = &*tree.directory(path)? else { continue };
            let wanted = &|entry: &OsStr| matches(name.as_bytes(), entry.as_bytes());
            let names = tree.names(found.node, limit + 1, wanted)?;
            next.extend(names.into_iter().map(|name| path.join(name)));
            if next.len() > limit {
                return Err(ClosureError::Limit { what: "files of a pattern", limit });
            }
        }
        paths = next;
    }
    Ok(paths)
}

fn is_pattern(name: &OsStr) -> bool {
    name.as_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// Whether a name fits a pattern of `*`, `?`, `[…]` and `\`; a dot at the start only fits a dot.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if pattern.len() > MAX_PATTERN || (name.first() == Some(&b'.') && pattern.first() != Some(&b'.')) {
        return false;
    }
    let (mut pattern, mut name) = (pattern, name);
    // Where to go on when what follows the last star does not fit.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            again = Some((rest, name));
            pattern = rest;
            continue;
        }
        if pattern.is_empty() && name.is_empty() {
            return true;
        }
        if let Some(rest) = one(pattern, name.first().copied()) {
            (pattern, name) = (rest, &name[1..]);
            continue;
        }
        match again {
            Some((rest, [_, tail @ ..])) => {
                again = Some((rest, tail));
                (pattern, name) = (rest, tail);
            }
            _ => return false,
        }
    }
}

/// What is left of the pattern when its first part fits the byte.
fn one(pattern: &[u8], byte: Option<u8>) -> Option<&[u8]> {
    let byte = byte?;
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'\\', quoted, rest @ ..] => (*quoted == byte).then_some(rest),
        [b'[', rest @ ..] => match set(rest, byte) {
            Some((fits, rest)) => fits.then_some(rest),
            // Without its end a bracket is only a bracket.
            None => (byte == b'[').then_some(rest),
        },
        [first, rest @ ..] => (*first == byte).then_some(rest),
    }
}

/// Whether a byte is in a set, and what follows the set; none when the set does not end.
fn set(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match pattern {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut fits, mut first) = (false, true);
    loop {
        rest = match rest {
            [b']', rest @ ..] if !first => return Some((fits != negated, rest)),
            [from, b'-', to, rest @ ..] if *to != b']' => {
                fits |= (*from..=*to).contains(&byte);
                rest
            }
            [one, rest @ ..] => {
                fits |= *one == byte;
                rest
            }
            [] => return None,
        };
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{files, matches};
    use crate::memory::MemoryRoot;
    use crate::tree::Tree;
    use std::path::Path;

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            (".*", ".conf", true),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("*ab", "aab", true),
            ("?", "x", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[]]", "]", true),
            ("[a-]", "-", true),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("**", "abc", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
        // no name takes more than its length times that of the pattern
        assert!(!matches(&b"*a".repeat(100), &b"a".repeat(99)));
    }

    #[test]
    fn patterns_in_directories_too() {
        let mut root = MemoryRoot::new();
        root.file("/a/x/1.conf", "").file("/a/y/2.conf", "").file("/a/y/.3.conf", "").file("/a/z", "");
        root.link("/b", "a");
        let list = |pattern: &str, limit| {
            let found = files(&mut Tree::new(&root), Path::new(pattern), limit);
            found.map(|found| found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>())
        };
        assert_eq!(list("/a/*/*.conf", 9).unwrap(), ["/a/x/1.conf", "/a/y/2.conf"]);
        assert_eq!(list("/b/?/2*", 9).unwrap(), ["/b/y/2.conf"]);
        assert_eq!(list("/b/../a/z/*", 9).unwrap(), [""; 0]);
        assert_eq!(list("/none", 9).unwrap(), ["/none"]);
        assert!(list("/a/*", 2).is_err());
    }
}
