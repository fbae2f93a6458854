//! The steps that yield the two programs: `rkt`, and the static executable of the images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Plan, Stage1Source, Step, Work};
use crate::configure::Config;
use crate::failure::Problem;
use crate::recipe::cargo::Cargo;
use crate::recipe::defaults;
use crate::recipe::elf::{self, Executable};
use crate::recipe::toolchain::Toolchain;
use crate::report::Compiled;
use crate::source::checkout::Checkout;
use crate::store::memory::Memory;

/// The step that yields `rkt`.
pub(super) const RKT: &str = "rkt";
/// The step that yields the static executable.
pub(super) const STAGE1: &str = "stage1-executable";

/// Adds the step that yields the static executable; returns where that is, and the step that makes it.
pub(super) fn add_stage1(
    config: &Config,
    memory: &mut Memory,
    plan: &mut Plan,
) -> Option<(Stage1Source, Option<String>)> {
    if let Some(path) = &config.stage1_executable {
        return given_stage1(config, path, "--with-stage1-executable", memory, plan);
    }
    let installed = installed_stage1(config);
    match look(config, memory) {
        Ok(Some(found)) => {
            let path = PathBuf::from("stage1").join(&config.stage1_target).join("stage1");
            let cargo = found.cargo(config, "rkt-stage1", "runtime/stage1", &config.stage1_target, true);
            let how = Compiled {
                compiler: found.toolchain.version.lines().next().unwrap_or_default().to_owned(),
                target: cargo.target.clone(),
                linker: cargo.linker.as_deref().unwrap_or(Path::new("cc")).display().to_string(),
            };
            add_compile(plan, STAGE1, cargo, path.clone(), memory);
            Some((Stage1Source::Made { path, how }, Some(STAGE1.to_owned())))
        }
        // Only the executable of the images can be had without sources: `rkt` has the configuration compiled in.
        Ok(None) if installed.is_file() => {
            given_stage1(config, &installed, "the installed executable", memory, plan)
        }
        Ok(None) => {
            plan.missing.push(no_sources("the stage1 executable", Some(&installed)));
            None
        }
        Err(problems) => {
            plan.missing.extend(problems);
            None
        }
    }
}

/// Adds the step that yields `rkt`.
pub(super) fn add_rkt(config: &Config, memory: &mut Memory, plan: &mut Plan) {
    let output = PathBuf::from("bin/rkt");
    let Some(from) = &config.rkt_executable else {
        return match look(config, memory) {
            Ok(Some(found)) => {
                let mut cargo = found.cargo(config, "rkt", "runtime", &config.host.rust_target, false);
                cargo.environment = defaults::environment(config);
                add_compile(plan, RKT, cargo, output, memory);
            }
            Ok(None) => plan.missing.push(no_sources("rkt", None)),
            Err(problems) => plan.missing.extend(problems),
        };
    };
    let Some(executable) = inspect(config, from, "--with-rkt-executable", plan) else { return };
    plan.missing.extend(defaults::check_note(from, &executable, config));
    match memory.digest(from) {
        Ok(digest) => {
            let inputs = BTreeMap::from([("rkt-executable".to_owned(), digest.to_string())]);
            let work = Work::Copy { from: from.clone() };
            plan.steps.push(Step::new(RKT.to_owned(), work, inputs, Vec::new(), Vec::new(), vec![output]));
        }
        Err(error) => plan.missing.push(unreadable(from, &error.to_string(), "--with-rkt-executable")),
    }
}

fn given_stage1(
    config: &Config,
    path: &Path,
    option: &str,
    memory: &mut Memory,
    plan: &mut Plan,
) -> Option<(Stage1Source, Option<String>)> {
    let executable = inspect(config, path, option, plan)?;
    if !executable.is_static {
        plan.missing.push(
            Problem::new("the stage1 executable needs shared libraries, which no image has")
                .at(path.display().to_string())
                .hint("link it statically: RUSTFLAGS=-Ctarget-feature=+crt-static cargo build --package rkt-stage1 --target TARGET"),
        );
        return None;
    }
    match memory.digest(path) {
        Ok(sha256) => Some((Stage1Source::Given { path: path.to_owned(), sha256 }, None)),
        Err(error) => {
            plan.missing.push(unreadable(path, &error.to_string(), option));
            None
        }
    }
}

