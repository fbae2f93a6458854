//! Writing foreign text into unit files so that systemd reads the same text again.
//!
//! Three readers have to be satisfied: the C-like escapes inside quotes, `%` specifiers, and `$` for
//! variables in command lines.

use std::fmt::Write as _;

/// A command line: program and arguments. `%` is doubled everywhere; `$` only in arguments, because
/// systemd does not look for variables in the program's path.
pub(crate) fn command(program: &str, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    quote(program) + &self::arguments(arguments)
}

/// The arguments of a command line, each with a blank before it.
pub(crate) fn arguments(arguments: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quoted = arguments.into_iter().map(|word| format!(" {}", quote(word.as_ref()).replace('$', "$$")));
    quoted.collect()
}

/// One word in double quotes, with `%` doubled. As Go's `%q` writes it, but for the single quote, which
/// gets a backslash too.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' | '\'' => {
                quoted.push('\\');
                quoted.push(character);
            }
            '%' => quoted.push_str("%%"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            control if control.is_ascii_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\x{:02x}", u32::from(control));
            }
            // Line and paragraph separators and the C1 controls.
            '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether Unicode has set this apart from all characters for ever: what systemd reads may hold none.
pub(crate) fn is_noncharacter(character: char) -> bool {
    let number = u32::from(character);
    (0xfdd0..=0xfdef).contains(&number) || number & 0xfffe == 0xfffe
}

/// The value of a directive that takes one path as it is: only `%` has a meaning there. `None` for what
/// cannot be written: a line break would end the value, and white space at its end is lost.
pub(crate) fn path(text: &str) -> Option<String> {
    let plain = !text.chars().any(|c| c.is_control() || is_noncharacter(c))
        && text.trim() == text
        && !text.ends_with('\\');
    plain.then(|| text.replace('%', "%%"))
}

/// The value of a variable in a file of an environment: in double quotes, with a backslash where systemd, like a shell,
/// would see something else in a character.
pub(crate) fn variable(value: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(value.len() + 2);
    quoted.push(b'"');
    for &byte in value {
        if matches!(byte, b'"' | b'\\' | b'$' | b'`') {
            quoted.push(b'\\');
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    quoted
}

/// Whether systemd reads the value of a variable back as it stands in the file.
pub(crate) fn is_plain_variable(value: &[u8]) -> bool {
    let quoted = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\''));
    let blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    !value.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r'))
        && !quoted(value.first())
        && !blank(value.first())
        && !blank(value.last())
}

/// A path as the name of a unit's instance, without its leading slash.
pub(crate) fn instance(path: &str) -> String {
    match path.trim_matches('/') {
        "" => "-".to_owned(),
        path => host::systemd::escape(path),
    }
}

#[cfg(test)]
mod tests {
    use super::{command, instance, is_plain_variable, path, quote, variable};

    #[test]
    fn commands_are_quoted_as_the_original_does() {
        assert_eq!(
            command("/bin/sh", ["-c", "echo \"hi $HOME\" 100%"]),
            "\"/bin/sh\" \"-c\" \"echo \\\"hi $$HOME\\\" 100%%\""
        );
        assert_eq!(command("/o$d/100%", [""; 0]), "\"/o$d/100%%\"");
        for (text, quoted) in [
            ("", "\"\""),
            ("it's", "\"it\\'s\""),
            ("a\\b", "\"a\\\\b\""),
            ("two\nlines\t\r", "\"two\\nlines\\t\\r\""),
            ("\u{1}\u{7f}\u{85}", "\"\\x01\\x7f\\u0085\""),
            ("é 世", "\"é 世\""),
        ] {
            assert_eq!(quote(text), quoted, "{text:?}");
        }
    }

    #[test]
    fn paths_are_taken_as_they_are_or_not_at_all() {
        assert_eq!(path("/a b/100%").as_deref(), Some("/a b/100%%"));
        for bad in ["/a\nb", "/a ", "/a\\", "/\u{1}"] {
            assert_eq!(path(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn values_that_systemd_reads_as_they_are() {
        for (value, plain) in [
            ("", true),
            ("b\"a r", true),
            ("\"x\"", false),
            ("a\\b", false),
            ("two\nlines", false),
            (" x", false),
            ("x ", false),
            ("#x", true),
            ("a$b", true),
        ] {
            assert_eq!(is_plain_variable(value.as_bytes()), plain, "{value:?}");
        }
        assert_eq!(variable(b"a\"\\$`b\n'"), b"\"a\\\"\\\\\\$\\`b\n'\"");
    }

    #[test]
    fn instances_are_escaped_as_systemd_does() {
        for (path, name) in [
            ("/opt/stage2/bb/rootfs", "opt-stage2-bb-rootfs"),
            ("/opt/stage2/a-b/rootfs", "opt-stage2-a\\x2db-rootfs"),
            ("/", "-"),
            ("/.x y", "\\x2ex\\x20y"),
        ] {
            assert_eq!(instance(path), name, "{path}");
        }
    }
}
