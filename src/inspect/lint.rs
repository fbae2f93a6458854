//! Does an image keep the contract of stage1 images? One table of rules.

use std::fmt;

use appc::archive::{EntryKind, MANIFEST, ROOTFS};
use appc::{ImageManifest, PLATFORMS};
use object::elf;
use serde_json::{Value, json};

use super::report::text;
use super::resolve::{Found, Resolver};
use super::{Contents, InspectError, Item, Program};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// rkt fails with this image, at once or later.
    Error,
    /// It works, but something is not as it should be.
    Warning,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// A path of the archive, or a field of the manifest.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: &'static str,
}

impl Finding {
    fn json(&self) -> Value {
        json!({
            "rule": self.rule,
            "severity": self.severity.to_string(),
            "place": self.place,
            "what": self.what,
            "hint": self.hint,
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {} [{}]\n  hint: {}", self.severity, self.place, self.what, self.rule, self.hint)
    }
}

/// All findings as one JSON object.
pub fn json(findings: &[Finding]) -> Value {
    let list: Vec<Value> = findings.iter().map(Finding::json).collect();
    json!({ "ok": passes(findings), "findings": list })
}

/// Whether there is no error among the findings.
pub fn passes(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity != Severity::Error)
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, which findings carry.
    pub name: &'static str,
    /// How bad a breach is.
    pub severity: Severity,
    /// What to do about a breach.
    pub hint: &'static str,
    check: fn(&Image<'_>, &mut Faults),
}

/// What a rule looks at.
struct Image<'a> {
    contents: &'a Contents,
    manifest: &'a ImageManifest,
    resolver: Resolver<'a>,
}

/// Places and what is wrong there.
type Faults = Vec<(String, String)>;

const PREFIX: &str = "coreos.com/rkt/stage1/";
const VERSION: &str = "interface-version";
/// The newest interface that any rkt knows.
const NEWEST: u64 = 6;

/// An entry point of a stage1 image.
struct EntryPoint {
    /// Its annotation behind the prefix.
    name: &'static str,
    /// Without it, rkt fails so.
    needed_for: Option<&'static str>,
    /// The interface that brought it.
    since: u64,
}

const fn optional(name: &'static str) -> EntryPoint {
    EntryPoint { name, needed_for: None, since: 5 }
}

const ENTRY_POINTS: &[EntryPoint] = &[
    EntryPoint { name: "run", needed_for: Some("no pod can be started"), since: 1 },
    EntryPoint { name: "enter", needed_for: Some("`rkt enter` and all app commands fail"), since: 1 },
    EntryPoint { name: "gc", needed_for: Some("`rkt gc` complains about each of its pods"), since: 1 },
    optional("stop"),
    optional("app/add"),
    optional("app/rm"),
    optional("app/start"),
    optional("app/stop"),
    optional("attach"),
];

/// Those that make pods mutable: all or none.
const APP_POINTS: &[&str] = &["app/add", "app/rm", "app/start", "app/stop"];

/// Directories that rkt fills; an image leaves them empty.
const RESERVED: &[&str] = &["opt/stage2", "rkt/status", "rkt/env", "rkt/iottymux", "rkt/supervisor-status"];

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

use Severity::{Error, Warning};

/// All rules, in the order in which they are checked.
pub const RULES: &[Rule] = &[
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

impl Image<'_> {
    fn annotation(&self, name: &str) -> Option<&str> {
        self.manifest.annotation(&format!("{PREFIX}{name}"))
    }

    /// The interface that is declared, if it is one.
    fn interface(&self) -> Option<u64> {
        let Some(text) = self.annotation(VERSION) else { return Some(1) };
        text.parse().ok().filter(|version| (1..=NEWEST).contains(version))
    }

    /// Names and paths of the entry points that are there.
    fn entry_points(&self) -> impl Iterator<Item = (&'static str, &str)> {
        ENTRY_POINTS.iter().filter_map(|point| Some((point.name, self.annotation(point.name)?)))
    }

    /// Those that lead to a file, with it.
    fn programs(&self) -> impl Iterator<Item = (&'static str, &str, &Item)> {
        self.entry_points().filter_map(|(name, path)| match self.resolver.follow(path.as_bytes()) {
            Found::Entry(item) if is_file(item) => Some((name, path, item)),
            _ => None,
        })
    }

    fn is_directory(&self, path: &str) -> bool {
        match self.resolver.follow(path.as_bytes()) {
            Found::Directory => true,
            Found::Entry(item) => item.entry.kind == EntryKind::Directory,
            _ => false,
        }
    }

    fn each(&self, faults: &mut Faults, check: impl Fn(&Item) -> Option<String>) {
        let found =
            self.contents.items.iter().filter_map(|item| Some((text(&item.entry.path), check(item)?)));
        faults.extend(found);
    }
}

fn is_file(item: &Item) -> bool {
    matches!(item.entry.kind, EntryKind::File { .. })
}

fn annotation(name: &str) -> String {
    format!("annotation {PREFIX}{name}")
}

/// Checks an image, which must have been read with its programs. Errors come first.
pub fn check(contents: &Contents) -> Vec<Finding> {
    let image = Image { contents, manifest: &contents.summary.manifest, resolver: Resolver::new(contents) };
    let mut findings = Vec::new();
    for rule in RULES {
        let mut faults = Faults::new();
        (rule.check)(&image, &mut faults);
        let finding = |(place, what)| Finding {
            rule: rule.name,
            severity: rule.severity,
            place,
            what,
            hint: rule.hint,
        };
        findings.extend(faults.into_iter().map(finding));
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// The finding about an image that cannot be read as one; none if the machine is at fault, not the image.
pub fn unreadable(error: &InspectError) -> Option<Finding> {
    let hint = error.source.hint()?;
    let what = error.source.to_string();
    Some(Finding { rule: "archive", severity: Error, place: error.file.display().to_string(), what, hint })
}
