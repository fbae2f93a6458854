//! `rkt-build build`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::super::parse::Jobs;
use super::Command;
use crate::build::{self, How};
use crate::configure::Config;
use crate::event::Event;
use crate::failure::Problem;
use crate::failure::{ExitStatus, Failure};
use crate::plan::{self, Plan};
use crate::recipe::cargo::Parallel;
use crate::store::lock::Lock;
use crate::store::memory::Memory;

pub(super) const COMMAND: Command = Command {
    name: "build",
    words: "[STEP]...",
    words_min: 0,
    words_max: usize::MAX,
    options: &[],
    summary: "build what was configured",
    details: "Without names, everything; else the steps with these names, such as stage1-fly, and those that come \
              before them. Only steps whose inputs changed run; `rkt-build explain STEP` says why one would.",
    run,
};

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let config = context.config_for_work()?;
    let names: Vec<_> = arguments.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    steps(context, &config, &names)
}

/// Builds the steps with these names, or everything; or tells what would be done.
pub(super) fn steps(context: &Context<'_>, config: &Config, names: &[String]) -> Result<ExitStatus, Failure> {
    if context.run.no_create {
        let mut memory = Memory::open(&build::memory_file(&config.builddir));
        let plan = Plan::of(config, names, &mut memory);
        context.print(&plan::to_text(&plan))?;
        return if plan.missing.is_empty() {
            Ok(ExitStatus::Success)
        } else {
            Err(Failure::refused(plan.missing))
        };
    }
    let _lock = lock(context, &config.builddir)?;
    let mut memory = Memory::open(&build::memory_file(&config.builddir));
    let mut plan = Plan::of(config, names, &mut memory);
    if !plan.missing.is_empty() {
        return Err(Failure::refused(plan.missing));
    }
    let parallel = match context.run.jobs {
        Jobs::Count(count) => Parallel::Count(count),
        Jobs::Unsaid | Jobs::Unlimited => Parallel::AsMakeSays,
    };
    let how = How { offline: config.offline, parallel };
    let done = build::walk(&mut plan, &mut memory, how, context.sink);
    // What was hashed is worth remembering even if something failed; without it the next run is only slower.
    let _ = memory.save();
    done.map_err(|errors| Failure { errors, status: ExitStatus::Failed })?;
    Ok(ExitStatus::Success)
}

/// The lock of the build directory; tells when it has to wait for it.
pub(super) fn lock(context: &Context<'_>, builddir: &std::path::Path) -> Result<Lock, Failure> {
    let place = builddir.display().to_string();
    let waiting = || {
        context.sink.send(Event::Note(format!("waiting for another rkt-build that works in {place}")));
    };
    Lock::take(builddir, waiting).map_err(|error| {
        Problem::new(format!("the build directory cannot be locked: {error}"))
            .at(&place)
            .hint("make it writable, or name another one with BUILDDIR=")
            .into()
    })
}
