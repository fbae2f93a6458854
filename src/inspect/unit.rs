//! What a unit of systemd cannot do without, as far as its file says: other units, and programs.

use std::borrow::Cow;

/// Keys of `[Unit]` without whose units this one does not start.
const NEEDS_UNITS: &[&str] = &["Requires", "Requisite", "BindsTo"];

/// Keys of any section whose value begins with a program.
const STARTS: &[&str] = &[
    "ExecCondition",
    "ExecReload",
    "ExecStart",
    "ExecStartPost",
    "ExecStartPre",
    "ExecStop",
    "ExecStopPost",
    "ExecStopPre",
];

/// What a unit names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Names of units, as written: with a specifier such as `%i` where the name is only known at run time.
    pub units: Vec<String>,
    /// Absolute paths of programs whose absence is a failure.
    pub programs: Vec<String>,
}

/// Reads the bytes of a unit file. Whatever is no assignment is passed over: what systemd thinks of it is not asked here.
pub fn needs(text: &[u8]) -> Needs {
    let mut needs = Needs::default();
    let mut in_unit = false;
    for line in logical_lines(&String::from_utf8_lossy(text)) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            in_unit = section == "Unit";
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim_end(), value.trim_start());
        if in_unit && NEEDS_UNITS.contains(&key) {
            needs.units.extend(value.split_whitespace().map(str::to_owned));
        } else if !in_unit && STARTS.contains(&key) {
            needs.programs.extend(program(value));
        }
    }
    needs
}

/// The program that a command line starts, if it is an absolute path and its failure is not ignored.
fn program(value: &str) -> Option<String> {
    let command = value.trim_start_matches(['@', ':', '+', '!', '|']);
    let word = match command.strip_prefix(['"', '\'']) {
        Some(rest) => rest.split(['"', '\'']).next(),
        None => command.split_whitespace().next(),
    };
    word.filter(|word| word.starts_with('/') && !word.contains('%')).map(str::to_owned)
}

/// Lines without comments and blank ones; a backslash at the end joins the next one.
fn logical_lines(text: &str) -> Vec<Cow<'_, str>> {
    let mut lines = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && open.is_none()) {
            continue;
        }
        let (line, goes_on) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        match (&mut open, goes_on) {
            (None, false) => lines.push(Cow::Borrowed(line)),
            (None, true) => open = Some(format!("{line} ")),
            (Some(begun), true) => {
                begun.push_str(line);
                begun.push(' ');
            }
            (Some(begun), false) => {
                begun.push_str(line);
                lines.push(Cow::Owned(std::mem::take(begun)));
                open = None;
            }
        }
    }
    lines.extend(open.map(Cow::Owned));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_unit_names() {
        let rows: &[(&str, &[&str], &[&str])] = &[
            ("", &[], &[]),
            (
                "[Unit]\nRequires=a.service b.socket\nBindsTo=%i.service\nWants=weak.service\nAfter=x.target\n",
                &["a.service", "b.socket", "%i.service"],
                &[],
            ),
            (
                "[Unit]\n# Requires=a.service\n; BindsTo=b.service\n Requisite = c.target \n",
                &["c.target"],
                &[],
            ),
            ("[Unit]\nRequires=a.service \\\n# between\n  b.service\n", &["a.service", "b.service"], &[]),
            ("[Install]\nRequires=a.service\n[Unit]\nExecStart=/x\n", &[], &[]),
            (
                "[Service]\nExecStartPre=-/may/fail\nExecStart=@!/bin/a argv0 b\nExecStop=+/bin/c\n",
                &[],
                &["/bin/a", "/bin/c"],
            ),
            (
                "[Service]\nExecStart=\"/with space/a\" b\nExecStart=bare\nExecStart=/a/%i\nExecStart=\n",
                &[],
                &["/with space/a"],
            ),
            ("Requires=before.any.section\n[Unit\nRequires\n=\n", &[], &[]),
        ];
        for (text, units, programs) in rows {
            let needs = needs(text.as_bytes());
            assert_eq!((needs.units, needs.programs), (own(units), own(programs)), "{text}");
        }
        assert_eq!(
            needs(b"[Unit]\nRequires=\xff.service \\"),
            Needs { units: vec!["\u{fffd}.service".to_owned()], programs: Vec::new() }
        );
    }

    fn own(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }
}
