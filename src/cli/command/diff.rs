//! `rkt-build diff`

use std::path::Path;

use appc::archive::Limits;

use super::super::context::Context;
use super::super::parse::Arguments;
use super::{Command, OwnOption};
use crate::failure::{ExitStatus, Failure};
use crate::inspect::diff::Diff;
use crate::inspect::{Contents, Wanted};

pub(super) const COMMAND: Command = Command {
    name: "diff",
    words: "A B",
    words_min: 2,
    words_max: 2,
    options: &[OwnOption::switch("json", "as JSON")],
    summary: "compare two images, entry by entry",
    details: "The exit code is 0 for the same image, 1 for images that differ, 2 if that cannot be found out. Files \
              that differ only in their compression hold the same image.",
    run,
};

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let [a, b] = arguments.words.as_slice() else { return Ok(ExitStatus::Usage) };
    let read = |file| Contents::read(Path::new(file), &Limits::default(), Wanted::Digests);
    let (a, b) = match (read(a), read(b)) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => {
            let errors = [a.err(), b.err()].into_iter().flatten().map(|error| error.problem()).collect();
            return Err(Failure::usage(errors));
        }
    };
    let diff = Diff::of(&a, &b);
    let text = if arguments.flag("json") { format!("{:#}\n", diff.json()) } else { diff.to_string() };
    context.print(&text)?;
    Ok(if diff.is_same() { ExitStatus::Success } else { ExitStatus::Failed })
}
