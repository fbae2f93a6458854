//! `app_stop`: stops an app.

use super::Target;
use crate::failure::{Failure, warn};
use crate::systemd::names;
use pod::protocol::AppArgs;
use pod::protocol::app::STOP_NOT_RUNNING;
use std::ffi::OsString;
use std::process::ExitCode;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = AppArgs::decode(program, arguments)?;
    let target = Target::find(&args.app)?;
    let ended = target.has_ended(args.debug)?;
    // With the reaper, so that the app's exit status is written down when this returns.
    let units = [names::service(&args.app), names::reaper(&args.app)];
    let answer = target.systemctl().debug(args.debug).ask(&["stop", &units[0], &units[1]])?;
    if ended {
        warn(format_args!("app_stop: app \"{}\" does not run", args.app));
        return Ok(ExitCode::from(STOP_NOT_RUNNING));
    }
    if answer.code != 0 {
        warn(format_args!("app_stop: {}", answer.complaint));
    }
    // Its codes have a meaning, and this one's are the same.
    Ok(ExitCode::from(answer.code))
}
