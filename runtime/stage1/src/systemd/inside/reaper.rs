//! `reaper.sh`: writes down what an app ended with, and lets the pod end with it. Runs in the pod, when the app's service is
//! no longer wanted; with `--hold` before an app whose memory is limited.

use super::outcome::{self, Answers, NOT_STARTED, SYSTEMCTL};
use super::{diagnostic, memory, prepare_app};
use crate::failure::{Failure, at};
use crate::identity;
use crate::systemd::names;
use pod::layout;
use pod::root::Root;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Set for apps whose failure ends the pod.
const EXIT_POD: &str = "EXIT_POD";
/// systemd's status for a program that could not be executed.
const EXEC_FAILED: i32 = 203;
/// systemd's status for a working directory that could not be gone to.
const CHDIR_FAILED: i32 = 200;
/// What its other statuses mean.
const EXEC_STATUSES: &str = include_str!("data/exec-status.txt");
/// The call before an app starts.
pub(crate) const HOLD: &str = "--hold";

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let words: Option<Vec<String>> = arguments.into_iter().map(|word| word.into_string().ok()).collect();
    match words.as_deref() {
        Some([hold, app]) if hold == HOLD => memory::hold(app)?,
        Some([app, root, binary]) => {
            reap(app, Path::new(root), Path::new(binary), env::var_os(EXIT_POD).is_some())?;
        }
        _ => return Err(Failure::new(format!("usage: {program} APP ROOT PROGRAM, or {program} {HOLD} APP"))),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes down what an app ended with. If that is a failure, the first of the pod, the pod ends with it if `ends_pod`.
fn reap(app: &str, root: &Path, binary: &Path, ends_pod: bool) -> Result<(), Failure> {
    let mut apps = apps();
    if !apps.iter().any(|other| other == app) {
        apps.push(app.to_owned());
    }
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
    match (status, &answers) {
        (EXEC_FAILED, _) => {
            if let Ok(Some(text)) = diagnostic::explain(root, binary) {
                eprintln!("{text}");
            }
        }
        (CHDIR_FAILED, Ok(answers)) => {
            if let Err(failure) = go_to(root, answers.working_directory(app)) {
                failure.within(&format!("app \"{app}\" was not started")).report("reaper");
            }
        }
        (status, _) => {
            if let Some(what) = not_set_up(status) {
                eprintln!(
                    "reaper: app \"{app}\" ended with {status}: if not by itself, because systemd could not {what}"
                );
            }
        }
    }
    let first = answers.map_or(true, |answers| answers.is_first_failure(app, &apps));
    if status != 0 && first && ends_pod {
        // An older systemd has no exit codes; the pod then ends with 0, as it always did there.
        let _ = Command::new(SYSTEMCTL).arg("exit").arg(status.to_string()).output();
    }
    written
}

/// Tries what systemd could not do, unless the app has ended with that status by itself.
fn go_to(root: &Path, directory: &str) -> Result<(), Failure> {
    let root = Root::open(root).map_err(at("use as root of the app", root))?;
    identity::open_directory(&root, OsStr::new(directory)).map(drop)
}

/// What systemd could not do when a process ends with this status before the app's program is run.
fn not_set_up(status: i32) -> Option<&'static str> {
    let of = |line: &'static str| line.split_once(' ').filter(|(number, _)| number.parse() == Ok(status));
    EXEC_STATUSES.lines().find_map(of).map(|(_, what)| what)
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

/// Reaps the apps of a pod that has just come up which systemd did not even try to start, since their reapers were not started
/// either. Gives whether there are none.
pub(super) fn reap_unloaded() -> Result<bool, Failure> {
    let unprepared: Vec<String> = apps().into_iter().filter(|app| !prepare_app::has_begun(app)).collect();
    if unprepared.is_empty() {
        return Ok(true);
    }
    let Ok(answers) = Answers::ask(&unprepared) else { return Ok(true) };
    let mut all_loaded = true;
    for app in unprepared.iter().filter(|app| !answers.is_loaded(app)) {
        all_loaded = false;
        reap(app, Path::new(&names::app_root(app)), Path::new("/"), true)?;
    }
    Ok(all_loaded)
}

/// The names of the pod's apps.
fn apps() -> Vec<String> {
    let entries = fs::read_dir(Path::new("/").join(layout::STAGE2)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::not_set_up;

    #[test]
    fn statuses_of_systemd() {
        assert_eq!(not_set_up(217), Some("take on the user"));
        for status in [0, 1, 200, 203, 255] {
            assert_eq!(not_set_up(status), None, "{status}");
        }
    }
}
