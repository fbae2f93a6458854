//! The environment of an app.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Where programs are looked for when nobody says so.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables that every app has.
const DEFAULTS: [(&str, &str); 5] =
    [("PATH", DEFAULT_PATH), ("SHELL", "/bin/sh"), ("USER", "root"), ("LOGNAME", "root"), ("HOME", "/root")];

/// Variables in the order in which the app gets them; each name once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// The environment of an app: defaults that it does not set itself, its own variables in their
    /// order, its name, and where the metadata service is, if there is one.
    pub fn compose<'a>(
        app: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
        metadata_url: Option<&str>,
    ) -> Environment {
        let own: Vec<(&str, &str)> = variables.into_iter().collect();
        let mut environment = Environment(Vec::with_capacity(own.len() + DEFAULTS.len() + 2));
        for (name, value) in DEFAULTS {
            if !own.iter().any(|(other, _)| *other == name) {
                environment.set(name, value);
            }
        }
        for (name, value) in own {
            environment.set(name, value);
        }
        environment.set("AC_APP_NAME", app);
        if let Some(url) = metadata_url {
            environment.set("AC_METADATA_URL", url);
        }
        environment
    }

    /// Sets a variable; one that is there keeps its place.
    pub fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        let (name, value) = (name.as_ref(), value.as_ref().to_owned());
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_os_str())
    }

    /// Each variable.
    pub fn pairs(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// `NAME=VALUE` of each variable.
    pub fn entries(&self) -> impl Iterator<Item = OsString> {
        self.0.iter().map(|(name, value)| {
            let mut entry = OsString::with_capacity(name.len() + value.len() + 1);
            entry.push(name);
            entry.push("=");
            entry.push(value);
            entry
        })
    }

    /// The content of the file that tells it to entered commands: a line per variable, unquoted.
    pub fn to_file(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for entry in self.entries() {
            text.extend_from_slice(entry.as_bytes());
            text.push(b'\n');
        }
        text
    }

    /// Reads such a file. A line without `=` belongs to the value before it, which had a line break.
    pub fn from_file(text: &[u8]) -> Environment {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let mut environment = Environment::default();
        for line in text.split(|&byte| byte == b'\n') {
            match line.iter().position(|&byte| byte == b'=') {
                Some(at) if at > 0 => {
                    let (name, value) = (OsStr::from_bytes(&line[..at]), OsStr::from_bytes(&line[at + 1..]));
                    environment.set(name, value);
                }
                _ => {
                    if let Some((_, value)) = environment.0.last_mut() {
                        value.push("\n");
                        value.push(OsString::from_vec(line.to_vec()));
                    }
                }
            }
        }
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn defaults_give_way_and_the_name_is_added() {
        let environment = Environment::compose(
            "web",
            [("A", "1"), ("PATH", "/bin"), ("A", "2"), ("AC_APP_NAME", "x")],
            None,
        );
        assert_eq!(
            environment.entries().collect::<Vec<_>>(),
            [
                "SHELL=/bin/sh",
                "USER=root",
                "LOGNAME=root",
                "HOME=/root",
                "A=2",
                "PATH=/bin",
                "AC_APP_NAME=web"
            ]
        );
        let with = Environment::compose("web", [], Some("http://127.0.0.1:18112/x"));
        assert_eq!(with.get("AC_METADATA_URL").expect("set"), "http://127.0.0.1:18112/x");
    }

    #[test]
    fn the_file_gives_back_what_it_was_made_from() {
        let variables = [("A", ""), ("B", "x=y"), ("C", "two\nlines\n"), ("D", "\"q\" \\"), ("E", "é")];
        let environment = Environment::compose("web", variables, None);
        assert_eq!(Environment::from_file(&environment.to_file()), environment);
        assert_eq!(Environment::from_file(b""), Environment::default());
        assert_eq!(Environment::from_file(b"=x\n"), Environment::default());
    }
}
