//! `rkt-build clean`

use super::super::context::Context;
use super::super::parse::Arguments;
use super::build::lock;
use super::{Command, OwnOption};
use crate::build;
use crate::configure;
use crate::event::Event;
use crate::failure::{ExitStatus, Failure};

pub(super) const COMMAND: Command = Command {
    name: "clean",
    words: "",
    words_min: 0,
    words_max: 0,
    options: &[OwnOption::switch("all", "the configuration too, and a Makefile that configure wrote")],
    summary: "remove what was built",
    details: "What was configured stays (without --all), and so does what was installed.",
    run,
};

fn run(context: &Context<'_>, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    let config = context.saved_config()?;
    let _lock = lock(context, &config.builddir)?;
    let cleaned = build::clean(&config).map_err(Failure::refused)?;
    for path in cleaned.removed {
        context.sink.send(Event::detail("REMOVE", path.display().to_string()));
    }
    if arguments.flag("all") {
        configure::forward::remove()?;
        config.remove()?;
    }
    Ok(ExitStatus::Success)
}
