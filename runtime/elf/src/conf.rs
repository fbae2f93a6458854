//! The directories that a system adds for its loader: `ld.so.conf` of glibc, `ld-musl-ARCH.path` of musl.
//!
//! glibc's loader reads the cache that `ldconfig` makes of the former; the cache is not read here, since it may be older
//! than the tree, and an image may have none.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::ClosureError;
use crate::glob;
use crate::tree::Tree;

/// Largest configuration file, in bytes.
pub const MAX_CONF: usize = 64 << 10;
/// Most files that configuration files include.
pub const MAX_CONF_FILES: usize = 512;
/// Most directories that are configured.
pub const MAX_CONF_DIRECTORIES: usize = 512;

/// Most lines and included files that are read, but not yet followed.
const MAX_CONF_LINES: usize = 4096;

/// Where glibc's configuration is.
const LD_SO_CONF: &str = "/etc/ld.so.conf";

/// The directories of glibc's configuration, in order, each once; none when there is no configuration.
///
/// As `parse_conf` of `ldconfig` has it: `#` starts a comment anywhere, `include` takes patterns relative to its file,
/// `hwcap` lines count for nothing, every other line is one directory, of which `=TYPE` at the end is cut off.
pub(crate) fn glibc(tree: &mut Tree) -> Result<Vec<PathBuf>, ClosureError> {
    let mut directories: Vec<PathBuf> = Vec::new();
    // Files still to be read, the next one last; a file includes others at its place.
    let mut todo = vec![Todo::File(PathBuf::from(LD_SO_CONF))];
    // What a file says a second time is known, and files that include each other come to an end.
    let mut files = HashSet::new();
    while let Some(next) = todo.pop() {
        let path = match next {
            Todo::File(path) if !files.contains(&path) => path,
            Todo::File(_) => continue,
            Todo::Directory(path) => {
                if !directories.contains(&path) {
                    directories.push(path);
                    at_most(directories.len(), "directories in ld.so.conf", MAX_CONF_DIRECTORIES)?;
                }
                continue;
            }
        };
        files.insert(path.clone());
        at_most(files.len(), "files of ld.so.conf", MAX_CONF_FILES)?;
        let Some(text) = tree.small_file(&path, MAX_CONF)? else { continue };
        let mut found = Vec::new();
        for line in text.split(|byte| *byte == b'\n') {
            parse_line(tree, &path, line, &mut found)?;
        }
        todo.extend(found.into_iter().rev());
        at_most(todo.len(), "lines in ld.so.conf", MAX_CONF_LINES)?;
    }
    Ok(directories)
}

fn at_most(count: usize, what: &'static str, limit: usize) -> Result<(), ClosureError> {
    if count > limit { Err(ClosureError::Limit { what, limit }) } else { Ok(()) }
}

enum Todo {
    File(PathBuf),
    Directory(PathBuf),
}

fn parse_line(tree: &mut Tree, file: &Path, line: &[u8], found: &mut Vec<Todo>) -> Result<(), ClosureError> {
    let line = line.split(|byte| matches!(byte, b'#' | 0)).next().unwrap_or_default().trim_ascii();
    let word = |word: &[u8]| {
        let rest = line.get(word.len()..).filter(|_| line[..word.len()].eq_ignore_ascii_case(word))?;
        rest.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')).then_some(rest)
    };
    if line.starts_with(b"include")
        && let Some(patterns) = word(b"include")
    {
        for pattern in patterns.split(|byte| matches!(byte, b' ' | b'\t')).filter(|part| !part.is_empty()) {
            let beside = file.parent().unwrap_or(Path::new("/"));
            let pattern = beside.join(OsStr::from_bytes(pattern));
            found.extend(glob::files(tree, &pattern, MAX_CONF_FILES)?.into_iter().map(Todo::File));
            at_most(found.len(), "lines in ld.so.conf", MAX_CONF_LINES)?;
        }
    } else if word(b"hwcap").is_none()
        && let Some(path) = directory(line.split(|byte| *byte == b'=').next().unwrap_or_default())
    {
        found.push(Todo::Directory(path));
    }
    Ok(())
}

/// The directories of musl's loader: of its own file if there is one, else those that are built in.
pub(crate) fn musl(tree: &mut Tree, file: &Path) -> Result<Vec<PathBuf>, ClosureError> {
    let text = tree.small_file(file, MAX_CONF)?;
    let text = text.as_deref().unwrap_or(b"/lib:/usr/local/lib:/usr/lib");
    let directories = text.split(|byte| matches!(byte, b':' | b'\n')).filter_map(directory);
    let directories: Vec<PathBuf> = directories.take(MAX_CONF_DIRECTORIES + 1).collect();
    at_most(directories.len(), "directories of musl's loader", MAX_CONF_DIRECTORIES)?;
    Ok(directories)
}

/// A directory; none if it is relative, which would be to wherever a program is started.
fn directory(text: &[u8]) -> Option<PathBuf> {
    let text = text.trim_ascii();
    let slashes = text.iter().rev().take_while(|byte| **byte == b'/').count();
    let path = match &text[..text.len() - slashes] {
        b"" if slashes > 0 => b"/",
        path => path,
    };
    path.starts_with(b"/").then(|| PathBuf::from(OsStr::from_bytes(path)))
}
