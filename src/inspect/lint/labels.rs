//! The labels by which images are found.

use appc::PLATFORMS;

use super::Rule;
use super::Severity::{Error, Warning};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "label-os",
        severity: Error,
        hint: "stage1 images run on linux only",
        check: |image, faults| {
            if let Some(os) = image.manifest.label("os").filter(|os| *os != "linux") {
                faults.push(("labels".to_owned(), format!("the label `os` is `{os}`")));
            }
        },
    },
    Rule {
        name: "label-arch",
        severity: Error,
        hint: "use appc's names: amd64, i386, aarch64, armv7l, ppc64le …",
        check: |image, faults| {
            if let Some(arch) = image.manifest.label("arch")
                && !PLATFORMS.iter().any(|p| p.os == "linux" && p.arch == arch)
            {
                faults.push((
                    "labels".to_owned(),
                    format!("the label `arch` is `{arch}`, which appc does not know"),
                ));
            }
        },
    },
    Rule {
        name: "label-missing",
        severity: Warning,
        hint: "add the labels version, arch and os: images are found by them",
        check: |image, faults| {
            for name in ["version", "arch", "os"] {
                if image.manifest.label(name).is_none_or(str::is_empty) {
                    faults.push(("labels".to_owned(), format!("there is no label `{name}`")));
                }
            }
        },
    },
];
