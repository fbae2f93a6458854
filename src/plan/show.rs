//! The plan as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Plan, Step};

/// The layout of the JSON. Keys are only added within one number.
const FORMAT: u32 = 1;

/// `plan --json`: `format`, `builddir`, `steps` (each with `id`, `kind`, `key`, `after`, `inputs` by name, `outputs`
/// relative to the build directory, `runs` and `reasons`), and `missing` (each with `what`, `where`, `hint`).
pub fn to_json(plan: &Plan) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| {
            json!({
                "id": step.id,
                "kind": step.work.kind(),
                "key": step.key,
                "after": step.after,
                "inputs": step.inputs,
                "outputs": step.outputs,
                "runs": !step.reasons.is_empty(),
                "reasons": step.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        })
        .collect();
    let missing: Vec<Value> = plan
        .missing
        .iter()
        .map(|problem| json!({ "what": problem.what, "where": problem.place, "hint": problem.hint }))
        .collect();
    json!({ "format": FORMAT, "builddir": plan.builddir, "steps": steps, "missing": missing })
}

/// The plan for people.
pub fn to_text(plan: &Plan) -> String {
    let mut text = format!("in {}\n", plan.builddir.display());
    for step in &plan.steps {
        let state = if step.reasons.is_empty() { "up to date" } else { "runs" };
        let _ = writeln!(text, "{} ({}): {state}", step.id, step.work.kind());
        let _ = writeln!(text, "  key      {}", step.key);
        for output in &step.outputs {
            let _ = writeln!(text, "  output   {}", output.display());
        }
        if !step.after.is_empty() {
            let _ = writeln!(text, "  after    {}", step.after.join(", "));
        }
        let sources = step.inputs.keys().filter(|name| name.starts_with("source:")).count();
        if sources > 0 {
            let _ = writeln!(text, "  input    {sources} source files");
        }
        for (name, value) in step.inputs.iter().filter(|(name, _)| !name.starts_with("source:")) {
            let _ = writeln!(text, "  input    {name} = {}", value.lines().next().unwrap_or_default());
        }
    }
    for problem in &plan.missing {
        let _ = writeln!(text, "missing: {problem}");
    }
    text
}

/// Why a step would run, or that it would not.
pub fn explain(step: &Step) -> String {
    if step.reasons.is_empty() {
        return format!("{} is up to date: its inputs and outputs are as the last run left them\n", step.id);
    }
    let mut text = format!("{} would run:\n", step.id);
    for reason in &step.reasons {
        let _ = writeln!(text, "  {reason}");
    }
    text
}
