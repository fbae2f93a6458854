//! The facts and the verdicts as JSON.

use std::collections::BTreeMap;

use host::cgroup::Layout;
use host::facts::{Facts, Registration};
use host::fit::{Finding, Verdict};
use serde::Serialize;

/// What `rkt check-host --json` prints. Keys stay; new ones may come.
///
/// * `root`: whether the command was run as root.
/// * `initial_user_namespace`: whether it was run in the first user namespace of the machine.
/// * `missing_capabilities`: names of capabilities that the kernel has and the command had not; `null` if unknown.
/// * `kernel`: `release`, `version` (as `uname -r` and `-v`), `config` (the file that the options are from, or `null`:
///   then they were found by trying), `options` (`CONFIG_…` to `yes`, `module`, `no` or `unknown`), `calls` (name of a
///   system call to an answer).
/// * `cgroups`: `layout` (`unified`, `hybrid`, `legacy`, `absent`, or `null` if unknown), `controllers` (names).
/// * `namespaces`: `kinds` (names as in `/proc/PID/ns`; `null` if unknown), `user` (an answer), `user_limit` (how many
///   user namespaces each user may make, or `null`).
/// * `overlay`: an answer, and the `directory` that was looked at.
/// * `kvm`: an answer, the `api_version` of the device or `null`, and `processor` (whether the processor says that it helps
///   virtual machines, or `null` where it would not say so).
/// * `systemd`: `booted` (whether it booted the machine), `machined` (an answer: whether pods can be registered),
///   `nspawn` (`null`, or its `path`, its `version`, a number or `null`, and its long `options`, a list or `null`), `assets`
///   (name of a file that pods take from the machine to its path or `null`), `libraries` (an answer: whether all that the
///   programs among them need to run is there).
/// * `flavors`: name of a flavor to its `verdict` (`works`, `works_with_notes`, `does_not_work`) and its `obstacles`
///   and `notes`, lists of `what` and `hint` (a text or `null`).
/// * `default_flavor`: the flavor of the default stage1 image, or `null` if its name tells none.
///
/// An answer is an object of `usable` (true or false) and `reason` (why not, or `null`).
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    root: bool,
    initial_user_namespace: bool,
    missing_capabilities: Option<&'a [String]>,
    kernel: Kernel<'a>,
    cgroups: Cgroups<'a>,
    namespaces: Namespaces<'a>,
    overlay: Overlay<'a>,
    kvm: Kvm<'a>,
    systemd: Systemd<'a>,
    flavors: BTreeMap<&'a str, Flavor<'a>>,
    default_flavor: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    usable: bool,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Kernel<'a> {
    release: &'a str,
    version: &'a str,
    config: Option<String>,
    options: BTreeMap<String, &'static str>,
    calls: BTreeMap<&'a str, Answer<'a>>,
}

#[derive(Debug, Serialize)]
struct Cgroups<'a> {
    layout: Option<&'static str>,
    controllers: &'a [String],
}

#[derive(Debug, Serialize)]
struct Namespaces<'a> {
    kinds: Option<&'a [String]>,
    user: Answer<'a>,
    user_limit: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Overlay<'a> {
    #[serde(flatten)]
    answer: Answer<'a>,
    directory: String,
}

#[derive(Debug, Serialize)]
struct Kvm<'a> {
    #[serde(flatten)]
    answer: Answer<'a>,
    api_version: Option<i32>,
    processor: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Systemd<'a> {
    booted: bool,
    machined: Answer<'a>,
    nspawn: Option<Nspawn<'a>>,
    assets: BTreeMap<&'a str, Option<String>>,
    libraries: Answer<'a>,
}

#[derive(Debug, Serialize)]
struct Nspawn<'a> {
    path: String,
    version: Option<u32>,
    options: Option<Vec<&'a str>>,
}

