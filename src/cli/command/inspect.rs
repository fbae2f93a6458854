//! `rkt-build inspect`

use std::path::Path;

use appc::archive::Limits;

use super::super::context::Context;
use super::super::parse::Arguments;
use super::{Command, OwnOption};
use crate::event::Event;
use crate::failure::{ExitStatus, Failure, Problem};
use crate::inspect::{Contents, Origins, Report, Wanted};

pub(super) const COMMAND: Command = Command {
    name: "inspect",
    words: "FILE",
    words_min: 1,
    words_max: 1,
    options: &[OwnOption::switch("json", "as JSON")],
    summary: "show what is in an image",
    details: "Shows the ID, sizes, the manifest and all entries of an image of any maker; and where each entry comes \
              from, if the build's report lies beside the image.",
    run,
};

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let Some(file) = arguments.words.first().map(Path::new) else { return Ok(ExitStatus::Usage) };
    let contents = Contents::read(file, &Limits::default(), Wanted::Nothing).map_err(|e| e.problem())?;
    let origins = match Origins::beside(file) {
        Ok(Some(origins)) if origins.id != contents.summary.id.to_string() => {
            let problem = Problem::new(
                "the report beside the image belongs to another image, so origins are not shown",
            );
            let hint = "build the image again, or put the report of this image there";
            context.sink.send(Event::Warning(problem.at(origins.file.display().to_string()).hint(hint)));
            None
        }
        Ok(origins) => origins,
        Err(error) => {
            let problem = Problem::new(format!("the report beside the image cannot be read: {error}"));
            context.sink.send(Event::Warning(problem.at(file.display().to_string())));
            None
        }
    };
    let report = Report { contents: &contents, origins: origins.as_ref() };
    let text = if arguments.flag("json") { format!("{:#}\n", report.json()) } else { report.to_string() };
    context.print(&text)?;
    Ok(ExitStatus::Success)
}