/// Reads an executable that was made elsewhere, and checks that it is one for the host.
fn inspect(config: &Config, path: &Path, option: &str, plan: &mut Plan) -> Option<Executable> {
    let arch = &config.host.arch;
    let problem = match elf::inspect(path) {
        Err(error) => unreadable(path, &error.to_string(), option),
        Ok(executable) if !executable.runs_on(arch) => {
            Problem::new(format!("a program for {}, but the build is for {arch}", executable.arch))
                .at(path.display().to_string())
                .hint(format!("correct {option}, or configure with the --host that it is for"))
        }
        Ok(executable) => return Some(executable),
    };
    plan.missing.push(problem);
    None
}

fn unreadable(path: &Path, why: &str, option: &str) -> Problem {
    Problem::new(why).at(path.display().to_string()).hint(format!("correct {option}"))
}

/// Where a distribution can put the static executable, so that images are built without a compiler.
fn installed_stage1(config: &Config) -> PathBuf {
    config.directories.libdir.join("rkt/stage1").join(&config.stage1_target).join("stage1")
}

fn no_sources(what: &str, installed: Option<&Path>) -> Problem {
    let problem = Problem::new(format!(
        "no sources of {what}: none around this program or the current directory, and --srcdir names none"
    ));
    match installed {
        Some(installed) => problem.hint(format!(
            "run in a checkout of this version, name one with --srcdir, or give a ready-made one with \
             --with-stage1-executable (or install it as {})",
            installed.display()
        )),
        None => problem.hint(
            "run in a checkout of this version, name one with --srcdir, or give a ready-made one with --with-rkt-executable",
        ),
    }
}

/// A checkout and the compiler for it.
struct Found {
    checkout: Checkout,
    toolchain: Toolchain,
}

fn look(config: &Config, memory: &mut Memory) -> Result<Option<Found>, Vec<Problem>> {
    let checkout =
        Checkout::find(config.srcdir.as_deref(), &config.version).map_err(|problem| vec![problem])?;
    let Some(checkout) = checkout else { return Ok(None) };
    let toolchain =
        Toolchain::find(&rustc(config), &checkout.top, memory).map_err(|problem| vec![problem])?;
    Ok(Some(Found { checkout, toolchain }))
}

fn rustc(config: &Config) -> PathBuf {
    config.compiler.as_ref().map_or_else(|| "rustc".into(), |compiler| compiler.rustc.clone())
}

impl Found {
    fn cargo(
        &self,
        config: &Config,
        package: &'static str,
        folder: &'static str,
        target: &str,
        is_static: bool,
    ) -> Cargo {
        Cargo {
            package,
            folder,
            target: target.to_owned(),
            arch: config.host.arch.clone(),
            is_static,
            checkout: self.checkout.clone(),
            cargo: config.compiler.as_ref().map_or_else(|| "cargo".into(), |compiler| compiler.cargo.clone()),
            rustc: rustc(config),
            toolchain: self.toolchain.clone(),
            linker: config.compiler.as_ref().and_then(|compiler| compiler.linker.clone()).map(PathBuf::from),
            cflags: config.variables.get("CFLAGS").filter(|flags| !flags.is_empty()).cloned(),
            profile: if config.features.incremental { "incremental" } else { "release" },
            environment: BTreeMap::new(),
            target_dir: config.builddir.join("cargo"),
            builddir: config.builddir.clone(),
        }
    }
}

fn add_compile(plan: &mut Plan, id: &str, cargo: Cargo, output: PathBuf, memory: &mut Memory) {
    let mut inputs = cargo.inputs();
    let files = match cargo.checkout.files(Path::new(cargo.folder)) {
        Ok(files) => files,
        Err(problem) => return plan.missing.push(problem),
    };
    for file in files {
        match memory.digest(&cargo.checkout.top.join(&file)) {
            Ok(digest) => {
                inputs.insert(format!("source:{}", file.display()), digest.to_string());
            }
            Err(error) => plan.missing.push(unreadable(&file, &error.to_string(), "--srcdir")),
        }
    }
    plan.steps.push(Step::new(
        id.to_owned(),
        Work::Compile(Box::new(cargo)),
        inputs,
        Vec::new(),
        Vec::new(),
        vec![output],
    ));
}
