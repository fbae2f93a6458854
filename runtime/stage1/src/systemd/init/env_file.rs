//! The file of an app's environment, for two readers: entered commands take its lines as they are, systemd undoes quotes
//! and backslashes.

use super::write::Files;
use crate::failure::Failure;
use crate::systemd::names;
use crate::systemd::unit::escape::{self, is_noncharacter};
use pod::app::environment::Environment;
use pod::layout;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Ending of the file for systemd, where the two do not read the same. No app can have a name with a dot.
const QUOTED: &str = ".quoted";

/// The files that an app's environment may be in, in the root of stage1.
pub(super) fn paths(app: &str) -> [PathBuf; 2] {
    let path = Path::new(layout::ENV).join(app);
    let mut quoted = path.clone().into_os_string();
    quoted.push(QUOTED);
    [path, quoted.into()]
}

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    /// The file that systemd reads, as the pod sees it.
    pub(super) path: String,
    /// Variables that systemd cannot set, in words.
    pub(super) warnings: Vec<String>,
}

/// Writes the environment; in a file of its own for systemd only where that is needed.
pub(super) fn write(files: &Files<'_>, app: &str, environment: &Environment) -> Result<Written, Failure> {
    let [path, quoted] = paths(app);
    files.write(&path, &environment.to_file(), 0o644)?;
    let mut warnings = Vec::new();
    for (name, value) in environment.pairs() {
        let why = match (systemd_takes(name), is_text(value)) {
            (true, true) => continue,
            (false, _) => "names have letters, digits and underscores, no digit first",
            (_, false) => "its value holds what Unicode has set apart from all characters",
        };
        warnings.push(format!("systemd does not set the variable \"{}\": {why}", name.display()));
    }
    let inside = names::env_file(app);
    let plain = |value: &OsStr| escape::is_plain_variable(value.as_bytes()) && is_text(value);
    if environment.pairs().all(|(_, value)| plain(value)) {
        return Ok(Written { path: inside, warnings });
    }
    let mut text = Vec::new();
    for (name, value) in environment.pairs().filter(|(_, value)| is_text(value)) {
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(&escape::variable(value.as_bytes()));
        text.push(b'\n');
    }
    files.write(&quoted, &text, 0o644)?;
    Ok(Written { path: format!("{inside}{QUOTED}"), warnings })
}

/// Whether systemd reads a file with this value at all.
fn is_text(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| !text.chars().any(is_noncharacter))
}

/// Whether systemd sets a variable of this name.
fn systemd_takes(name: &OsStr) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    name.as_bytes().first().is_some_and(|first| !first.is_ascii_digit()) && name.as_bytes().iter().all(plain)
}
