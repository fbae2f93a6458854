//! `app_rm`: takes an app out of a running pod. Stage0 takes its files and its name in the pod manifest away after that.

use super::Target;
use crate::failure::{Failure, at};
use crate::systemd::init::write;
use crate::systemd::names;
use pod::protocol::AppArgs;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The first argument of the part of this entry point that runs in the pod.
const INSIDE: &str = "--stage=1";

pub(crate) fn main(program: &str, mut arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let inside = arguments.first().is_some_and(|first| first == INSIDE);
    if inside {
        arguments.remove(0);
    }
    let args = AppArgs::decode(program, arguments)?;
    if inside {
        return unmount_here(&args.app).map(|()| ExitCode::SUCCESS);
    }
    let target = Target::find(&args.app)?;
    let systemctl = target.systemctl().debug(args.debug);
    let service = names::service(&args.app);
    if !target.has_ended(args.debug)? {
        return Err(
            Failure::new(format!("app \"{}\" is still running", args.app)).hint("stop it with rkt app stop")
        );
    }
    // An app that gets this name later must be prepared anew.
    systemctl.ask(&["stop", &names::prepare(&args.app)])?;
    systemctl.ask(&["reset-failed", &service])?;
    unmount(&target)?;
    write::forget_app(&target.root()?, &args.app)?;
    systemctl.reload()?;
    Ok(ExitCode::SUCCESS)
}

/// Takes away what is mounted in the pod for an app: this program does it there.
pub(super) fn unmount(target: &Target) -> Result<(), Failure> {
    let app = format!("--app={}", target.app);
    let words = target.enter.words(["/app_rm", INSIDE, &app]);
    let output = Command::new(&words[0])
        .args(&words[1..])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(at("run the program", Path::new(&words[0])))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("cannot unmount app \"{}\" in the pod: {}", target.app, said.trim())))
}

fn unmount_here(app: &str) -> Result<(), Failure> {
    names::check(app)?;
    let root = PathBuf::from(names::app_root(app));
    host::mounts::detach_above(&root, 0).map(drop).map_err(|error| Failure::new(error.to_string()))
}
