//! Images in which systemd starts the apps: what it, nspawn and the engine count on.

use std::collections::BTreeSet;

use appc::archive::EntryKind;

use super::Rule;
use super::Severity::{Error, Warning};
use super::image::{Image, is_file};
use crate::inspect::report::text;
use crate::inspect::resolve::Found;
use crate::inspect::{Item, os_release, unit};

/// The directory of the units, by which such images are known.
const UNITS: &str = "/usr/lib/systemd/system";

/// The flavors that rkt's own executable serves; a flavor that extends one keeps that one's link.
const FLAVORS: &[&str] = &["coreos", "kvm", "src", "host", "fly"];

/// Units that the engine writes before a pod starts.
const OF_THE_ENGINE: &[&str] = &["default.target", "halt.target", "prepare-app@.service", "shutdown.service"];

/// Programs that the flavor `host` takes from the host when a pod starts, in any directory of programs.
const OF_THE_HOST: &[&str] =
    &["bash", "mount", "systemctl", "systemd-sysusers", "systemd-tmpfiles", "umount"];

/// Kinds of units that need no file.
const WITHOUT_FILE: &[&str] = &[".device", ".mount", ".scope", ".slice", ".swap"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "flavor-link",
        severity: Warning,
        hint: "make /flavor a symlink to the name of the flavor that runs the pods: rkt's executable asks it",
        check: |image, faults| {
            let place = "rootfs/flavor".to_owned();
            match image.resolver.at(place.as_bytes()) {
                Found::Entry(Item { entry, .. }) => match &entry.kind {
                    EntryKind::Symlink { target } if FLAVORS.iter().any(|name| name.as_bytes() == target) => {
                    }
                    EntryKind::Symlink { target } => {
                        let what =
                            format!("it names `{}`, which is none of {}", text(target), FLAVORS.join(", "));
                        faults.push((place, what));
                    }
                    kind => faults.push((place, format!("it is a {}, no symlink", kind.describe()))),
                },
                Found::Directory => faults.push((place, "it is a directory, no symlink".to_owned())),
                _ if has_systemd(image) => faults.push((place, "the symlink is missing".to_owned())),
                _ => {}
            }
        },
    },
    Rule {
        name: "os-release-missing",
        severity: Error,
        hint: "add /etc/os-release: without it, systemd-nspawn takes no directory for an operating system",
        check: |image, faults| {
            let there = ["/etc/os-release", "/usr/lib/os-release"]
                .iter()
                .any(|path| !matches!(image.resolver.follow(path.as_bytes()), Found::Absent | Found::Loop));
            if has_systemd(image) && !there {
                faults.push(("rootfs/etc/os-release".to_owned(), "the file is missing".to_owned()));
            }
        },
    },
    Rule {
        name: "os-release",
        severity: Warning,
        hint: "write lines such as ID=rkt and NAME=\"my flavor\", see os-release(5)",
        check: |image, faults| {
            if let Found::Entry(item) = image.resolver.follow(b"/etc/os-release")
                && let Some(content) = &item.text
            {
                let place = text(&item.entry.path);
                faults.extend(os_release::faults(content).into_iter().map(|fault| (place.clone(), fault)));
            }
        },
    },
    Rule {
        name: "hosts-fallback",
        severity: Error,
        hint: "add the file /etc/hosts-fallback: rkt and its engine make the apps' /etc/hosts of it",
        check: |image, faults| {
            let found = image.resolver.follow(b"/etc/hosts-fallback");
            if has_systemd(image) && !matches!(found, Found::Entry(item) if is_file(item)) {
                faults.push(("rootfs/etc/hosts-fallback".to_owned(), "the file is missing".to_owned()));
            }
        },
    },
    Rule {
        name: "unit-missing",
        severity: Error,
        hint: "add the unit, or take it out of the one that needs it",
        check: |image, faults| {
            let names: BTreeSet<String> = units(image).map(|(name, _)| name).collect();
            let of_the_host = flavor(image).as_deref() == Some("host");
            for (name, item) in units(image) {
                if let EntryKind::Symlink { target } = &item.entry.kind {
                    // An alias; a link to /dev/null masks the unit.
                    let alias = text(target);
                    let leaf = alias.rsplit('/').next().unwrap_or(&alias);
                    if alias != "/dev/null" && !names.contains(leaf) {
                        let what = format!("the link leads to `{alias}`, which is not in the image");
                        faults.push((text(&item.entry.path), what));
                    }
                }
                for needed in item.text.iter().flat_map(|content| unit::needs(content).units) {
                    let later = OF_THE_ENGINE.contains(&template(&needed).as_str())
                        || (of_the_host && needed.starts_with("systemd-journal"));
                    let known = needed.contains('%')
                        || WITHOUT_FILE.iter().any(|kind| needed.ends_with(kind))
                        || names.contains(&needed)
                        || names.contains(&template(&needed));
                    if !later && !known {
                        let what = format!("{name} needs the unit {needed}, which is not in the image");
                        faults.push((text(&item.entry.path), what));
                    }
                }
            }
        },
    },
    Rule {
        name: "unit-program",
        severity: Error,
        hint: "add the program, or take it out of the unit",
        check: |image, faults| {
            let of_the_host = flavor(image).as_deref() == Some("host");
            for (name, item) in units(image) {
                for program in item.text.iter().flat_map(|content| unit::needs(content).programs) {
                    let leaf = program.rsplit('/').next().unwrap_or_default();
                    let later = of_the_host
                        && (OF_THE_HOST.contains(&leaf) || program.starts_with("/usr/lib/systemd/"));
                    if !later && image.resolver.follow(program.as_bytes()) == Found::Absent {
                        let what = format!("{name} starts {program}, which is not in the image");
                        faults.push((text(&item.entry.path), what));
                    }
                }
            }
        },
    },
];

fn has_systemd(image: &Image<'_>) -> bool {
    image.is_directory(UNITS)
}

/// What the link `/flavor` says.
fn flavor(image: &Image<'_>) -> Option<String> {
    match image.resolver.at(b"rootfs/flavor") {
        Found::Entry(Item { entry, .. }) => match &entry.kind {
            EntryKind::Symlink { target } => Some(text(target)),
            _ => None,
        },
        _ => None,
    }
}

/// Names and entries of all units, in whichever directory of units they lie.
fn units<'a>(image: &Image<'a>) -> impl Iterator<Item = (String, &'a Item)> {
    image.contents.items.iter().filter_map(|item| {
        let path = text(&item.entry.path);
        let (directory, name) = path.rsplit_once('/')?;
        let is_unit = directory.ends_with("/systemd/system")
            && matches!(item.entry.kind, EntryKind::File { .. } | EntryKind::Symlink { .. });
        is_unit.then(|| (name.to_owned(), item))
    })
}

/// The template of an instance: `a@.service` for `a@b.service`; other names as they are.
fn template(name: &str) -> String {
    match (name.split_once('@'), name.rsplit_once('.')) {
        (Some((prefix, _)), Some((_, kind))) => format!("{prefix}@.{kind}"),
        _ => name.to_owned(),
    }
}
