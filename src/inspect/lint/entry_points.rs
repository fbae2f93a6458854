//! The programs that rkt calls, and the version of the contract that says how.

use object::elf;

use super::Rule;
use super::Severity::{Error, Warning};
use super::image::{ENTRY_POINTS, NEWEST, VERSION, annotation, is_file};
use crate::inspect::Program;
use crate::inspect::report::text;
use crate::inspect::resolve::Found;

/// Those that make pods mutable: all or none.
const APP_POINTS: &[&str] = &["app/add", "app/rm", "app/start", "app/stop"];

/// The machines of ELF files by appc's names.
const MACHINES: &[(&str, u16)] = &[
    ("amd64", elf::EM_X86_64.0),
    ("i386", elf::EM_386.0),
    ("aarch64", elf::EM_AARCH64.0),
    ("aarch64_be", elf::EM_AARCH64.0),
    ("armv6l", elf::EM_ARM.0),
    ("armv7l", elf::EM_ARM.0),
    ("armv7b", elf::EM_ARM.0),
    ("ppc64", elf::EM_PPC64.0),
    ("ppc64le", elf::EM_PPC64.0),
    ("s390x", elf::EM_S390.0),
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "entry-point-missing",
        severity: Error,
        hint: "add the annotation with the path of an executable",
        check: |image, faults| {
            for point in ENTRY_POINTS {
                if let (Some(without), None) = (point.needed_for, image.annotation(point.name)) {
                    faults.push((annotation(point.name), format!("the annotation is missing: {without}")));
                }
            }
        },
    },
    Rule {
        name: "entry-point-path",
        severity: Error,
        hint: "write a path from the image's root, such as /init",
        check: |image, faults| {
            for (name, path) in image.entry_points() {
                if !path.starts_with('/') || path.split('/').any(|c| c == "..") {
                    faults.push((annotation(name), format!("`{path}` is not a path from the image's root")));
                }
            }
        },
    },
    Rule {
        name: "entry-point-absent",
        severity: Error,
        hint: "put the executable there, or mend the annotation",
        check: |image, faults| {
            for (name, path) in image.entry_points() {
                let problem = match image.resolver.follow(path.as_bytes()) {
                    Found::Absent => "leads to nothing in the image".to_owned(),
                    Found::Loop => "leads round in a circle of symlinks".to_owned(),
                    Found::Directory => "is a directory".to_owned(),
                    Found::Entry(item) if !is_file(item) => format!("is a {}", item.entry.kind.describe()),
                    _ => continue,
                };
                faults.push((annotation(name), format!("`{path}` {problem}")));
            }
        },
    },
    Rule {
        name: "entry-point-outside",
        severity: Error,
        hint: "make the symlink relative: rkt runs the file from outside, where the link leads to the host",
        check: |image, faults| {
            for (name, path) in image.entry_points() {
                if let Found::Outside(link) = image.resolver.follow(path.as_bytes()) {
                    let link = text(&link.entry.path);
                    faults.push((
                        annotation(name),
                        format!("`{path}` leaves the image by the symlink `{link}`"),
                    ));
                }
            }
        },
    },
    Rule {
        name: "entry-point-mode",
        severity: Error,
        hint: "give the file mode 0755",
        check: |image, faults| {
            for (name, path, item) in image.programs() {
                if item.entry.mode & 0o111 == 0 {
                    let mode = item.entry.mode;
                    faults.push((annotation(name), format!("`{path}` is not executable (mode {mode:04o})")));
                }
            }
        },
    },
    Rule {
        name: "entry-point-format",
        severity: Error,
        hint: "put an ELF executable or a script with a `#!` line there",
        check: |image, faults| {
            for (name, path, item) in image.programs() {
                if item.program == Some(Program::Unknown) {
                    faults.push((
                        annotation(name),
                        format!("`{path}` is no program that the kernel can start"),
                    ));
                }
            }
        },
    },
    Rule {
        name: "entry-point-arch",
        severity: Error,
        hint: "build the executable for the image's architecture, or mend the label `arch`",
        check: |image, faults| {
            let arch = image.manifest.label("arch");
            let wanted = MACHINES.iter().find(|(name, _)| Some(*name) == arch);
            for (name, path, item) in image.programs() {
                if let (Some((arch, wanted)), Some(Program::Elf { machine, .. })) = (wanted, item.program)
                    && machine != *wanted
                {
                    let what =
                        format!("`{path}` is for ELF machine {machine}, but the label `arch` is `{arch}`");
                    faults.push((annotation(name), what));
                }
            }
        },
    },
    Rule {
        name: "entry-point-interpreter",
        severity: Warning,
        hint: "link it statically: rkt runs it outside of the image's root, so the host's files are used",
        check: |image, faults| {
            for (name, path, item) in image.programs() {
                let interpreted =
                    matches!(item.program, Some(Program::Script | Program::Elf { interpreter: true, .. }));
                if interpreted {
                    faults.push((annotation(name), format!("`{path}` needs an interpreter of the host")));
                }
            }
        },
    },
    Rule {
        name: "entry-point-owner",
        severity: Warning,
        hint: "make root the owner: rkt runs the file as root",
        check: |image, faults| {
            for (name, path, item) in image.programs() {
                if item.entry.uid != 0 {
                    faults.push((annotation(name), format!("`{path}` belongs to user {}", item.entry.uid)));
                }
            }
        },
    },
    Rule {
        name: "interface-version",
        severity: Error,
        hint: "write a whole number from 1 to 6, or leave the annotation out (it means 1)",
        check: |image, faults| {
            if let Some(text) = image.annotation(VERSION)
                && image.interface().is_none()
            {
                faults
                    .push((annotation(VERSION), format!("`{text}` is not an interface from 1 to {NEWEST}")));
            }
        },
    },
    Rule {
        name: "interface-too-old",
        severity: Warning,
        hint: "declare interface-version 5 or 6 and take the arguments that it brings",
        check: |image, faults| {
            let Some(version) = image.interface() else { return };
            for point in ENTRY_POINTS {
                if point.since > version && image.annotation(point.name).is_some() {
                    let what =
                        format!("came with interface {}, but the image declares {version}", point.since);
                    faults.push((annotation(point.name), what));
                }
            }
        },
    },
    Rule {
        name: "app-entry-points",
        severity: Error,
        hint: "give all of app/add, app/rm, app/start and app/stop, or none",
        check: |image, faults| {
            let (there, missing): (Vec<&str>, Vec<&str>) =
                APP_POINTS.iter().partition(|name| image.annotation(name).is_some());
            if !there.is_empty() && !missing.is_empty() {
                let what = format!("{} without {}", there.join(", "), missing.join(", "));
                faults.push((annotation("app/*"), format!("only some of the app entry points: {what}")));
            }
        },
    },
];
