//! Command lines as Go's `flag` package reads them, which is what stage0 relies on.
//!
//! One dash or two; a value after `=` or as the next word, for switches only after `=`; reading stops
//! at the first word that is no flag and after `--`; anything undefined ends the program with
//! exit code 2 and the list of flags.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    /// Nothing, or a truth value after `=`.
    Switch,
    /// A value; the word stands for it in the list of flags (empty: no word).
    Value(&'static str),
}

/// One flag of an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Its name without dashes.
    pub name: &'static str,
    /// What it takes.
    pub kind: FlagKind,
    /// One line for the list of flags.
    pub help: &'static str,
}

/// A command line that cannot be read, or a call for help: end with this text and this code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Usage {
    /// What is wrong, and the list of flags; to be printed on standard error as it is.
    pub message: String,
    /// Exit code: 2, or 0 when help was asked for.
    pub code: u8,
}

/// What was read: flags in their order, and what follows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// Each flag with its value; `true` or `false` for switches.
    pub flags: Vec<(&'static str, OsString)>,
    /// The words after the flags.
    pub rest: Vec<OsString>,
}

impl Parsed {
    /// The value of a flag: the last one given counts.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.flags.iter().rev().find(|(flag, _)| *flag == name).map(|(_, value)| value.as_os_str())
    }

    /// The value of a flag as text; invalid UTF-8 is replaced.
    pub fn text(&self, name: &str) -> String {
        self.value(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Whether a switch is on.
    pub fn is_set(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value == "true")
    }
}

/// Reads a command line without the program's name.
///
/// # Errors
/// [`Usage`] with exit code 2 for anything undefined or malformed; with exit code 0 for `-h`.
pub fn parse(
    program: &str,
    flags: &[Flag],
    args: impl IntoIterator<Item = OsString>,
) -> Result<Parsed, Usage> {
    let mut parsed = Parsed::default();
    let mut args = args.into_iter();
    while let Some(word) = args.next() {
        let bytes = word.as_bytes();
        if bytes.len() < 2 || bytes[0] != b'-' {
            parsed.rest.push(word);
            break;
        }
        if bytes == b"--" {
            break;
        }
        let body = if bytes[1] == b'-' { &bytes[2..] } else { &bytes[1..] };
        if body.is_empty() || body[0] == b'-' || body[0] == b'=' {
            return Err(usage(program, flags, &format!("bad flag syntax: {}", word.to_string_lossy())));
        }
        let (name, value) = match body.iter().position(|&byte| byte == b'=') {
            Some(at) => (&body[..at], Some(OsString::from_vec(body[at + 1..].to_vec()))),
            None => (body, None),
        };
        let Some(flag) = flags.iter().find(|flag| flag.name.as_bytes() == name) else {
            if name == b"h" || name == b"help" {
                return Err(Usage { message: list(program, flags), code: 0 });
            }
            let name = String::from_utf8_lossy(name);
            return Err(usage(program, flags, &format!("flag provided but not defined: -{name}")));
        };
        let value = match (flag.kind, value) {
            (FlagKind::Switch, None) => OsString::from("true"),
            (FlagKind::Switch, Some(value)) => {
                let Some(truth) = value.to_str().and_then(parse_bool) else {
                    let value = value.to_string_lossy();
                    let reason = format!("invalid boolean value \"{value}\" for -{}: parse error", flag.name);
                    return Err(usage(program, flags, &reason));
                };
                OsString::from(truth.to_string())
            }
            (FlagKind::Value(_), Some(value)) => value,
            (FlagKind::Value(_), None) => {
                let missing = || usage(program, flags, &format!("flag needs an argument: -{}", flag.name));
                args.next().ok_or_else(missing)?
            }
        };
        parsed.flags.push((flag.name, value));
    }
    parsed.rest.extend(args);
    Ok(parsed)
}

/// A failure with its reason and the list of flags.
pub fn usage(program: &str, flags: &[Flag], reason: &str) -> Usage {
    Usage { message: format!("{reason}\n{}", list(program, flags)), code: 2 }
}

