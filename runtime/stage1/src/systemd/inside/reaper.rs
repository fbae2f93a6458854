//! `reaper.sh`: writes down what an app ended with, and lets the pod end with it. Runs in the pod, when the app's service is
//! no longer wanted; with `--hold` before an app whose memory is limited.

use super::outcome::{self, Answers, NOT_STARTED, SYSTEMCTL};
use super::{diagnostic, memory};
use crate::failure::{Failure, at};
use pod::layout;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Set for apps whose failure ends the pod.
const EXIT_POD: &str = "EXIT_POD";
/// systemd's status for a program that could not be executed.
const EXEC_FAILED: i32 = 203;
/// The call before an app starts.
pub(crate) const HOLD: &str = "--hold";

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let words: Option<Vec<String>> = arguments.into_iter().map(|word| word.into_string().ok()).collect();
    match words.as_deref() {
        Some([hold, app]) if hold == HOLD => memory::hold(app)?,
        Some([app, root, binary]) => reap(app, Path::new(root), Path::new(binary))?,
        _ => return Err(Failure::new(format!("usage: {program} APP ROOT PROGRAM, or {program} {HOLD} APP"))),
    }
    Ok(ExitCode::SUCCESS)
}

fn reap(app: &str, root: &Path, binary: &Path) -> Result<(), Failure> {
    let apps = apps(app);
    let answers = Answers::ask(&apps);
    let (status, reason) = match &answers {
        Ok(answers) => {
            let outcome = answers.judge(app);
            (outcome.status, outcome.reason)
        }
        Err(error) => {
            let reason = format!("it is not known what app \"{app}\" ended with: {SYSTEMCTL}: {error}");
            (Some(NOT_STARTED), Some(reason))
        }
    };
    let killed = answers.as_ref().is_ok_and(|answers| answers.was_killed(app));
    let reasons = [reason, memory::release(app).map(|events| shortage(app, killed, events))];
    for reason in reasons.iter().flatten() {
        eprintln!("reaper: {reason}");
    }
    let Some(status) = status else { return Ok(()) };
    let path = Path::new("/").join(layout::STATUS).join(app);
    let written = fs::write(&path, format!("{status}\n")).map_err(at("write", &path));
    if status == EXEC_FAILED
        && let Ok(Some(text)) = diagnostic::explain(root, binary)
    {
        eprintln!("{text}");
    }
    let first = answers.map_or(true, |answers| answers.is_first_failure(app, &apps));
    if status != 0 && first && env::var_os(EXIT_POD).is_some() {
        // An older systemd has no exit codes; the pod then ends with 0, as it always did there.
        let _ = Command::new(SYSTEMCTL).arg("exit").arg(status.to_string()).output();
    }
    written
}

/// What the kernel has done, in words.
fn shortage(app: &str, app_itself: bool, (processes, limit): (u64, u64)) -> String {
    if app_itself {
        return format!("{} ({limit} bytes)", outcome::out_of_memory(app));
    }
    let what = if processes == 1 { "a process".to_owned() } else { format!("{processes} processes") };
    format!(
        "the kernel ended {what} of app \"{app}\" because it used more memory than it may ({limit} bytes)"
    )
}

/// The names of the pod's apps, this one among them whatever happens.
fn apps(app: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new("/").join(layout::STAGE2)).into_iter().flatten().flatten();
    let others = entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name != app);
    others.chain([app.to_owned()]).collect()
}
