//! `rkt-build explain`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::Command;
use crate::build;
use crate::failure::{ExitStatus, Failure, Problem};
use crate::plan::{self, Plan};
use crate::store::memory::Memory;

pub(super) const COMMAND: Command = Command {
    name: "explain",
    words: "STEP",
    words_min: 1,
    words_max: 1,
    options: &[],
    summary: "say why a step would run",
    details: "",
    run,
};

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let config = context.config()?;
    let plan = Plan::new(&config, &mut Memory::open(&build::memory_file(&config.builddir)));
    let wanted = arguments.words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    let Some(step) = plan.step(&wanted) else {
        let known: Vec<_> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        let problem = Problem::new(format!("there is no step named {wanted}"));
        let mut errors = vec![problem.hint(format!("the steps are {}", known.join(", ")))];
        // A step can be absent because something is missing.
        errors.extend(plan.missing);
        return Err(Failure::usage(errors));
    };
    context.print(&plan::explain(step))?;
    Ok(ExitStatus::Success)
}
