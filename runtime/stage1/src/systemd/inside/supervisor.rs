//! `supervisor-status`: tells stage0 how far the pod's systemd is, by the target of a link.

use super::reaper;
use crate::failure::{Failure, at};
use pod::layout;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the pod's systemd says through its unit.
const GONE: &str = "gone";

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let word = <[OsString; 1]>::try_from(arguments).ok().and_then(|[word]| word.into_string().ok());
    match word.as_deref() {
        Some(layout::SUPERVISOR_READY) => {
            if reaper::reap_unloaded()? {
                say(layout::SUPERVISOR_READY)?;
            }
        }
        Some(GONE) => withdraw()?,
        _ => {
            return Err(Failure::new(format!("usage: {program} {}|{GONE}", layout::SUPERVISOR_READY)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn link() -> PathBuf {
    Path::new("/").join(layout::SUPERVISOR_STATUS)
}

/// Says something in place of what was said before.
fn say(status: &str) -> Result<(), Failure> {
    let link = link();
    let beside = link.with_extension("new");
    let _ = fs::remove_file(&beside);
    std::os::unix::fs::symlink(status, &beside)
        .and_then(|()| fs::rename(&beside, &link))
        .map_err(at("make the link", &link))
}

/// Says something if nothing has been said. Nobody depends on it, so it cannot fail.
pub(super) fn say_first(status: &str) {
    let _ = std::os::unix::fs::symlink(status, link());
}

fn withdraw() -> Result<(), Failure> {
    let link = link();
    match fs::remove_file(&link) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(at("remove the link", &link)(error)),
        _ => Ok(()),
    }
}
