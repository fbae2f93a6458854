//! The options that a kernel was built with: its `.config`.

use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// The most that is read of a configuration, unpacked, in bytes; those of distributions have 300 KiB.
const LIMIT: u64 = 16 << 20;

/// Whether the kernel has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is built in, or works.
    On,
    /// It is in a module, which may not be loaded yet.
    Module,
    /// It is not there.
    Off,
    /// It cannot be told.
    Unknown,
}

impl State {
    /// The name in messages and documents.
    pub fn name(self) -> &'static str {
        match self {
            State::On => "yes",
            State::Module => "module",
            State::Off => "no",
            State::Unknown => "unknown",
        }
    }
}

/// The options of a kernel that are switched on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    options: BTreeMap<String, State>,
}

impl Config {
    /// Reads the text of a `.config`. Values that are neither `y` nor `m`, and lines of another form, are
    /// passed over.
    pub fn parse(text: &[u8]) -> Config {
        let options = text.split(|&byte| byte == b'\n').filter_map(|line| {
            let (name, value) = str::from_utf8(line).ok()?.trim_end().split_once('=')?;
            let name = name.strip_prefix("CONFIG_").filter(|name| !name.is_empty())?;
            let state = match value {
                "y" => State::On,
                "m" => State::Module,
                _ => return None,
            };
            Some((name.to_owned(), state))
        });
        Config { options: options.collect() }
    }

    /// The configuration of the running kernel, and the file that it is in: what the kernel itself tells,
    /// else what the distribution has put beside it. `None` where there is neither.
    ///
    /// # Errors
    /// When a file is there and cannot be read, or is too large.
    pub fn read(release: &str) -> io::Result<Option<(PathBuf, Config)>> {
        let files = [
            "/proc/config.gz".to_owned(),
            format!("/boot/config-{release}"),
            format!("/usr/lib/modules/{release}/config"),
            format!("/lib/modules/{release}/config"),
        ];
        for path in files.map(PathBuf::from) {
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let text = if path.extension().is_some_and(|extension| extension == "gz") {
                unpack(MultiGzDecoder::new(file))?
            } else {
                unpack(file)?
            };
            return Ok(Some((path, Config::parse(&text))));
        }
        Ok(None)
    }

    /// The state of an option; the name is without `CONFIG_`. What is not mentioned is off.
    pub fn state(&self, name: &str) -> State {
        self.options.get(name).copied().unwrap_or(State::Off)
    }
}

fn unpack(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(LIMIT + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any kernel's configuration"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Config, State, unpack};
    use std::io;

    #[test]
    fn options_that_are_on() {
        let text = b"#\n# Automatically generated file; DO NOT EDIT.\n\
            CONFIG_CGROUPS=y\nCONFIG_OVERLAY_FS=m\r\n# CONFIG_TUN is not set\nCONFIG_HZ=250\n\
            CONFIG_LOCALVERSION=\"=y\"\nCONFIG_=y\nXCONFIG_A=y\nCONFIG_B=\xff\nCONFIG_C=n\nCONFIG_D";
        let config = Config::parse(text);
        let table = [
            ("CGROUPS", State::On),
            ("OVERLAY_FS", State::Module),
            ("TUN", State::Off),
            ("HZ", State::Off),
            ("LOCALVERSION", State::Off),
            ("A", State::Off),
            ("B", State::Off),
            ("C", State::Off),
            ("D", State::Off),
            ("", State::Off),
        ];
        for (name, expected) in table {
            assert_eq!(config.state(name), expected, "{name}");
        }
    }

    #[test]
    fn a_configuration_has_an_end() {
        let error = unpack(io::repeat(b'#')).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
