//! Writing files inside a root: whatever links an image holds, nothing outside is touched.

use crate::failure::{Failure, at};
use pod::root::{Make, Root, is_file};
use rustix::fs::OFlags;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Writes a file inside a root, making what leads to it.
pub(crate) fn write(root: &Root, path: &Path, content: &[u8]) -> Result<(), Failure> {
    let outside = root.outside(path);
    root.ensure(path, Make::File(0o644), &[]).map_err(at("make", &outside))?;
    replace(root, path, content).map_err(at("write", &outside))
}

/// Replaces the content of a regular file inside a root.
fn replace(root: &Root, path: &Path, content: &[u8]) -> io::Result<()> {
    open_anew(root, path)?.write_all(content)
}

/// Opens a regular file inside a root that is there, and empties it.
pub(crate) fn open_anew(root: &Root, path: &Path) -> io::Result<File> {
    // Not truncated before it is known to be a file.
    let fd = root.open_file(path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    if !is_file(&rustix::fs::fstat(&fd)?) {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::from(fd);
    file.set_len(0)?;
    Ok(file)
}
