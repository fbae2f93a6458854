//! The version that a program of systemd says it is.

use crate::program;
use std::path::{Path, PathBuf};

/// The version is the first line; longer ones are cut for messages, in characters.
const LONGEST_QUOTE: usize = 80;

/// Why a version is not known.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// The program did not answer.
    #[error(transparent)]
    Ask(#[from] program::Error),
    /// It answered something else.
    #[error("{} --version does not say \"systemd NUMBER\", but \"{line}\"", program.display())]
    Unknown {
        /// The program.
        program: PathBuf,
        /// The beginning of the first line.
        line: String,
    },
}

/// The version of systemd that a program of it, such as `systemd-nspawn`, belongs to.
///
/// # Errors
/// When the program cannot be run or says something else.
pub fn version(program: &Path) -> Result<u32, VersionError> {
    let text = program::ask(program, "--version")?;
    parse_version(&text).ok_or_else(|| {
        let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).chars().take(LONGEST_QUOTE).collect();
        VersionError::Unknown { program: program.to_path_buf(), line }
    })
}

/// Reads `systemd 252 (252.39-1)`, also without what is in brackets and with a version such as `255.4`
/// or `257~rc1`.
pub fn parse_version(text: &[u8]) -> Option<u32> {
    let line = text.split(|&byte| byte == b'\n').next()?;
    let line = str::from_utf8(line).ok()?;
    let number = line.strip_prefix("systemd ")?.split_ascii_whitespace().next()?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    if number[end..].starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    number[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{VersionError, parse_version, version};
    use std::path::Path;

    #[test]
    fn versions() {
        let table: &[(&[u8], Option<u32>)] = &[
            (b"systemd 252 (252.39-1~deb12u2)\n+PAM +AUDIT\n", Some(252)),
            (b"systemd 220\n", Some(220)),
            (b"systemd 227", Some(227)),
            (b"systemd 255.4\n", Some(255)),
            (b"systemd 257~rc1 (257~rc1-1)\n", Some(257)),
            (b"systemd 257-rc1\n", Some(257)),
            (b"systemd 249 (v249.11+suse)\n", Some(249)),
            (b"systemd 257rc1\n", None),
            (b"systemd v252\n", None),
            (b"systemd\n", None),
            (b"systemd \n", None),
            (b"systemd 99999999999\n", None),
            (b"sysvinit 2.96\nsystemd 252\n", None),
            (b"\xff 252\n", None),
            (b"", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_version(text), *expected, "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn other_programs_are_named() {
        let error = version(Path::new("/bin/true")).unwrap_err();
        assert!(matches!(&error, VersionError::Unknown { .. }), "{error}");
        assert!(error.to_string().starts_with("/bin/true --version does not say"), "{error}");
        let error = version(Path::new("/no/such/program")).unwrap_err();
        assert!(error.to_string().starts_with("cannot run /no/such/program: "), "{error}");
    }
}