fn list(program: &str, flags: &[Flag]) -> String {
    let mut text = format!("Usage of {program}:\n");
    let mut sorted: Vec<&Flag> = flags.iter().collect();
    sorted.sort_by_key(|flag| flag.name);
    for flag in sorted {
        let word = match flag.kind {
            FlagKind::Switch | FlagKind::Value("") => String::new(),
            FlagKind::Value(word) => format!(" {word}"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  -{}{word}\n    \t{}", flag.name, flag.help);
    }
    text
}

/// A truth value in one of the spellings that Go knows; none for any other text.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Flag, FlagKind, Parsed, Usage, parse};
    use std::ffi::OsString;

    const FLAGS: &[Flag] = &[
        Flag { name: "net", kind: FlagKind::Value("value"), help: "Networks" },
        Flag { name: "debug", kind: FlagKind::Switch, help: "Say more" },
    ];

    fn read(words: &[&str]) -> Result<Parsed, Usage> {
        parse("/x/run", FLAGS, words.iter().map(OsString::from))
    }

    #[test]
    fn accepted() {
        // words, debug, net, rest
        type Row = (&'static [&'static str], bool, Option<&'static str>, &'static [&'static str]);
        let rows: &[Row] = &[
            (&[], false, None, &[]),
            (&["u"], false, None, &["u"]),
            (&["-debug", "u"], true, None, &["u"]),
            (&["--debug", "u"], true, None, &["u"]),
            (&["--debug=false"], false, None, &[]),
            (&["--debug", "--debug=0"], false, None, &[]),
            (&["-debug=T"], true, None, &[]),
            (&["--net=host", "u"], false, Some("host"), &["u"]),
            (&["--net", "host", "u"], false, Some("host"), &["u"]),
            (&["-net", "-debug", "u"], false, Some("-debug"), &["u"]),
            (&["-net=", "u"], false, Some(""), &["u"]),
            (&["-net=a=b"], false, Some("a=b"), &[]),
            (&["-net=a", "-net=b"], false, Some("b"), &[]),
            (&["--", "--debug"], false, None, &["--debug"]),
            (&["--debug", "--", "--", "x"], true, None, &["--", "x"]),
            (&["u", "--debug"], false, None, &["u", "--debug"]),
            (&["-", "--debug"], false, None, &["-", "--debug"]),
            (&["", "--debug"], false, None, &["", "--debug"]),
            (&["--debug", "true", "u"], true, None, &["true", "u"]),
        ];
        for (words, debug, net, rest) in rows {
            let parsed = read(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
            assert_eq!(parsed.is_set("debug"), *debug, "{words:?}");
            assert_eq!(parsed.value("net").and_then(|net| net.to_str()), *net, "{words:?}");
            assert_eq!(parsed.rest, rest.iter().map(OsString::from).collect::<Vec<_>>(), "{words:?}");
        }
    }

    #[test]
    fn refused() {
        let rows: &[(&[&str], &str)] = &[
            (&["--private-users=1:2"], "flag provided but not defined: -private-users\n"),
            (&["-x"], "flag provided but not defined: -x\n"),
            (&["---debug"], "bad flag syntax: ---debug\n"),
            (&["--=x"], "bad flag syntax: --=x\n"),
            (&["-=x"], "bad flag syntax: -=x\n"),
            (&["--net"], "flag needs an argument: -net\n"),
            (&["--debug=yes"], "invalid boolean value \"yes\" for -debug: parse error\n"),
        ];
        for (words, reason) in rows {
            let usage = read(words).expect_err("must be refused");
            assert_eq!(usage.code, 2, "{words:?}");
            assert_eq!(
                usage.message,
                format!("{reason}Usage of /x/run:\n  -debug\n    \tSay more\n  -net value\n    \tNetworks\n")
            );
        }
        assert_eq!(read(&["-h"]).expect_err("help").code, 0);
        assert_eq!(read(&["--help"]).expect_err("help").code, 0);
    }
}
