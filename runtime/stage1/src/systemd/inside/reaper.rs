//! `reaper.sh`: writes down what an app ended with, and lets the pod end with it. Runs in the pod, when the app's service is
//! no longer wanted.
//!
//! An app that never ran has no exit status of its own, and systemd reports 0 for it. What kept it from running is looked for,
//! so that it is not taken for success.

use super::diagnostic;
use crate::failure::{Failure, at};
use crate::systemd::names;
use pod::layout;
use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{Command, ExitCode};

/// systemd's own client, in every pod.
const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// Set for apps whose failure ends the pod.
const EXIT_POD: &str = "EXIT_POD";
/// Made by the first app that fails: its status is the pod's.
const FIRST_FAILURE: &str = "/run/rkt-first-failure";
/// Status of an app that could not be started, when nothing else is known.
const NOT_STARTED: i32 = 254;
/// systemd's status for a program that could not be executed.
const EXEC_FAILED: i32 = 203;
/// What systemd is asked about each unit.
const PROPERTIES: &str =
    "--property=Id,Result,ActiveState,ExecMainCode,ExecMainStatus,ExecMainStartTimestampMonotonic";

/// What systemd says about a unit.
type Properties = HashMap<String, String>;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let words: Option<Vec<String>> = arguments.into_iter().map(|word| word.into_string().ok()).collect();
    let Some([app, root, binary]) = words.as_deref() else {
        return Err(Failure::new(format!("usage: {program} APP ROOT PROGRAM")));
    };
    let service = names::service(app);
    let units = [&service, &names::prepare(app), &names::iomux(app), &names::ttymux(app), "sysusers.service"];
    let outcome = match ask(&units) {
        Ok(answers) => judge(app, &answers),
        Err(error) => Outcome {
            status: Some(NOT_STARTED),
            reason: Some(format!("it is not known what app \"{app}\" ended with: {SYSTEMCTL}: {error}")),
        },
    };
    if let Some(reason) = &outcome.reason {
        eprintln!("reaper: {reason}");
    }
    let Some(status) = outcome.status else { return Ok(ExitCode::SUCCESS) };
    let path = Path::new("/").join(layout::STATUS).join(app);
    let written = fs::write(&path, format!("{status}\n")).map_err(at("write", &path));
    if status == EXEC_FAILED
        && let Ok(Some(text)) = diagnostic::explain(Path::new(root), Path::new(binary))
    {
        eprintln!("{text}");
    }
    if status != 0 && env::var_os(EXIT_POD).is_some() && is_first_failure() {
        // An older systemd has no exit codes; the pod then ends with 0, as it always did there.
        let _ = Command::new(SYSTEMCTL).arg("exit").arg(status.to_string()).output();
    }
    written?;
    Ok(ExitCode::SUCCESS)
}

/// Whether no other app of the pod has failed before.
fn is_first_failure() -> bool {
    match File::create_new(FIRST_FAILURE) {
        Err(error) => error.kind() != ErrorKind::AlreadyExists,
        Ok(_) => true,
    }
}

/// What an app ended with, and what the user should know.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// Exit status; `None` for an app that never ran and did not fail either.
    status: Option<i32>,
    reason: Option<String>,
}

