//! The one executable of every stage1 image.
//!
//! It looks at the name it was called by (`run`, `enter`, `gc`, `stop` …: symlinks to one file) and at
//! the flavor of the image that it lies in (the symlink `flavor` beside it), and does that flavor's
//! part. Stage0 calls it as `rkt-pod`'s `protocol` describes.

mod crossing;
mod failure;
mod flavor;
mod fly;
mod identity;
mod iomux;
mod notify;
mod pod_dir;
mod process;
mod root_file;
mod runtime_config;
mod signals;
mod system;
mod systemd;
mod volume;

use failure::Failure;
use flavor::Engine;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// One part of a flavor: gets its own path and the arguments.
type EntryPoint = fn(&str, Vec<OsString>) -> Result<ExitCode, Failure>;

/// Names by which this executable is called, the engine they belong to, and what they do.
const ENTRY_POINTS: &[(&str, Engine, EntryPoint)] = &[
    ("run", Engine::Fly, fly::run::main),
    ("enter", Engine::Fly, fly::enter::main),
    ("gc", Engine::Fly, fly::gc::main),
    ("stop", Engine::Fly, fly::stop::main),
    ("init", Engine::Systemd, systemd::init::main),
    ("enter", Engine::Systemd, systemd::enter::main),
    ("gc", Engine::Systemd, systemd::gc::main),
    ("stop", Engine::Systemd, systemd::stop::main),
    ("prepare-app", Engine::Systemd, systemd::inside::prepare_app::main),
    ("reaper.sh", Engine::Systemd, systemd::inside::reaper::main),
    ("diagnostic", Engine::Systemd, systemd::inside::diagnostic::main),
    ("enterexec", Engine::Systemd, systemd::inside::enterexec::main),
    ("supervisor-status", Engine::Systemd, systemd::inside::supervisor::main),
    ("app_add", Engine::Systemd, systemd::apps::add::main),
    ("app_rm", Engine::Systemd, systemd::apps::rm::main),
    ("app_start", Engine::Systemd, systemd::apps::start::main),
    ("app_stop", Engine::Systemd, systemd::apps::stop::main),
    ("attach", Engine::Systemd, crossing::attach::main),
    ("iottymux", Engine::Systemd, iomux::main),
];

fn main() -> ExitCode {
    let mut args = env::args_os();
    let program = args.next().unwrap_or_default().to_string_lossy().into_owned();
    let name = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (prefix, result) = match entry_point(&name) {
        Ok((engine, entry)) => (engine.prefix(&name), entry(&program, args.collect())),
        Err(failure) => ("stage1".to_owned(), Err(failure)),
    };
    match result {
        Ok(code) => code,
        Err(failure) => failure.report(&prefix),
    }
}

/// What to do for a name; the image's flavor is only looked up for names that exist at all.
fn entry_point(name: &str) -> Result<(Engine, EntryPoint), Failure> {
    let known = |engine: Option<Engine>| {
        let mut names: Vec<&str> = ENTRY_POINTS
            .iter()
            .filter(|(_, of, _)| engine.is_none_or(|engine| engine == *of))
            .map(|(name, ..)| *name)
            .collect();
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    };
    if !ENTRY_POINTS.iter().any(|(known, ..)| *known == name) {
        return Err(Failure::new(format!("no entry point is called \"{name}\""))
            .hint(format!("this executable is called through links with the names: {}", known(None))));
    }
    let flavor = flavor::own()?;
    let engine = Engine::of(&flavor)?;
    match ENTRY_POINTS.iter().find(|(entry, of, _)| *entry == name && *of == engine) {
        Some((_, engine, entry)) => Ok((*engine, *entry)),
        None => Err(Failure::new(format!("flavor \"{flavor}\" has no entry point \"{name}\""))
            .hint(format!("it has: {}", known(Some(engine))))),
    }
}
