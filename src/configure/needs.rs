//! Which facts the rules will ask for: so that nothing is looked for that no flavor needs.

use std::path::PathBuf;

use super::config::Machine;
use super::facts::HostFacts;
use super::machine::{Architectures, Triple};
use super::options::{Key, Options};

/// What has to be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The compiler, where a program is compiled.
    pub(super) compiler: Option<CompilerNeeds>,
    /// Whether it matters what systemd this machine has.
    pub(super) systemd: bool,
    /// Files and directories that were named, absolute.
    pub(super) paths: Vec<PathBuf>,
}

/// What compiling needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompilerNeeds {
    /// Whether the stage1 executable is compiled.
    pub(super) stage1: bool,
    /// Whether rkt is compiled.
    pub(super) rkt: bool,
    /// The cargo to look for.
    pub(super) cargo: String,
    /// The rustc to look for.
    pub(super) rustc: String,
    /// Linkers, the best first.
    pub(super) linkers: Vec<String>,
    /// Whether a static glibc is needed.
    pub(super) static_libc: bool,
}

/// What has to be looked at for these options. Whatever is wrong with them is told by the rules, not here.
pub(super) fn needs(options: &Options, facts: &HostFacts) -> Needs {
    let named = [Key::Stage1Executable, Key::RktExecutable, Key::SourceDirectory, Key::PxePath];
    let path = |key| options.value(key).filter(|v| !v.is_empty()).map(|path| super::absolute(facts, path));
    Needs {
        compiler: compiler(options, facts),
        systemd: options.has(Key::FunctionalTests),
        paths: named.into_iter().filter_map(path).collect(),
    }
}

/// What compiling needs, where something is compiled.
pub(super) fn compiler(options: &Options, facts: &HostFacts) -> Option<CompilerNeeds> {
    let given = |key| options.value(key).is_some_and(|value| !value.is_empty());
    // A default image from elsewhere and no list of flavors: no image is built, rkt alone is.
    let detailed = options.has(Key::DefaultName) || options.has(Key::DefaultVersion);
    let images = !detailed || given(Key::Flavors);
    let (stage1, rkt) = (images && !given(Key::Stage1Executable), !given(Key::RktExecutable));
    if !stage1 && !rkt {
        return None;
    }
    let architectures = Architectures::builtin();
    let machine = |key| {
        let text = options.value(key).filter(|text| !text.is_empty()).unwrap_or(&facts.machine);
        architectures.machine(text).ok()
    };
    let build = machine(Key::Build);
    let host = if options.value(Key::Host).is_some_and(|v| !v.is_empty()) {
        machine(Key::Host)
    } else {
        build.clone()
    };
    let target = options.value(Key::Stage1Target).filter(|target| !target.is_empty());
    let target = target.or(host.as_ref().map(|host| host.rust_target.as_str())).unwrap_or_default();
    let static_libc = stage1 && target.contains("-gnu");
    let variable = |name, default: &str| facts.variable(options, name).unwrap_or(default).to_owned();
    Some(CompilerNeeds {
        stage1,
        rkt,
        cargo: variable("CARGO", "cargo"),
        rustc: variable("RUSTC", "rustc"),
        linkers: linkers(options, facts, host.as_ref(), build.as_ref()),
        static_libc,
    })
}

/// `CC` where it is the name of a program (not one with arguments); else what the machine's compiler is called.
fn linkers(
    options: &Options,
    facts: &HostFacts,
    host: Option<&Machine>,
    build: Option<&Machine>,
) -> Vec<String> {
    if let Some(cc) = facts.variable(options, "CC").filter(|cc| !cc.trim().contains(char::is_whitespace)) {
        return vec![cc.trim().to_owned()];
    }
    match (host, build) {
        (Some(host), Some(build)) if is_cross(host, build) => {
            let mut names = vec![host.triple.clone()];
            if let Ok(triple) = Triple::parse(&host.canonical) {
                names.push(format!("{}-linux-{}", triple.cpu, triple.environment));
            }
            names.push(host.canonical.clone());
            names.dedup();
            names.into_iter().map(|name| format!("{name}-gcc")).collect()
        }
        _ => vec!["cc".to_owned(), "gcc".to_owned()],
    }
}

/// Whether programs of the one machine do not run on the other.
pub(super) fn is_cross(host: &Machine, build: &Machine) -> bool {
    let libc = |machine: &Machine| {
        Triple::parse(&machine.canonical).map(|t| t.libc().to_owned()).unwrap_or_default()
    };
    host.arch != build.arch || libc(host) != libc(build)
}
