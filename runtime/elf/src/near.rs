//! Names that are similar to a missing one.

use std::ffi::OsStr;

use crate::error::{ClosureError, Miss, Reason};
use crate::tree::Tree;

/// Most misses that get suggestions: each costs a list of every directory.
const MAX_MISSES: usize = 32;
/// Most suggestions for one.
const MAX_NAMES: usize = 5;

/// Adds the similar names to the misses.
pub(crate) fn fill(tree: &mut Tree, misses: &mut [Miss]) -> Result<(), ClosureError> {
    for miss in misses.iter_mut().take(MAX_MISSES) {
        let Reason::NotFound { searched, near, .. } = &mut miss.reason else { continue };
        let Some(wanted) = stem(&miss.name) else { continue };
        let mut seen = Vec::new();
        for directory in searched.iter().filter(|directory| directory.exists) {
            let Ok(found) = &*tree.directory(&directory.path)? else { continue };
            // /lib and /usr/lib are often the same.
            if near.len() >= MAX_NAMES || seen.contains(&found.node) {
                continue;
            }
            seen.push(found.node);
            let similar = &|name: &OsStr| name != miss.name && stem(name) == Some(wanted);
            let names = tree.names(found.node, MAX_NAMES, similar)?;
            near.extend(names.into_iter().map(|name| directory.path.join(name)));
        }
        near.truncate(MAX_NAMES);
    }
    Ok(())
}

/// A library's name without its version, whichever way it is written: `libfoo.so.1`, `libfoo-1.2.so`.
fn stem(name: &OsStr) -> Option<&[u8]> {
    let name = name.as_encoded_bytes();
    let end = name.windows(3).position(|part| part == b".so")?;
    let stem = &name[..end];
    let version = stem.iter().rev().take_while(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'_'));
    let stem = &stem[..stem.len() - version.count()];
    (!stem.is_empty()).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::stem;
    use std::ffi::OsStr;

    #[test]
    fn stems() {
        for (name, wanted) in [
            ("libfoo.so.1", Some("libfoo")),
            ("libfoo-1.2.so", Some("libfoo")),
            ("libsystemd-shared-252.so", Some("libsystemd-shared")),
            ("libfoo", None),
            ("123.so", None),
        ] {
            assert_eq!(stem(OsStr::new(name)), wanted.map(str::as_bytes), "{name}");
        }
    }
}
