//! What lies where.

use appc::archive::{MANIFEST, ROOTFS};

use super::Rule;
use super::Severity::{Error, Warning};
use crate::inspect::resolve::Found;

/// Directories that rkt fills; an image leaves them empty.
const RESERVED: &[&str] = &["opt/stage2", "rkt/status", "rkt/env", "rkt/iottymux", "rkt/supervisor-status"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "rootfs",
        severity: Error,
        hint: "put the image's files below `rootfs`",
        check: |image, faults| {
            if image.resolver.at(ROOTFS.as_bytes()) == Found::Absent {
                faults.push((ROOTFS.to_owned(), "the image has no `rootfs`".to_owned()));
            }
        },
    },
    Rule {
        name: "status-directory",
        severity: Error,
        hint: "add the directory rootfs/rkt/status: exit codes of apps are written there",
        check: |image, faults| {
            if !image.is_directory("rkt/status") {
                faults.push(("rootfs/rkt/status".to_owned(), "the directory is missing".to_owned()));
            }
        },
    },
    Rule {
        name: "stage2-directory",
        severity: Warning,
        hint: "add the directory rootfs/opt/stage2: apps are placed below it",
        check: |image, faults| {
            if !image.is_directory("opt/stage2") {
                faults.push(("rootfs/opt/stage2".to_owned(), "the directory is missing".to_owned()));
            }
        },
    },
    Rule {
        name: "reserved-directory",
        severity: Warning,
        hint: "leave it empty: rkt fills it",
        check: |image, faults| {
            for path in RESERVED {
                let path = format!("{ROOTFS}/{path}");
                let count = image.resolver.below(path.as_bytes());
                if count > 0 {
                    faults.push((path, format!("the reserved directory has {count} entries")));
                }
            }
        },
    },
    Rule {
        name: "top-level",
        severity: Warning,
        hint: "leave out what is neither `manifest` nor below `rootfs`: rkt ignores it, other tools refuse it",
        check: |image, faults| {
            image.each(faults, |item| {
                let path = &item.entry.path;
                let top = path.split(|b| *b == b'/').next().unwrap_or_default();
                let known = top == ROOTFS.as_bytes() || path == MANIFEST.as_bytes();
                (!known).then(|| "the entry does not belong to an image".to_owned())
            });
        },
    },
];
