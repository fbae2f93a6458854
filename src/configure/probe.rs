//! Looks at this machine for the rules: only at what the options ask for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use host::program;
use host::systemd::{self, tools::Tools};

use super::facts::{FlavorFacts, HostFacts, PathKind, RustFacts};
use super::needs::{self, CompilerNeeds};
use super::{Key, Options};
use crate::failure::Problem;
use crate::flavor;

/// Flavors that rkt has, in the order of the help. Whether this version can build one is told by its file.
const FLAVORS: &[&str] = &["coreos", "kvm", "src", "host", "fly"];

/// The facts that the rules need for these options.
pub fn gather(options: &Options) -> Result<HostFacts, Problem> {
    let mut facts = HostFacts {
        current_dir: current_dir()?,
        environment: environment(),
        machine: machine(),
        ..HostFacts::default()
    };
    let needs = needs::needs(options, &facts);
    flavors(options, &mut facts);
    facts.paths = needs.paths.into_iter().map(|path| (path.clone(), kind(&path))).collect();
    if let Some(needs) = &needs.compiler {
        compiler(needs, &mut facts);
    }
    if needs.systemd {
        facts.systemd_misses = Tools::look().misses(systemd::is_booted());
    }
    if options.value(Key::Tpm) == Some("auto") {
        facts.tpm = ["/dev/tpmrm0", "/dev/tpm0"].iter().any(|device| Path::new(device).exists());
    }
    if options.value(Key::Sdjournal) == Some("auto") {
        facts.journal = ["/run/log/journal", "/var/log/journal"].iter().any(|dir| Path::new(dir).is_dir());
    }
    Ok(facts)
}

/// The build directory: `BUILDDIR` where given, else `build-rkt-<version>` in the current directory; absolute.
pub fn builddir(options: &Options) -> Result<PathBuf, Problem> {
    let facts = HostFacts { current_dir: current_dir()?, environment: environment(), ..HostFacts::default() };
    Ok(super::builddir(options, &facts))
}

/// The environment, as far as it is text.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn current_dir() -> Result<PathBuf, Problem> {
    let dir = std::env::current_dir().map_err(|error| {
        Problem::new(format!("cannot tell the current directory: {error}"))
            .hint("go to a directory that exists")
    })?;
    if dir.to_str().is_none() {
        return Err(
            Problem::new("the name of the current directory is not UTF-8").at(dir.display().to_string())
        );
    }
    Ok(dir)
}

fn machine() -> String {
    let cpu = rustix::system::uname().machine().to_string_lossy().into_owned();
    let musl = Path::new(&format!("/lib/ld-musl-{cpu}.so.1")).exists();
    let glibc = ["/lib64", "/lib"].iter().any(|dir| {
        let names = [format!("ld-linux-{}.so.2", cpu.replace('_', "-")), "ld-linux-aarch64.so.1".to_owned()];
        names.iter().any(|name| Path::new(dir).join(name).exists())
    });
    format!("{cpu}-unknown-linux-{}", if musl && !glibc { "musl" } else { "gnu" })
}

/// The flavors that are known, and what is wrong with their files.
fn flavors(options: &Options, facts: &mut HostFacts) {
    let dir = options
        .value(Key::FlavorsDirectory)
        .filter(|dir| !dir.is_empty())
        .map(|dir| super::absolute(facts, dir));
    let dir = dir.as_deref();
    let mut found = BTreeMap::new();
    match flavor::known(dir) {
        Ok(infos) => {
            for info in infos {
                match flavor::load(&info.name, dir) {
                    Ok(flavor) => {
                        let image = flavor.image_name.as_str().to_owned();
                        let (name, arches) = (flavor.name, flavor.arches);
                        found.insert(name.clone(), FlavorFacts { name, image, arches, works: true });
                    }
                    Err(faults) => facts.flavor_faults.extend(faults.into_iter().map(Into::into)),
                }
            }
        }
        Err(faults) => {
            facts.flavor_faults.extend(faults.into_iter().map(Into::into));
            // So that the other rules do not tell faults that only follow from these.
            for name in FLAVORS {
                let (name, image) = ((*name).to_owned(), String::new());
                facts.flavors.push(FlavorFacts { name, image, arches: Vec::new(), works: true });
            }
            return;
        }
    }
    for name in FLAVORS {
        let image = format!("coreos.com/rkt/stage1-{name}");
        let unbuilt = FlavorFacts { name: (*name).to_owned(), image, arches: Vec::new(), works: false };
        facts.flavors.push(found.remove(*name).unwrap_or(unbuilt));
    }
    facts.flavors.extend(found.into_values());
}

fn compiler(needs: &CompilerNeeds, facts: &mut HostFacts) {
    for name in needs.linkers.iter().chain([&needs.cargo, &needs.rustc]) {
        facts.programs.insert(name.clone(), find_program(name));
    }
    let found = |name: &String| facts.programs.get(name).cloned().flatten();
    if let Some(rustc) = found(&needs.rustc) {
        facts.rust = rust(&rustc);
    }
    if needs.static_libc
        && let Some(linker) = needs.linkers.iter().find_map(found)
    {
        // A compiler that does not find the file repeats its name.
        let answer = said(linker, &["-print-file-name=libc.a"]);
        facts.static_libc = answer.map(|path| path.contains('/') && Path::new(path.trim()).is_file());
    }
}

fn rust(rustc: &Path) -> Option<RustFacts> {
    let version = said(rustc, &["-vV"])?;
    let version = version.lines().find_map(|line| line.strip_prefix("release: "))?.trim().to_owned();
    let sysroot = said(rustc, &["--print", "sysroot"])?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib");
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(library).ok()?.flatten() {
        if entry.path().join("lib").is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            targets.push(name);
        }
    }
    targets.sort();
    Some(RustFacts { version, targets })
}

/// A program: in `PATH`, or where a name with a slash says.
fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return std::path::absolute(name).ok().filter(|path| program::is_executable(path));
    }
    program::find(name)
}

fn kind(path: &Path) -> PathKind {
    match path.metadata() {
        Ok(data) if data.is_dir() => PathKind::Directory,
        Ok(_) if program::is_executable(path) => PathKind::Executable,
        Ok(data) if data.is_file() => PathKind::File,
        Ok(_) => PathKind::Other,
        Err(_) => PathKind::Missing,
    }
}

/// What a program that ends well writes to its standard output.
fn said(program: impl AsRef<Path>, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program.as_ref());
    let output = command
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_path_and_by_path() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("/bin/sh"), Some("/bin/sh".into()));
        assert_eq!(find_program("/etc/passwd"), None);
        assert_eq!(find_program("no-such-program-here"), None);
    }
}
