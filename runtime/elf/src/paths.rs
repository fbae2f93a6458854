//! Search paths of objects: lists of directories with tokens in them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::arch::Arch;

/// Most directories that the tokens of one search path may stand for.
const MAX_EXPANDED: usize = 256;
/// Most tokens in one directory; one with more is left out.
const MAX_TOKENS: usize = 8;
/// Longest path of the kernel, in bytes (`PATH_MAX`); there is nothing at a longer one.
const MAX_PATH: usize = 4096;

/// The directories of a search path, in order, each once.
///
/// Relative ones, and empty ones, which mean the same, are left out: they depend on where a program is started, and
/// nothing from there belongs to it. `$LIB` and `$PLATFORM` have one value in a loader, but which one depends on its
/// distribution and on the processor: all values are tried, see [`Arch::lib`].
pub(crate) fn glibc(list: &OsStr, origin: Option<&Path>, arch: &Arch) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = Vec::new();
    for element in list.as_bytes().split(|byte| *byte == b':') {
        for path in expand(element, origin, arch) {
            if let Some(path) = clean(&path)
                && !directories.contains(&path)
                && directories.len() < MAX_EXPANDED
            {
                directories.push(path);
            }
        }
    }
    directories
}

/// The same for musl, which knows `$ORIGIN` only, and forgets the whole list if anything else is in it.
pub(crate) fn musl(list: &OsStr, origin: Option<&Path>) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = Vec::new();
    for element in list.as_bytes().split(|byte| matches!(byte, b':' | b'\n')) {
        let mut path = Vec::new();
        let mut rest = element;
        while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
            let token = &rest[dollar + 1..];
            let after = token.strip_prefix(b"ORIGIN").or_else(|| token.strip_prefix(b"{ORIGIN}"));
            let (Some(after), Some(origin)) = (after, origin) else { return Vec::new() };
            path.extend_from_slice(&rest[..dollar]);
            path.extend_from_slice(origin.as_os_str().as_bytes());
            rest = after;
        }
        path.extend_from_slice(rest);
        if let Some(path) = clean(&path)
            && !directories.contains(&path)
        {
            directories.push(path);
        }
    }
    directories
}

/// The paths that a name with slashes in it stands for.
pub(crate) fn name(name: &OsStr, origin: Option<&Path>, arch: &Arch) -> Vec<PathBuf> {
    let expanded = expand(name.as_bytes(), origin, arch).into_iter();
    expanded
        .filter(|path| path.starts_with(b"/"))
        .map(|path| PathBuf::from(OsString::from_vec(path)))
        .collect()
}

fn clean(path: &[u8]) -> Option<PathBuf> {
    let slashes = path.iter().rev().take_while(|byte| **byte == b'/').count();
    let end = (path.len() - slashes).max(1);
    let fits = path.starts_with(b"/") && end < MAX_PATH;
    fits.then(|| PathBuf::from(OsStr::from_bytes(&path[..end])))
}

/// What the tokens of one element stand for; nothing when the value of one is not known.
fn expand(element: &[u8], origin: Option<&Path>, arch: &Arch) -> Vec<Vec<u8>> {
    if element.split(|byte| *byte == b'$').count() > MAX_TOKENS + 1 {
        return Vec::new();
    }
    let mut paths = vec![Vec::new()];
    let mut rest = element;
    while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
        for path in &mut paths {
            path.extend_from_slice(&rest[..dollar]);
        }
        rest = &rest[dollar + 1..];
        let values: Vec<&[u8]> = if let Some(after) = token(rest, b"ORIGIN") {
            rest = after;
            origin.iter().map(|origin| origin.as_os_str().as_bytes()).collect()
        } else if let Some(after) = token(rest, b"PLATFORM") {
            rest = after;
            arch.platforms.iter().map(|platform| platform.as_bytes()).collect()
        } else if let Some(after) = token(rest, b"LIB") {
            rest = after;
            arch.lib.iter().map(|lib| lib.as_bytes()).collect()
        } else {
            vec![b"$"]
        };
        let each = paths.iter().flat_map(|path| values.iter().map(move |value| [path, *value].concat()));
        paths = each.take(MAX_EXPANDED).collect();
    }
    for path in &mut paths {
        path.extend_from_slice(rest);
    }
    paths
}

/// What follows the token, with or without braces; a longer word is another word.
fn token<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if let Some(text) = text.strip_prefix(b"{") {
        return text.strip_prefix(name)?.strip_prefix(b"}");
    }
    let after = text.strip_prefix(name)?;
    let longer = after.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (!longer).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::{glibc, musl, name};
    use crate::arch::ARCHES;
    use std::ffi::OsStr;
    use std::path::{Path, PathBuf};

    fn show(paths: &[PathBuf]) -> String {
        paths.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tokens_of_glibc() {
        let arch = &ARCHES[0];
        for (list, directories) in [
            ("/a:/b", "/a /b"),
            ("/a::/b/:/a", "/a /b"),
            ("///", "/"),
            ("lib:./x:/c", "/c"),
            ("$ORIGIN", "/opt/bin"),
            ("${ORIGIN}/../lib", "/opt/bin/../lib"),
            ("/x$ORIGIN", "/x/opt/bin"),
            ("$ORIGINAL/x:/$ORIGIN_/y", "/$ORIGIN_/y"),
            ("/q/${ORIGIN", "/q/${ORIGIN"),
            ("/usr/$LIB", "/usr/lib/x86_64-linux-gnu /usr/lib64 /usr/lib"),
            ("/$PLATFORM/${LIB}", "/x86_64/lib/x86_64-linux-gnu /x86_64/lib64 /x86_64/lib"),
            ("/a$", "/a$"),
        ] {
            let found = glibc(OsStr::new(list), Some(Path::new("/opt/bin")), arch);
            assert_eq!(show(&found), directories, "{list}");
        }
        assert_eq!(show(&glibc(OsStr::new("$ORIGIN/a:/b"), None, arch)), "/b");
        assert_eq!(glibc(OsStr::new(&format!("/{}", "$LIB".repeat(8))), None, arch).len(), 256);
        assert_eq!(glibc(OsStr::new(&format!("/{}", "$LIB".repeat(9))), None, arch).len(), 0);
    }

    #[test]
    fn tokens_of_musl() {
        for (list, directories) in [
            ("/a:$ORIGIN/../lib\n/b", "/a /opt/bin/../lib /b"),
            ("/a:/$LIB", ""),
            ("${ORIGIN}x", "/opt/binx"),
        ] {
            assert_eq!(show(&musl(OsStr::new(list), Some(Path::new("/opt/bin")))), directories, "{list}");
        }
    }

    #[test]
    fn names_with_slashes() {
        let path = |text: &str| show(&name(OsStr::new(text), Some(Path::new("/o")), &ARCHES[0]));
        assert_eq!(path("/a/b.so"), "/a/b.so");
        assert_eq!(path("$ORIGIN/b.so"), "/o/b.so");
        assert_eq!(path("a/b.so"), "");
    }
}
