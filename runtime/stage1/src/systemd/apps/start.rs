//! `app_start`: starts an app that was added.

use super::Target;
use crate::failure::Failure;
use crate::systemd::names;
use pod::protocol::AppArgs;
use std::ffi::OsString;
use std::process::ExitCode;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = AppArgs::decode(program, arguments)?;
    let target = Target::find(&args.app)?;
    let started = target.systemctl().debug(args.debug).order(&["start", &names::service(&args.app)]);
    started.map_err(|failure| {
        failure
            .within(&format!("cannot start app \"{}\"", args.app))
            .hint("the pod's console and its journal tell why; rkt app list shows the apps of a pod")
    })?;
    Ok(ExitCode::SUCCESS)
}
