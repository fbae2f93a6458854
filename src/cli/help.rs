//! The help, grouped as that of a generated `configure`.

use std::fmt::Write;

use super::command::{COMMANDS, Command};
use super::parse::Help;
use crate::configure::config::VERSION;
use crate::configure::table::{self, Group, Kind, Row};

/// Where the explanations begin.
const COLUMN: usize = 28;

/// How wide lines may be.
const WIDTH: usize = 100;

/// Options of the tool itself: they decide nothing about what is built.
const GENERAL: &[(&str, &str)] = &[
    ("-h, --help", "show this help"),
    ("    --help=short", "show only the options of this package"),
    ("-V, --version", "show the version"),
    ("-q, --quiet, --silent", "say only what is wrong, as V=0"),
    ("-v, --verbose", "say more, as V=2; twice: V=3"),
    ("-j[N], --jobs[=N]", "do so many things at once [what make allows, or all processors]"),
    ("-n, --no-create", "check, but write nothing"),
];

const GROUPS: &[(Group, &str, bool)] = &[
    (Group::Configuration, "Configuration:", true),
    (Group::Installation, "Installation directories:", false),
    (Group::FineTuning, "Fine tuning of the installation directories:", false),
    (Group::ProgramNames, "Program names:", false),
    (Group::SystemTypes, "System types:", false),
    (Group::Features, "Optional Features:", true),
    (Group::Packages, "Optional Packages:", true),
    (Group::Inputs, "Inputs:", true),
    (Group::Accepted, "Accepted, and without effect here:", false),
];

/// The whole help.
pub(super) fn general(help: Help, only_configure: bool) -> String {
    let mut out = String::new();
    if only_configure {
        let _ = write!(out, "configure prepares rkt {VERSION} and its stage1 images for being built.\n\n");
        out.push_str("Usage: ./configure [OPTION]... [VAR=VALUE]...\n\n");
    } else {
        let _ = write!(out, "rkt-build {VERSION} builds and installs rkt and its stage1 images.\n\n");
        out.push_str("Usage: rkt-build [OPTION]... [VAR=VALUE]...            configure, build and install\n");
        out.push_str("       rkt-build [OPTION]... COMMAND [ARGUMENT]...\n\nCommands:\n");
        for command in COMMANDS {
            entry(&mut out, &format!("{} {}", command.name, command.words), command.summary, "");
        }
        out.push('\n');
    }
    for &(group, title, short) in GROUPS {
        if help == Help::Short && !short {
            continue;
        }
        out.push_str(title);
        out.push('\n');
        if group == Group::Configuration {
            for (option, text) in GENERAL {
                entry(&mut out, option, text, "");
            }
        }
        if group == Group::Accepted {
            let names: Vec<_> = table::OPTIONS.iter().filter(|row| row.group == group).map(shown).collect();
            out.push_str("  ");
            wrap(&mut out, 2, &names.join(" "));
            out.push('\n');
            continue;
        }
        for row in table::OPTIONS.iter().filter(|row| row.group == group) {
            entry(&mut out, &shown(row), row.help, row.default);
            for alias in row.aliases {
                entry(&mut out, &row.spell(alias), &format!("another spelling of {}", row.spelling()), "");
            }
        }
        out.push('\n');
    }
    out.push_str("--without-NAME means --with-NAME=no, --disable-NAME means --enable-NAME=no.\n\n");
    out.push_str("Some influential environment variables (also as VAR=VALUE words, which go first):\n");
    for variable in table::VARIABLES {
        entry(&mut out, variable.name, variable.help, "");
    }
    out.push_str("\nExit codes: 0 done; 1 work failed, or a comparison found differences; 2 the command line is wrong;\n");
    out.push_str(
        "3 refused before any work: options that contradict each other, or something needed is missing.\n",
    );
    out
}

/// The help of one command.
pub(super) fn command(command: &Command) -> String {
    let mut out = format!("Usage: {}\n\n", command.usage());
    wrap(&mut out, 0, &sentence(command.summary));
    if !command.details.is_empty() {
        out.push('\n');
        wrap(&mut out, 0, command.details);
    }
    if !command.options.is_empty() {
        out.push_str("\nOptions:\n");
        for option in command.options {
            let value =
                if option.metavar.is_empty() { String::new() } else { format!("={}", option.metavar) };
            let letter = option.letter.map(|letter| {
                let value =
                    if option.metavar.is_empty() { String::new() } else { format!(" {}", option.metavar) };
                format!("-{letter}{value}, ")
            });
            let letter = letter.unwrap_or_default();
            entry(&mut out, &format!("{letter}--{}{value}", option.name), option.help, "");
        }
    }
    out.push_str("\nThe options of `rkt-build --help` may stand before or after the command.\n");
    out
}

fn sentence(summary: &str) -> String {
    let mut letters = summary.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}

fn shown(row: &Row) -> String {
    let spelling = row.spelling();
    match row.kind {
        _ if row.metavar.is_empty() => spelling,
        Kind::Enable => format!("{spelling}[={}]", row.metavar),
        _ => format!("{spelling}={}", row.metavar),
    }
}

fn entry(out: &mut String, left: &str, text: &str, default: &str) {
    let left = left.trim_end();
    out.push_str("  ");
    out.push_str(left);
    let used = 2 + left.chars().count();
    if used + 1 > COLUMN {
        out.push('\n');
        out.push_str(&" ".repeat(COLUMN));
    } else {
        out.push_str(&" ".repeat(COLUMN - used));
    }
    let text = if default.is_empty() { text.to_owned() } else { format!("{text} [{default}]") };
    wrap(out, COLUMN, &text);
}

/// Appends text whose first line begins at a column, and ends it.
fn wrap(out: &mut String, column: usize, text: &str) {
    let mut used = column;
    for (index, word) in text.split_whitespace().enumerate() {
        let width = word.chars().count();
        if index > 0 {
            if used + 1 + width > WIDTH {
                out.push('\n');
                out.push_str(&" ".repeat(column));
                used = column;
            } else {
                out.push(' ');
                used += 1;
            }
        }
        out.push_str(word);
        used += width;
    }
    out.push('\n');
}
