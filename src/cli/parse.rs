//! The command line, word by word, in the spelling of a generated `configure`.
//!
//! Nothing here reads files or the environment, and no words make it panic.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::command::{self, Command, OwnOption};
use super::suggest;
use crate::configure::options::{Options, Unknown, bare_value};
use crate::configure::table::{self, Kind};
use crate::failure::Problem;

/// How many jobs at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jobs {
    /// Nothing was said: as many as `make` lets us, else as many as there are processors.
    #[default]
    Unsaid,
    /// `-j`: as many as there are processors.
    Unlimited,
    /// `-jN`.
    Count(usize),
}

/// Which help was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Help {
    /// `--help`
    Full,
    /// `--help=short`: without the standard options.
    Short,
}

/// The words and own options of a sub-command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Words that are not options.
    pub words: Vec<OsString>,
    /// Own options of the sub-command, by name, with all values that were given; a switch has an empty one.
    pub options: BTreeMap<&'static str, Vec<OsString>>,
}

impl Arguments {
    /// Whether a switch was given.
    pub fn flag(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    /// The values of an option, which may be given several times.
    pub fn values(&self, name: &str) -> &[OsString] {
        self.options.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A command line that was understood.
#[derive(Debug, Default)]
pub struct Invocation {
    /// The sub-command; none: configure, build and install.
    pub command: Option<&'static Command>,
    /// Its words and own options.
    pub arguments: Arguments,
    /// What is to be configured.
    pub options: Options,
    /// `-v` given so many times.
    pub verbose: u8,
    /// `-q`.
    pub quiet: bool,
    /// `-j`.
    pub jobs: Jobs,
    /// `--no-create`: check and show, write nothing.
    pub no_create: bool,
    /// `--help`.
    pub help: Option<Help>,
    /// `--version`.
    pub version: bool,
}

/// Understands the words after the program's name. `only_configure` holds for a tool that was called as `configure`:
/// there are no sub-commands then. What was understood comes even with errors, so that whatever else is wrong with it can be told
/// in the same run.
pub fn parse(only_configure: bool, words: impl IntoIterator<Item = OsString>) -> (Invocation, Vec<Problem>) {
    let mut parser = Parser {
        done: Invocation { command: only_configure.then_some(&command::CONFIGURE), ..Invocation::default() },
        words: words.into_iter().collect::<Vec<_>>().into_iter().peekable(),
        later: Vec::new(),
        errors: Vec::new(),
        only_configure,
    };
    parser.run();
    parser.finish()
}

struct Parser {
    done: Invocation,
    words: std::iter::Peekable<std::vec::IntoIter<OsString>>,
    /// Options that may be own options of a sub-command that comes later: name, value, as typed.
    later: Vec<(String, Option<String>, String)>,
    errors: Vec<Problem>,
    only_configure: bool,
}

impl Parser {
    fn run(&mut self) {
        let mut only_words = false;
        while let Some(word) = self.words.next() {
            let Some(text) = word.to_str().map(str::to_owned) else {
                if word.as_encoded_bytes().starts_with(b"-") && !only_words {
                    self.wrong(
                        Problem::new("an option that is not UTF-8")
                            .at(word.to_string_lossy())
                            .hint("write it in UTF-8"),
                    );
                } else {
                    self.word(word);
                }
                continue;
            };
            if only_words || text == "-" || !text.starts_with('-') {
                if let (false, Some((name, value))) = (only_words, assignment(&text)) {
                    self.done.options.variables.insert(name.to_owned(), value.to_owned());
                } else {
                    self.word(word);
                }
            } else if text == "--" {
                only_words = true;
            } else if !self.short(&text) {
                self.long(&text);
            }
        }
    }

    fn finish(mut self) -> (Invocation, Vec<Problem>) {
        for (name, value, typed) in std::mem::take(&mut self.later) {
            let own = self.done.command.and_then(|command| command.option(&name));
            match own {
                Some(own) => self.own(own, value, &typed),
                None => self.unknown(&name, &typed),
            }
        }
        if let Some(command) = self.done.command
            && self.done.help.is_none()
            && !self.done.version
        {
            let count = self.done.arguments.words.len();
            if count < command.words_min || count > command.words_max {
                let what = match (self.only_configure, self.done.arguments.words.get(command.words_max)) {
                    (_, Some(word)) => format!("unexpected word \"{}\"", word.to_string_lossy()),
                    (_, None) => {
                        format!("{} is missing", command.words.split(' ').nth(count).unwrap_or("a word"))
                    }
                };
                let hint = if command.name == "configure" {
                    "name the machine that rkt runs on with --host=; the tool itself is built by make"
                        .to_owned()
                } else {
                    format!("usage: {}", command.usage())
                };
                self.wrong(Problem::new(what).hint(hint));
            }
        }
        (self.done, self.errors)
    }

    fn wrong(&mut self, problem: Problem) {
        self.errors.push(problem);
    }

    fn word(&mut self, word: OsString) {
        if self.done.command.is_some() {
            self.done.arguments.words.push(word);
            return;
        }
        let name = word.to_string_lossy();
        if let Some(command) = command::find(&name) {
            self.done.command = Some(command);
            return;
        }
        let mut problem = Problem::new(format!("unknown command \"{name}\""));
        problem = match suggest::nearest(&name, command::COMMANDS.iter().map(|c| c.name)) {
            Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
            None => problem.hint("`rkt-build help` lists the commands"),
        };
        self.wrong(problem);
        // Whatever follows belongs to the unknown command.
        self.words = Vec::new().into_iter().peekable();
    }

    /// Options of one letter, and their clusters of one: `-j4`, `-q`.
    fn short(&mut self, text: &str) -> bool {
        match text {
            "-h" => self.done.help = Some(Help::Full),
            "-V" => self.done.version = true,
            "-q" => self.done.quiet = true,
            "-v" => self.done.verbose = self.done.verbose.saturating_add(1),
            "-vv" => self.done.verbose = self.done.verbose.saturating_add(2),
            "-n" => self.done.no_create = true,
            "-C" => {}
            _ if text.starts_with("-j") => {
                let mut count = text[2..].to_owned();
                if count.is_empty()
                    && let Some(next) = self.words.next_if(|word| is_number(word))
                {
                    count = next.to_string_lossy().into_owned();
                }
                self.jobs(&count, text);
            }
            _ => return false,
        }
        true
    }

    fn jobs(&mut self, count: &str, typed: &str) {
        self.done.jobs = match count.parse() {
            _ if count.is_empty() => Jobs::Unlimited,
            Ok(0) | Err(_) => {
                let problem = Problem::new(format!("\"{count}\" is not a number of jobs"));
                return self.wrong(
                    problem.at(typed).hint("give a number from 1 on, or -j alone for all processors"),
                );
            }
            Ok(count) => Jobs::Count(count),
        };
    }

    fn long(&mut self, typed: &str) {
        let text = typed.strip_prefix("--").unwrap_or(&typed[1..]);
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() {
            return self.wrong(
                Problem::new("an option without a name").at(typed).hint("write --NAME or --NAME=VALUE"),
            );
        }
        for (prefix, kind, negative) in [
            ("with-", Kind::With, false),
            ("without-", Kind::With, true),
            ("enable-", Kind::Enable, false),
            ("disable-", Kind::Enable, true),
        ] {
            if let Some(name) = name.strip_prefix(prefix) {
                return self.feature(kind, negative, name, value, typed);
            }
        }
        if self.general(name, value.as_deref(), typed) {
            return;
        }
        let row = table::find(Kind::Value, name).or_else(|| table::find(Kind::Flag, name));
        if let Some(row) = row {
            return self.plain(row, value, typed);
        }
        if let Some(own) = self.done.command.and_then(|command| command.option(name)) {
            return self.own(own, value, typed);
        }
        // autoconf takes any beginning of a name that fits one option only.
        let mut rows = table::OPTIONS
            .iter()
            .filter(|row| matches!(row.kind, Kind::Value | Kind::Flag) && row.name.starts_with(name));
        if let (Some(row), None, false) = (rows.next(), rows.next(), command::is_own_option(name)) {
            return self.plain(row, value, typed);
        }
        self.later.push((name.to_owned(), value, typed.to_owned()));
    }

    /// Options of the tool itself. False where the name is none of them.
    fn general(&mut self, name: &str, value: Option<&str>, typed: &str) -> bool {
        match (name, value) {
            ("help", None) => self.done.help = Some(Help::Full),
            ("help", Some(value)) if value.starts_with('s') => self.done.help = Some(Help::Short),
            ("help", Some(value)) if value.starts_with('r') => self.done.help = Some(Help::Full),
            ("version", None) => self.done.version = true,
            ("quiet" | "silent", None) => self.done.quiet = true,
            ("verbose", None) => self.done.verbose = self.done.verbose.saturating_add(1),
            ("no-create" | "dry-run", None) => self.done.no_create = true,
            ("jobs", value) => self.jobs(value.unwrap_or_default(), typed),
            ("help" | "version" | "quiet" | "silent" | "verbose" | "no-create" | "dry-run", Some(value)) => {
                self.wrong(no_value(&format!("--{name}"), value, typed));
            }
            _ => return false,
        }
        true
    }

    fn feature(&mut self, kind: Kind, negative: bool, name: &str, value: Option<String>, typed: &str) {
        let sane = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+');
        if name.is_empty() || !name.bytes().all(sane) {
            let problem = Problem::new(format!("\"{name}\" is not the name of an option")).at(typed);
            return self.wrong(problem.hint("names have letters, digits and - _ . +"));
        }
        if negative && value.is_some() {
            let hint = format!("leave the value out, or write --{}-{name}=VALUE", positive(kind));
            return self.wrong(Problem::new("a negative option takes no value").at(typed).hint(hint));
        }
        let value = value.or_else(|| bare_value(kind, negative).map(str::to_owned)).unwrap_or_default();
        if let Some(row) = table::find(kind, name) {
            return self.done.options.set(row.key, value, typed);
        }
        if let Some((_, _, today)) = table::OLD_NAMES.iter().find(|(k, old, _)| *k == kind && *old == name) {
            return self.done.options.old.push((typed.to_owned(), (*today).to_owned()));
        }
        let nearest = nearest_option(name, Some(kind));
        self.done.options.unknown.push(Unknown { typed: typed.to_owned(), nearest });
    }

    fn plain(&mut self, row: &table::Row, value: Option<String>, typed: &str) {
        match (row.kind, value) {
            (Kind::Flag, None) => self.done.options.set(row.key, "yes", typed),
            (Kind::Flag, Some(value)) => {
                self.wrong(no_value(&row.spelling(), &value, typed));
            }
            (_, Some(value)) => self.done.options.set(row.key, value, typed),
            (_, None) => match self.words.next().map(OsString::into_string) {
                Some(Ok(value)) => {
                    let typed = format!("{typed} {value}");
                    self.done.options.set(row.key, value, typed);
                }
                Some(Err(value)) => {
                    self.wrong(
                        Problem::new("a value that is not UTF-8")
                            .at(format!("{typed} {}", value.to_string_lossy()))
                            .hint("choose a name in UTF-8"),
                    );
                }
                None => {
                    let hint = format!("write {}={}", row.spelling(), row.metavar);
                    self.wrong(Problem::new("the value is missing").at(typed).hint(hint));
                }
            },
        }
    }

    fn own(&mut self, own: &'static OwnOption, value: Option<String>, typed: &str) {
        let value = match (own.metavar.is_empty(), value) {
            (true, None) => OsString::new(),
            (true, Some(value)) => {
                return self.wrong(no_value(&format!("--{}", own.name), &value, typed));
            }
            (false, Some(value)) => value.into(),
            (false, None) => {
                let Some(value) = self.words.next() else {
                    let hint = format!("write --{}={}", own.name, own.metavar);
                    return self.wrong(Problem::new("the value is missing").at(typed).hint(hint));
                };
                value
            }
        };
        self.done.arguments.options.entry(own.name).or_default().push(value);
    }

    fn unknown(&mut self, name: &str, typed: &str) {
        let own = self.done.command.map(|c| c.options).unwrap_or_default();
        let near_own = suggest::nearest(name, own.iter().map(|o| o.name)).map(|near| format!("--{near}"));
        let problem = Problem::new("unknown option").at(typed);
        let hint = match near_own.or_else(|| nearest_option(name, None)) {
            Some(near) => format!("did you mean {near}?"),
            None if self.only_configure => "`./configure --help` lists the options".to_owned(),
            None => "`rkt-build --help` lists the options".to_owned(),
        };
        self.wrong(problem.hint(hint));
    }
}

fn no_value(spelling: &str, value: &str, typed: &str) -> Problem {
    Problem::new(format!("{spelling} takes no value \"{value}\""))
        .at(typed)
        .hint(format!("write {spelling} alone, or leave it out"))
}

fn positive(kind: Kind) -> &'static str {
    if kind == Kind::With { "with" } else { "enable" }
}

/// The nearest option to a name, with one of the same kind before others.
fn nearest_option(name: &str, kind: Option<Kind>) -> Option<String> {
    let named = |wanted: &dyn Fn(Kind) -> bool| {
        let rows = || table::OPTIONS.iter().filter(|row| wanted(row.kind));
        let near =
            suggest::nearest(name, rows().flat_map(|row| row.aliases.iter().copied().chain([row.name])))?;
        rows().find(|row| row.name == near || row.aliases.contains(&near)).map(table::Row::spelling)
    };
    let same = kind.and_then(|kind| named(&|other| other == kind));
    let general = ["help", "version", "quiet", "silent", "verbose", "jobs", "no-create"];
    same.or_else(|| named(&|_| true))
        .or_else(|| suggest::nearest(name, general).map(|near| format!("--{near}")))
}

fn is_number(word: &OsStr) -> bool {
    !word.is_empty() && word.as_encoded_bytes().iter().all(u8::is_ascii_digit)
}

/// `NAME=VALUE` with a name that a shell would take.
fn assignment(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let first = name.bytes().next()?;
    let sane = (first.is_ascii_alphabetic() || first == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    sane.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configure::Key;

    fn words(text: &str) -> Invocation {
        let (done, errors) =
            parse(false, text.split(' ').filter(|word| !word.is_empty()).map(OsString::from));
        assert!(errors.is_empty(), "{errors:?}");
        done
    }

    fn value(text: &str, key: Key) -> Option<String> {
        words(text).options.value(key).map(str::to_owned)
    }

    #[test]
    fn spellings_of_a_generated_configure() {
        let prefix = Key::Directory("prefix");
        for text in
            ["--prefix=/x", "--prefix /x", "-prefix=/x", "-prefix /x", "--pre=/x", "--prefix=/y --prefix=/x"]
        {
            assert_eq!(value(text, prefix).as_deref(), Some("/x"), "{text}");
        }
        for text in ["--exec-prefix=/x", "--exec_prefix=/x", "--exec=/x"] {
            assert_eq!(value(text, Key::Directory("exec_prefix")).as_deref(), Some("/x"), "{text}");
        }
        for (text, expected) in [
            ("--enable-tpm", "yes"),
            ("--enable-tpm=auto", "auto"),
            ("--enable-tpm=", ""),
            ("--disable-tpm", "no"),
            ("-disable-tpm", "no"),
        ] {
            assert_eq!(value(text, Key::Tpm).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(value("--with-stage1_flavors=fly", Key::Flavors).as_deref(), Some("fly"));
        assert_eq!(value("--without-stage1-flavors", Key::Flavors).as_deref(), Some("no"));
        assert_eq!(words("CC=a=b x=").options.variables["CC"], "a=b");
    }

    #[test]
    fn options_stand_before_and_after_the_command() {
        for text in ["--json inspect -q a.aci --offline", "inspect a.aci --offline --json --quiet"] {
            let done = words(text);
            assert_eq!(done.command.map(|c| c.name), Some("inspect"));
            assert_eq!(done.arguments.words, ["a.aci"]);
            assert!(done.arguments.flag("json") && done.quiet && done.options.is_on(Key::Offline));
        }
        assert_eq!(words("inspect -- --json").arguments.words, ["--json"]);
        assert!(words("--prefix build").command.is_none(), "a value, not a command");
        let done = words("check -f fly --flavor host -f=kvm -- -run NAME");
        assert_eq!(done.arguments.values("flavor"), ["fly", "host", "kvm"]);
        assert_eq!(done.arguments.words, ["-run", "NAME"]);
    }

    #[test]
    fn jobs_and_verbosity() {
        for (text, jobs) in [
            ("", Jobs::Unsaid),
            ("-j", Jobs::Unlimited),
            ("-j4", Jobs::Count(4)),
            ("-j 4", Jobs::Count(4)),
            ("-j build", Jobs::Unlimited),
            ("--jobs=2", Jobs::Count(2)),
        ] {
            assert_eq!(words(text).jobs, jobs, "{text}");
        }
        assert_eq!(words("-v -v --verbose").verbose, 3);
    }

    #[test]
    fn all_errors_of_the_words_together() {
        let bad = ["--nonesuch", "-j0", "--version=1", "--", "x", "--without-tpm=1"];
        let (_, errors) = parse(false, bad.map(OsString::from));
        assert_eq!(errors.len(), 4, "{errors:?}");
        assert!(errors.iter().all(|error| error.hint.is_some()), "{errors:?}");
    }

    #[test]
    fn no_words_make_it_panic() {
        use std::os::unix::ffi::OsStringExt;
        let pieces: &[&[u8]] = &[
            b"-",
            b"--",
            b"=",
            b"-j",
            b"--with-",
            b"--enable-=",
            b"--prefix",
            b"\xff",
            b"--\xff",
            b"",
            b"a=b",
        ];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let joined = [*first, *second].concat();
                    let words = [joined, third.to_vec()].map(OsString::from_vec);
                    let _ = parse(first.len() == 1, words);
                }
            }
        }
    }
}