/// Asks systemd about units, in one call.
fn ask(units: &[&str]) -> io::Result<Vec<Properties>> {
    let output = Command::new(SYSTEMCTL).arg("show").arg(PROPERTIES).args(units).output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{}: {}", output.status, text.trim())));
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Blocks of `NAME=VALUE` lines with empty lines between them.
fn parse(text: &str) -> Vec<Properties> {
    let block = |block: &str| {
        let pairs = block.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    text.split("\n\n").map(block).filter(|properties: &Properties| !properties.is_empty()).collect()
}

fn judge(app: &str, answers: &[Properties]) -> Outcome {
    let of = |unit: &str, name: &str| {
        let unit = answers.iter().find(|properties| properties.get("Id").is_some_and(|id| id == unit));
        unit.and_then(|properties| properties.get(name)).map_or("", String::as_str)
    };
    let service = names::service(app);
    let number = |name: &str| of(&service, name).parse::<i32>().unwrap_or(0);
    let (status, result) = (number("ExecMainStatus"), of(&service, "Result"));
    let failed = |unit: &str| of(unit, "ActiveState") == "failed";
    let streams = [names::iomux(app), names::ttymux(app)].into_iter().find(|unit| failed(unit));
    let ran = !matches!(of(&service, "ExecMainStartTimestampMonotonic"), "" | "0");
    if ran {
        let reason = match result {
            "oom-kill" => Some(format!("app \"{app}\" was ended because it used more memory than it may")),
            "timeout" | "watchdog" => Some(format!("app \"{app}\" was ended by systemd: {result}")),
            _ => streams.map(|unit| {
                format!("app \"{app}\" was ended because nobody reads its output any more ({unit} failed)")
            }),
        };
        // A program of the app's that was to run after it, or a limit: systemd counts it as failed.
        let status = if status == 0 && !matches!(result, "" | "success") { NOT_STARTED } else { status };
        return Outcome { status: Some(status), reason };
    }
    let prepare = names::prepare(app);
    let reason = if failed(&prepare) {
        format!(
            "its root could not be prepared ({prepare}: {} {})",
            of(&prepare, "Result"),
            of(&prepare, "ExecMainStatus")
        )
    } else if let Some(unit) = streams {
        format!("its streams could not be served ({unit} failed)")
    } else if failed("sysusers.service") {
        "the pod's users could not be made (sysusers.service failed)".to_owned()
    } else if !matches!(result, "" | "success") {
        format!("a program that runs before it failed ({result})")
    } else if status != 0 {
        format!("systemd could not start it ({status})")
    } else {
        // The pod was stopped first.
        return Outcome { status: None, reason: None };
    };
    let status = if status == 0 { NOT_STARTED } else { status };
    Outcome { status: Some(status), reason: Some(format!("app \"{app}\" was not started: {reason}")) }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, judge, parse};

    fn outcome(service: &str, others: &str) -> Outcome {
        let text =
            format!("Id=a.service\n{service}\n\n{others}\n\nId=sysusers.service\nActiveState=inactive\n");
        judge("a", &parse(&text))
    }

    #[test]
    fn an_app_that_never_ran_is_no_success() {
        const RAN: &str = "ExecMainStartTimestampMonotonic=12";
        const NEVER: &str = "ExecMainStartTimestampMonotonic=0";
        let rows = [
            (format!("{RAN}\nResult=success\nExecMainStatus=0"), "", Some(0), None),
            (format!("{RAN}\nResult=exit-code\nExecMainStatus=7"), "", Some(7), None),
            (format!("{RAN}\nResult=signal\nExecMainStatus=15"), "", Some(15), None),
            (format!("{RAN}\nResult=oom-kill\nExecMainStatus=9"), "", Some(9), Some("memory")),
            (format!("{RAN}\nResult=exit-code\nExecMainStatus=0"), "", Some(254), None),
            (format!("{NEVER}\nResult=exit-code\nExecMainStatus=0"), "", Some(254), Some("before it")),
            (
                format!("{NEVER}\nResult=success\nExecMainStatus=0"),
                "Id=prepare-app@-opt-stage2-a-rootfs.service\nActiveState=failed\nResult=exit-code",
                Some(254),
                Some("prepared"),
            ),
            (
                format!("{NEVER}\nResult=success\nExecMainStatus=0"),
                "Id=iomux@a.service\nActiveState=failed\nResult=exit-code",
                Some(254),
                Some("iomux@a.service failed"),
            ),
            (
                format!("{RAN}\nResult=success\nExecMainStatus=15"),
                "Id=ttymux@a.service\nActiveState=failed\nResult=signal",
                Some(15),
                Some("nobody reads"),
            ),
            (format!("{NEVER}\nResult=success\nExecMainStatus=0"), "", None, None),
        ];
        for (service, prepare, status, reason) in rows {
            let outcome = outcome(&service, prepare);
            assert_eq!(outcome.status, status, "{service}");
            match (reason, &outcome.reason) {
                (None, None) => {}
                (Some(word), Some(text)) => assert!(text.contains(word), "{text}"),
                other => panic!("{service}: {other:?}"),
            }
        }
    }
}
