//! `rkt-build lint`

use std::path::Path;

use appc::archive::Limits;

use super::super::context::Context;
use super::super::parse::Arguments;
use super::{Command, OwnOption};
use crate::failure::{ExitStatus, Failure};
use crate::inspect::lint::{check, json, passes, unreadable};
use crate::inspect::{Contents, Wanted};

pub(super) const COMMAND: Command = Command {
    name: "lint",
    words: "FILE",
    words_min: 1,
    words_max: 1,
    options: &[OwnOption::switch("json", "as JSON")],
    summary: "say whether an image keeps the contract of stage1 images",
    details: "Checks a stage1 image of any maker: entry points, interface version, reserved directories, labels, \
              rights; and of images with systemd, units, os-release and /flavor. The exit code is 0 without errors (there may be warnings), 1 with errors, 2 if the file cannot \
              be read.",
    run,
};

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let Some(file) = arguments.words.first().map(Path::new) else { return Ok(ExitStatus::Usage) };
    let findings = match Contents::read(file, &Limits::default(), Wanted::Contract) {
        Ok(contents) => check(&contents),
        Err(error) => match unreadable(&error) {
            Some(finding) => vec![finding],
            None => return Err(Failure::usage(vec![error.problem()])),
        },
    };
    let text = if arguments.flag("json") {
        format!("{:#}\n", json(&findings))
    } else {
        findings.iter().flat_map(|finding| [finding.to_string(), "\n".to_owned()]).collect()
    };
    context.print(&text)?;
    Ok(if passes(&findings) { ExitStatus::Success } else { ExitStatus::Failed })
}
