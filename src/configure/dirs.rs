//! The installation directories of the GNU coding standards: their defaults and how references in them are resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::Problem;

macro_rules! directories {
    ($($(#[doc = $doc:literal])* $name:ident = $default:literal;)*) => {
        /// Every standard directory, absolute and without references.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Directories {
            $($(#[doc = $doc])* pub $name: PathBuf,)*
        }

        /// Names (as in `${name}`) and defaults, in the order in which they are shown.
        pub const DEFAULTS: &[(&str, &str)] = &[$((stringify!($name), $default),)*];

        impl Directories {
            fn from_values(mut values: BTreeMap<&str, String>) -> Self {
                Self { $($name: values.remove(stringify!($name)).unwrap_or_default().into(),)* }
            }

            /// Names and values, in the order in which they are shown.
            pub fn entries(&self) -> Vec<(&'static str, &PathBuf)> {
                vec![$((stringify!($name), &self.$name),)*]
            }
        }
    };
}

directories! {
    /// Where everything goes that does not depend on the machine.
    prefix = "/usr/local";
    /// Where everything goes that depends on the machine.
    exec_prefix = "${prefix}";
    /// Programs of users.
    bindir = "${exec_prefix}/bin";
    /// Programs of the administrator.
    sbindir = "${exec_prefix}/sbin";
    /// Programs that programs run.
    libexecdir = "${exec_prefix}/libexec";
    /// Configuration of this machine.
    sysconfdir = "${prefix}/etc";
    /// Changing data that machines may share.
    sharedstatedir = "${prefix}/com";
    /// Changing data of this machine.
    localstatedir = "${prefix}/var";
    /// Changing data that lives as long as the machine runs.
    runstatedir = "${localstatedir}/run";
    /// Libraries; the images directory is below it.
    libdir = "${exec_prefix}/lib";
    /// C headers.
    includedir = "${prefix}/include";
    /// C headers for compilers other than gcc.
    oldincludedir = "/usr/include";
    /// Root of the data that does not depend on the machine.
    datarootdir = "${prefix}/share";
    /// Data that does not depend on the machine.
    datadir = "${datarootdir}";
    /// Info pages.
    infodir = "${datarootdir}/info";
    /// Translations.
    localedir = "${datarootdir}/locale";
    /// Manual pages.
    mandir = "${datarootdir}/man";
    /// Documentation.
    docdir = "${datarootdir}/doc/rkt";
    /// Documentation as HTML.
    htmldir = "${docdir}";
    /// Documentation as DVI.
    dvidir = "${docdir}";
    /// Documentation as PDF.
    pdfdir = "${docdir}";
    /// Documentation as PostScript.
    psdir = "${docdir}";
}

/// How deep references may be nested: longer than any chain of the defaults, short enough to end a circle.
const MAX_DEPTH: usize = 16;

/// How many references one directory may be made of, and how many bytes it may be long.
const MAX_REFERENCES: usize = 256;
const MAX_LENGTH: usize = 4096;

/// What to do about a reference that cannot be resolved.
pub const REFERENCES: &str = "refer to other directories only, such as ${prefix}/lib; the shell's own variables must be expanded by the shell";

/// Resolves what was given (by name) over the defaults. Every directory that is not absolute in the end, refers
/// to an unknown name or to itself is an error; all are reported.
pub fn resolve(given: &BTreeMap<&str, &str>) -> Result<Directories, Vec<Problem>> {
    let mut errors = Vec::new();
    let mut values = BTreeMap::new();
    for &(name, _) in DEFAULTS {
        match expand(name, given, MAX_DEPTH, &mut 0) {
            Ok(value) if value.starts_with('/') => {
                values.insert(name, trim(&value).to_owned());
            }
            // What was wrong with another directory is told there, not once more for each that refers to it.
            Ok(_) | Err(_) if !given.contains_key(name) => {}
            Ok(value) => errors.push(
                Problem::new(format!("\"{value}\" is not an absolute directory name"))
                    .at(option_name(name))
                    .hint("begin it with / or with a reference such as ${prefix}"),
            ),
            Err(what) => errors.push(Problem::new(what).at(option_name(name)).hint(REFERENCES)),
        }
    }
    if errors.is_empty() { Ok(Directories::from_values(values)) } else { Err(errors) }
}

/// The option that sets a directory: `exec_prefix` is `--exec-prefix`.
pub fn option_name(directory: &str) -> String {
    format!("--{}", directory.replace('_', "-"))
}

fn trim(value: &str) -> &str {
    let trimmed = value.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed }
}

fn expand(
    name: &str,
    given: &BTreeMap<&str, &str>,
    depth: usize,
    seen: &mut usize,
) -> Result<String, String> {
    if depth == 0 {
        return Err(format!("${{{name}}} refers to itself"));
    }
    let Some(&(_, default)) = DEFAULTS.iter().find(|(known, _)| *known == name) else {
        return Err(format!("${{{name}}} is not the name of a directory"));
    };
    expand_references(given.get(name).copied().unwrap_or(default), given, depth, seen)
}

/// Resolves the references in a text that is not one of the standard directories itself.
pub fn expand_text(text: &str, given: &BTreeMap<&str, &str>) -> Result<String, String> {
    expand_references(text, given, MAX_DEPTH, &mut 0)
}

fn expand_references(
    text: &str,
    given: &BTreeMap<&str, &str>,
    depth: usize,
    seen: &mut usize,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        let after = &rest[start + 1..];
        let (open, close) = match after.chars().next() {
            Some('{') => ('{', '}'),
            Some('(') => ('(', ')'),
            _ => return Err(format!("a lone $ in \"{text}\"; references are written ${{name}}")),
        };
        let Some(end) = after.find(close) else {
            return Err(format!("the reference in \"{text}\" has no closing {close}"));
        };
        out.push_str(&expand(&after[open.len_utf8()..end], given, depth - 1, seen)?);
        *seen += 1;
        if *seen > MAX_REFERENCES || out.len() > MAX_LENGTH {
            return Err("too many references, or too long in the end".to_owned());
        }
        // `${prefix}/lib` with a prefix of `/` must not become `//lib`.
        if out.ends_with('/') && after[end + 1..].starts_with('/') {
            out.pop();
        }
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(if out.is_empty() { out } else { trim(&out).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(given: &[(&'static str, &'static str)]) -> Directories {
        resolve(&given.iter().copied().collect()).unwrap()
    }

    #[test]
    fn defaults_follow_prefix_and_exec_prefix() {
        let dirs = resolved(&[("prefix", "/usr/"), ("exec_prefix", "/opt/x")]);
        assert_eq!(dirs.bindir.to_str(), Some("/opt/x/bin"));
        assert_eq!(dirs.libdir.to_str(), Some("/opt/x/lib"));
        assert_eq!(dirs.mandir.to_str(), Some("/usr/share/man"));
        assert_eq!(dirs.runstatedir.to_str(), Some("/usr/var/run"));
        assert_eq!(resolved(&[]).libdir.to_str(), Some("/usr/local/lib"));
        assert_eq!(resolved(&[("prefix", "/")]).libdir.to_str(), Some("/lib"));
    }

    #[test]
    fn references_are_resolved_in_both_spellings() {
        let dirs =
            resolved(&[("prefix", "/usr"), ("libdir", "${prefix}/lib/x"), ("mandir", "$(datadir)/man")]);
        assert_eq!(dirs.libdir.to_str(), Some("/usr/lib/x"));
        assert_eq!(dirs.mandir.to_str(), Some("/usr/share/man"));
    }

    #[test]
    fn references_that_multiply_are_stopped() {
        let many = |name: &str| format!("${{{name}}}").repeat(60);
        let names = ["bindir", "sbindir", "libdir", "mandir", "docdir", "psdir"];
        let mut values: Vec<_> = names.windows(2).map(|pair| (pair[0], many(pair[1]))).collect();
        values.push(("psdir", String::new()));
        let errors =
            resolve(&values.iter().map(|(name, value)| (*name, value.as_str())).collect()).unwrap_err();
        assert!(errors.iter().any(|error| error.what.contains("too many")), "{errors:?}");
    }

    #[test]
    fn each_wrong_directory_is_told_once() {
        let given =
            [("prefix", "usr"), ("bindir", "${bindir}/x"), ("libdir", "${nope}"), ("mandir", "/a/$b")];
        let errors = resolve(&given.into_iter().collect()).unwrap_err();
        let places: Vec<_> = errors.iter().filter_map(|e| e.place.as_deref()).collect();
        assert_eq!(places, ["--prefix", "--bindir", "--libdir", "--mandir"]);
    }
}
