//! A build outside the source: the Makefile that forwards to that of the source.

use std::path::Path;

use super::Config;
use crate::failure::Problem;

/// The first line of a Makefile that is ours to replace.
const MARK: &str = "# Written by configure: forwards to the Makefile of the source.\n";

/// Takes the Makefile in the current directory away, where it is ours.
pub fn remove() -> Result<(), Problem> {
    let here = Path::new("Makefile");
    if std::fs::read_to_string(here).is_ok_and(|text| text.starts_with(MARK)) {
        std::fs::remove_file(here).map_err(|error| {
            Problem::new(format!("cannot be removed: {error}"))
                .at("Makefile")
                .hint("make the directory writable")
        })?;
    }
    Ok(())
}

/// Writes the Makefile into the current directory, where the sources are elsewhere and no Makefile of somebody else is in the way.
pub fn write(config: &Config) -> Result<(), Problem> {
    let Some(srcdir) = &config.srcdir else { return Ok(()) };
    let source = srcdir.join("Makefile");
    let here = Path::new("Makefile");
    let same = source.canonicalize().ok() == here.canonicalize().ok();
    if same || !source.is_file() {
        return Ok(());
    }
    match std::fs::read_to_string(here) {
        Ok(old) if !old.starts_with(MARK) => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(_) => return Ok(()),
    }
    let wrong = |what: String| {
        Problem::new(format!("cannot write a Makefile that forwards to the source: {what}"))
            .at("Makefile")
            .hint("make the current directory writable, or configure in another one")
    };
    let name = source.to_string_lossy();
    if name.contains(|c: char| c.is_whitespace() || "#$:%\\".contains(c)) {
        return Err(wrong(format!("make cannot take the name {name}"))
            .hint("move the source to a directory with a plain name"));
    }
    let file = tempfile::Builder::new()
        .prefix(".Makefile.")
        .tempfile_in(".")
        .map_err(|error| wrong(error.to_string()))?;
    std::fs::write(file.path(), format!("{MARK}include {name}\n"))
        .map_err(|error| wrong(error.to_string()))?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(|error| wrong(error.to_string()))?;
    file.persist(here).map_err(|error| wrong(error.error.to_string()))?;
    Ok(())
}
