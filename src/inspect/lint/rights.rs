//! Who may write, and as whom programs run.

use appc::archive::EntryKind;

use super::Rule;
use super::Severity::Warning;
use super::image::is_file;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "setuid",
        severity: Warning,
        hint: "drop the bit unless the program needs it",
        check: |image, faults| {
            image.each(faults, |item| {
                let special = is_file(item) && item.entry.mode & 0o6000 != 0;
                special.then(|| format!("the file has mode {:04o}", item.entry.mode))
            });
        },
    },
    Rule {
        name: "world-writable",
        severity: Warning,
        hint: "take the right to write from others, or add the sticky bit to a directory",
        check: |image, faults| {
            image.each(faults, |item| {
                let mode = item.entry.mode;
                let open = match item.entry.kind {
                    EntryKind::File { .. } => mode & 0o002 != 0,
                    EntryKind::Directory => mode & 0o1002 == 0o002,
                    _ => false,
                };
                open.then(|| format!("everybody may write it (mode {mode:04o})"))
            });
        },
    },
];