#[derive(Debug, Serialize)]
struct Flavor<'a> {
    verdict: &'static str,
    obstacles: Vec<Note<'a>>,
    notes: Vec<Note<'a>>,
}

#[derive(Debug, Serialize)]
struct Note<'a> {
    what: &'a str,
    hint: Option<&'a str>,
}

impl<'a> Document<'a> {
    pub(super) fn new(
        facts: &'a Facts,
        verdicts: &'a [(&'static str, Verdict)],
        default_flavor: Option<&'a str>,
    ) -> Document<'a> {
        let kernel = &facts.kernel;
        let tools = &facts.systemd.tools;
        Document {
            root: facts.root,
            initial_user_namespace: facts.namespaces.in_first_user,
            missing_capabilities: facts.missing_capabilities.as_deref().ok(),
            kernel: Kernel {
                release: &kernel.release,
                version: &kernel.version,
                config: match &kernel.config {
                    Ok(Some(path)) => Some(path.display().to_string()),
                    _ => None,
                },
                options: kernel
                    .options
                    .iter()
                    .map(|option| (format!("CONFIG_{}", option.name), option.state.name()))
                    .collect(),
                calls: kernel
                    .calls
                    .iter()
                    .map(|call| (call.name, Answer::obstacle(call.obstacle.as_deref())))
                    .collect(),
            },
            cgroups: Cgroups {
                layout: facts.cgroups.layout.as_ref().ok().copied().map(Layout::name),
                controllers: &facts.cgroups.controllers,
            },
            namespaces: Namespaces {
                kinds: facts.namespaces.kinds.as_deref().ok(),
                user: Answer::of(&facts.namespaces.user),
                user_limit: facts.namespaces.user_limit.as_ref().ok().copied(),
            },
            overlay: Overlay {
                answer: Answer::of(&facts.overlay.usable),
                directory: facts.overlay.directory.display().to_string(),
            },
            kvm: Kvm {
                answer: Answer::of(&facts.kvm),
                api_version: facts.kvm.as_ref().ok().copied(),
                processor: facts.processor_helps,
            },
            systemd: Systemd {
                booted: facts.systemd.booted,
                machined: Answer::obstacle(match &facts.systemd.registration {
                    Registration::Machined => None,
                    Registration::NoMachined => Some("not on the system bus"),
                    Registration::NoBus(reason) => Some(reason),
                }),
                nspawn: tools.nspawn.as_ref().map(|path| Nspawn {
                    path: path.display().to_string(),
                    version: tools.known_version(),
                    options: tools.abilities.as_ref().map(|abilities| abilities.options().collect()),
                }),
                assets: tools
                    .assets
                    .iter()
                    .map(|(asset, path)| (asset.name, path.as_ref().map(|path| path.display().to_string())))
                    .collect(),
                libraries: Answer::of(&tools.libraries),
            },
            flavors: verdicts.iter().map(|(name, verdict)| (*name, Flavor::of(verdict))).collect(),
            default_flavor,
        }
    }
}

impl<'a> Answer<'a> {
    fn of<T>(result: &'a Result<T, String>) -> Answer<'a> {
        Answer::obstacle(result.as_ref().err().map(String::as_str))
    }

    fn obstacle(reason: Option<&'a str>) -> Answer<'a> {
        Answer { usable: reason.is_none(), reason }
    }
}

impl<'a> Flavor<'a> {
    fn of(verdict: &'a Verdict) -> Flavor<'a> {
        let notes = |findings: &'a [Finding]| {
            findings
                .iter()
                .map(|finding| Note { what: &finding.what, hint: finding.hint.as_deref() })
                .collect()
        };
        let word = match (verdict.works(), verdict.notes.is_empty()) {
            (false, _) => "does_not_work",
            (true, false) => "works_with_notes",
            (true, true) => "works",
        };
        Flavor { verdict: word, obstacles: notes(&verdict.obstacles), notes: notes(&verdict.notes) }
    }
}
