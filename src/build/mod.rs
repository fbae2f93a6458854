//! Walking a plan: each step that has a reason to run, in order. What it makes appears whole or not at all.

mod clean;
mod image;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::event::{Event, Sink};
use crate::failure::Problem;
use crate::plan::{Plan, Reason, Step, Work};
use crate::recipe::cargo::{Cargo, Parallel};
use crate::recipe::elf;
use crate::store::digest::{Digest, Hashing};
use crate::store::memory::Memory;
use crate::store::record::Record;
use crate::store::{beside, put, sweep};

pub use clean::{Cleaned, clean};

/// How a plan is walked; none of it shows in what is made.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Whether the network must not be used.
    pub offline: bool,
    /// Jobs of a compilation.
    pub parallel: Parallel,
}

/// Where the memory of a build directory is.
pub fn memory_file(builddir: &Path) -> PathBuf {
    builddir.join("steps/memory.json")
}

/// Does every step that has a reason to run. The caller has seen that nothing is missing.
pub fn walk(plan: &mut Plan, memory: &mut Memory, how: How, sink: &dyn Sink) -> Result<(), Vec<Problem>> {
    let builddir = plan.builddir.clone();
    prepare(plan).map_err(|problem| vec![problem])?;
    fetch(plan, how, sink)?;
    for step in &mut plan.steps {
        // What runs before it may have made the same as the last time.
        if step.reasons.iter().all(|reason| matches!(reason, Reason::After(_))) {
            step.reasons = step.why(&builddir, memory);
        }
        if step.reasons.is_empty() {
            sink.send(Event::detail("KEEP", step.id.clone()));
            continue;
        }
        run(step, &builddir, memory, how, sink).map_err(|problem| vec![problem])?;
    }
    Ok(())
}

/// The build directory itself, with the link that paths of the original's build need.
fn prepare(plan: &Plan) -> Result<(), Problem> {
    let builddir = &plan.builddir;
    let wrong = |error: io::Error| {
        Problem::new(format!("the build directory cannot be used: {error}"))
            .at(builddir.display().to_string())
            .hint("make it writable, or name another one with BUILDDIR=")
    };
    fs::create_dir_all(builddir).map_err(wrong)?;
    for step in &plan.steps {
        for output in step.outputs.iter().filter_map(|output| output.parent()) {
            sweep(&builddir.join(output));
        }
    }
    sweep(builddir);
    sweep(&builddir.join("steps"));
    match symlink(".", builddir.join("target")) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(wrong(error)),
        _ => Ok(()),
    }
}

/// Gets what compilations need from elsewhere before the first of them starts. Without network, everything that is
/// missing is told at once.
fn fetch(plan: &Plan, how: How, sink: &dyn Sink) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut targets: Vec<&str> = Vec::new();
    for step in plan.steps.iter().filter(|step| !step.reasons.is_empty()) {
        let Work::Compile(cargo) = &step.work else { continue };
        if targets.contains(&cargo.target.as_str()) {
            continue;
        }
        targets.push(&cargo.target);
        sink.send(Event::detail("FETCH", format!("crates for {}", cargo.target)));
        problems.extend(cargo.fetch(how.offline, &step.log_file(&plan.builddir, "-fetch"), sink).err());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn run(step: &Step, builddir: &Path, memory: &mut Memory, how: How, sink: &dyn Sink) -> Result<(), Problem> {
    let made = match &step.work {
        Work::Compile(cargo) => {
            let kind = if cargo.is_static { ", static" } else { "" };
            sink.send(Event::action("CARGO", format!("{} ({}{kind})", cargo.package, cargo.target)));
            compile(step, cargo, builddir, how, sink)?
        }
        Work::Copy { from } => {
            sink.send(Event::action("COPY", format!("{} from {}", step.id, from.display())));
            // What is copied must be what was inspected.
            let wanted = step.inputs.get("rkt-executable").and_then(|text| Digest::parse(text));
            vec![(step.outputs[0].clone(), place(from, &builddir.join(&step.outputs[0]), 0o755, wanted)?)]
        }
        Work::Image(work) => {
            sink.send(Event::action("ACI", step.outputs[0].display().to_string()));
            image::write(step, work, builddir, memory, how, sink)?
        }
    };
    let unrecorded = |error: io::Error| {
        let doing = format!("the step {} cannot be recorded", step.id);
        Problem::system(&doing, &step.record_file(builddir), &error)
    };
    for (path, digest) in &made {
        memory.learn(&builddir.join(path), *digest).map_err(unrecorded)?;
    }
    let mut uses = BTreeMap::new();
    for path in &step.uses {
        uses.insert(path.clone(), memory.digest(&builddir.join(path)).map_err(unrecorded)?);
    }
    let record = Record::new(step.key, step.inputs.clone(), uses, made.into_iter().collect());
    record.save(&step.record_file(builddir)).map_err(unrecorded)?;
    memory.save().map_err(unrecorded)
}

fn compile(
    step: &Step,
    cargo: &Cargo,
    builddir: &Path,
    how: How,
    sink: &dyn Sink,
) -> Result<Vec<(PathBuf, Digest)>, Problem> {
    let program = cargo.build(how.parallel, &step.log_file(builddir, ""), sink)?;
    if cargo.is_static {
        let place = program.display().to_string();
        let facts = elf::inspect(&program).map_err(|error| Problem::new(error.to_string()).at(&place))?;
        if !facts.is_static {
            return Err(Problem::new("the stage1 executable needs shared libraries, which no image has")
                .at(place)
                .hint(format!(
                    "use a --with-stage1-target that can link statically; {} could not here",
                    cargo.target
                )));
        }
    }
    let output = step.outputs[0].clone();
    let digest = place(&program, &builddir.join(&output), 0o755, None)?;
    Ok(vec![(output, digest)])
}

/// Copies a file into place and tells its digest, which must be the one that is wanted, if one is.
pub(crate) fn place(from: &Path, to: &Path, mode: u32, wanted: Option<Digest>) -> Result<Digest, Problem> {
    let read = |error: io::Error| Problem::system("cannot be read", from, &error);
    let write = |error: io::Error| Problem::system("cannot be written", to, &error);
    let mut reader = Hashing::new(File::open(from).map_err(read)?);
    let mut file = beside(to).map_err(write)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = reader.read(&mut buffer).map_err(read)?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).map_err(write)?;
    }
    let digest = reader.finish();
    if wanted.is_some_and(|wanted| wanted != digest) {
        return Err(Problem::new("the file changed since it was looked at")
            .at(from.display().to_string())
            .hint("build again"));
    }
    put(file, to, mode).map_err(write)?;
    Ok(digest)
}
