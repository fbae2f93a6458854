//! What an app ended with, from what systemd says about its units.
//!
//! An app that never ran has no exit status of its own, and systemd reports 0 for it. What kept it from running is looked for,
//! so that it is not taken for success.

use crate::systemd::names;
use std::collections::HashMap;
use std::io;
use std::process::Command;

/// systemd's own client, in every pod.
pub(super) const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// Status of an app that could not be started, when nothing else is known.
pub(super) const NOT_STARTED: i32 = 254;
/// The service that gives the pod's users their names.
const SYSUSERS: &str = "sysusers.service";
/// What systemd is asked about each unit.
const PROPERTIES: &str = "--property=Id,LoadState,WorkingDirectory,ExecStartPre,ExecStopPost,Result,ActiveState,ExecMainCode,ExecMainStatus,\
    ExecMainStartTimestampMonotonic,ExecMainExitTimestampMonotonic,InactiveEnterTimestampMonotonic";

/// What an app ended with, and what the user should know.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Exit status; `None` for an app that never ran and did not fail either.
    pub(super) status: Option<i32>,
    /// What is to be said.
    pub(super) reason: Option<String>,
    /// When it ended, in microseconds since the machine started; 0 before that.
    at: u64,
}

/// What systemd says about the units of a pod.
#[derive(Debug)]
pub(super) struct Answers(Vec<HashMap<String, String>>);

impl Answers {
    /// Asks about the units of these apps, in one call.
    ///
    /// # Errors
    /// When systemd does not answer.
    pub(super) fn ask(apps: &[String]) -> io::Result<Answers> {
        let units = apps.iter().flat_map(|app| {
            [names::service(app), names::prepare(app), names::iomux(app), names::ttymux(app)]
        });
        let output =
            Command::new(SYSTEMCTL).arg("show").arg(PROPERTIES).args(units).arg(SYSUSERS).output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("{}: {}", output.status, text.trim())));
        }
        Ok(Answers::parse(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Blocks of `NAME=VALUE` lines with empty lines between them.
    fn parse(text: &str) -> Answers {
        let block = |block: &str| {
            let pairs = block.lines().filter_map(|line| line.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let blocks = text.split("\n\n").map(block);
        Answers(blocks.filter(|properties: &HashMap<_, _>| !properties.is_empty()).collect())
    }

    fn of(&self, unit: &str, name: &str) -> &str {
        let unit = self.0.iter().find(|properties| properties.get("Id").is_some_and(|id| id == unit));
        unit.and_then(|properties| properties.get(name)).map_or("", String::as_str)
    }

    fn number<T: std::str::FromStr + Default>(&self, unit: &str, name: &str) -> T {
        self.of(unit, name).parse().unwrap_or_default()
    }

    /// What an app ended with.
    pub(super) fn judge(&self, app: &str) -> Outcome {
        let service = names::service(app);
        let (status, result) = (self.number::<i32>(&service, "ExecMainStatus"), self.of(&service, "Result"));
        let failed = !matches!(result, "" | "success");
        if matches!(self.of(&service, "ExecMainStartTimestampMonotonic"), "" | "0") {
            return self.judge_unstarted(app, status, result);
        }
        let reason = match result {
            "oom-kill" => Some(out_of_memory(app)),
            "signal" | "core-dump" if status == libc::SIGSYS => Some(forbidden_call(app)),
            "timeout" | "watchdog" => Some(format!("app \"{app}\" was ended by systemd: {result}")),
            "exit-code" | "signal" | "core-dump" if status == 0 => {
                let what = self.failed_program(&service, "ExecStopPost").unwrap_or_else(|| result.to_owned());
                Some(format!("a program that runs after app \"{app}\" failed: {what}"))
            }
            _ => self.failed_streams(app).map(|unit| {
                format!("app \"{app}\" was ended because nobody reads its output any more ({unit} failed)")
            }),
        };
        let (status, at) = match status {
            // A program of the app's that was to run after it, or a limit: systemd counts it as failed.
            0 if failed => (NOT_STARTED, "InactiveEnterTimestampMonotonic"),
            status => (status, "ExecMainExitTimestampMonotonic"),
        };
        Outcome { status: Some(status), reason, at: self.number(&service, at) }
    }

    /// Where an app starts, inside its root.
    pub(super) fn working_directory(&self, app: &str) -> &str {
        self.of(&names::service(app), "WorkingDirectory")
    }

    /// Whether systemd has taken the unit of an app.
    pub(super) fn is_loaded(&self, app: &str) -> bool {
        matches!(self.of(&names::service(app), "LoadState"), "" | "loaded")
    }

    fn has_failed(&self, unit: &str) -> bool {
        self.of(unit, "ActiveState") == "failed"
    }

    /// The failed service behind the streams of an app, if there is one.
    fn failed_streams(&self, app: &str) -> Option<String> {
        [names::iomux(app), names::ttymux(app)].into_iter().find(|unit| self.has_failed(unit))
    }

    /// The program of a list of a unit's that has failed, and how, in words.
    fn failed_program(&self, unit: &str, list: &str) -> Option<String> {
        // { path=/bin/sh ; argv[]=/bin/sh -c exit 3 ; … ; code=exited ; status=3 }
        let (start, end) = self.of(unit, list).rsplit_once(" ; code=")?;
        let (path, _) = start.strip_prefix("{ path=")?.split_once(" ; argv[]=")?;
        let (code, status) = end.strip_suffix(" }")?.split_once(" ; status=")?;
        Some(match (code, status) {
            ("exited", "0") | ("(null)", _) => return None,
            ("exited", "203") => format!("{path} could not be executed"),
            ("exited", _) => format!("{path} ended with {status}"),
            _ => format!("{path} was ended by signal {status}"),
        })
    }

    /// Why an app has not been started.
    fn judge_unstarted(&self, app: &str, status: i32, result: &str) -> Outcome {
        let (service, prepare) = (names::service(app), names::prepare(app));
        let failed = |unit: &str| self.has_failed(unit);
        let streams = self.failed_streams(app);
        let (unit, reason) = if !self.is_loaded(app) {
            let state = self.of(&service, "LoadState");
            (&*service, format!("systemd does not take its unit ({state}); rkt --debug run shows why"))
        } else if failed(&prepare) {
            let how = (self.of(&prepare, "Result"), self.of(&prepare, "ExecMainStatus"));
            (&*prepare, format!("its root could not be prepared ({prepare}: {} {})", how.0, how.1))
        } else if let Some(unit) = &streams {
            (&**unit, format!("its streams could not be served ({unit} failed)"))
        } else if failed(SYSUSERS) {
            (SYSUSERS, format!("the pod's users could not be made ({SYSUSERS} failed)"))
        } else if !matches!(result, "" | "success") {
            let reason = match self.failed_program(&service, "ExecStartPre") {
                Some(what) => format!("a program that runs before it failed: {what}"),
                None => format!("systemd could not make ready for it ({result})"),
            };
            (&*service, reason)
        } else if status != 0 {
            (&*service, format!("systemd could not start it ({status})"))
        } else {
            // The pod was stopped first.
            return Outcome { status: None, reason: None, at: 0 };
        };
        let status = if status == 0 { NOT_STARTED } else { status };
        let at = self.number(unit, "InactiveEnterTimestampMonotonic");
        Outcome { status: Some(status), reason: Some(format!("app \"{app}\" was not started: {reason}")), at }
    }

    /// Whether a failed app is the first of the pod that failed: its status is the pod's. The others may have failed only
    /// because they were ended then.
    pub(super) fn is_first_failure(&self, app: &str, apps: &[String]) -> bool {
        let at = self.judge(app).at;
        let failed_before = |other: &String| {
            let outcome = self.judge(other);
            outcome.status.is_some_and(|status| status != 0) && (outcome.at, other.as_str()) < (at, app)
        };
        !apps.iter().any(failed_before)
    }

    /// Whether the app itself was killed in a way that the kernel uses when memory is short.
    pub(super) fn was_killed(&self, app: &str) -> bool {
        // CLD_KILLED
        let service = names::service(app);
        self.of(&service, "ExecMainCode") == "2"
            && self.number::<i32>(&service, "ExecMainStatus") == libc::SIGKILL
    }
}

/// In words. Only the kernel's log tells which call it was.
fn forbidden_call(app: &str) -> String {
    format!(
        "app \"{app}\" was ended because it made a system call that its filter forbids; the kernel logs its number \
         (audit type 1326); allow more calls with --seccomp, or all of them with rkt --insecure-options=seccomp"
    )
}

/// In words.
pub(super) fn out_of_memory(app: &str) -> String {
    format!("app \"{app}\" was ended by the kernel because it used more memory than it may")
}

#[cfg(test)]
mod tests {
    use super::Answers;

    fn answers(service: &str, prepare: &str) -> Answers {
        Answers::parse(&format!(
            "Id=a.service\n{service}\n\nId=prepare-app@-opt-stage2-a-rootfs.service\n{prepare}\n\nId=sysusers.service\nActiveState=inactive\n"
        ))
    }

    #[test]
    fn an_app_that_never_ran_is_no_success() {
        const RAN: &str = "ExecMainStartTimestampMonotonic=12";
        const NEVER: &str = "ExecMainStartTimestampMonotonic=0";
        let rows = [
            (format!("{RAN}\nResult=success\nExecMainStatus=0"), "", Some(0), None),
            (format!("{RAN}\nResult=exit-code\nExecMainStatus=7"), "", Some(7), None),
            (format!("{RAN}\nResult=signal\nExecMainStatus=15"), "", Some(15), None),
            (format!("{RAN}\nResult=signal\nExecMainStatus=31"), "", Some(31), Some("system call")),
            (format!("{RAN}\nResult=oom-kill\nExecMainStatus=9"), "", Some(9), Some("memory")),
            (format!("{RAN}\nResult=exit-code\nExecMainStatus=0"), "", Some(254), Some("runs after")),
            (format!("{NEVER}\nResult=exit-code\nExecMainStatus=0"), "", Some(254), Some("make ready")),
            (format!("{NEVER}\nLoadState=bad-setting\nResult=success"), "", Some(254), Some("bad-setting")),
            (
                format!("{NEVER}\nResult=success\nExecMainStatus=0"),
                "ActiveState=failed\nResult=exit-code",
                Some(254),
                Some("prepared"),
            ),
            (
                format!("{NEVER}\nResult=success\nExecMainStatus=0"),
                "\n\nId=iomux@a.service\nActiveState=failed\nResult=exit-code",
                Some(254),
                Some("iomux@a.service failed"),
            ),
            (
                format!("{RAN}\nResult=success\nExecMainStatus=15"),
                "\n\nId=ttymux@a.service\nActiveState=failed\nResult=signal",
                Some(15),
                Some("nobody reads"),
            ),
            (format!("{NEVER}\nResult=success\nExecMainStatus=0"), "ActiveState=inactive", None, None),
        ];
        for (service, prepare, status, reason) in rows {
            let outcome = answers(&service, prepare).judge("a");
            assert_eq!(outcome.status, status, "{service}");
            match (reason, &outcome.reason) {
                (None, None) => {}
                (Some(word), Some(text)) => assert!(text.contains(word), "{text}"),
                other => panic!("{service}: {other:?}"),
            }
        }
    }

    #[test]
    fn programs_before_and_after_an_app_are_told() {
        let program = |end: &str| {
            let text = format!("{{ path=/a b ; argv[]=/a b ; code=x ; ignore_errors=no ; pid=5 ; {end} }}");
            answers(&format!("ExecStartPre={text}"), "").failed_program("a.service", "ExecStartPre")
        };
        for (end, expected) in [
            ("code=exited ; status=0", None),
            ("code=(null) ; status=0/0", None),
            ("code=exited ; status=3", Some("/a b ended with 3")),
            ("code=exited ; status=203", Some("/a b could not be executed")),
            ("code=killed ; status=9/KILL", Some("/a b was ended by signal 9/KILL")),
        ] {
            assert_eq!(program(end).as_deref(), expected, "{end}");
        }
    }

    #[test]
    fn the_first_that_failed_is_known_by_its_time() {
        let app = |name: &str, status: u32, at: u32| {
            format!(
                "Id={name}.service\nExecMainStartTimestampMonotonic=1\nExecMainStatus={status}\nExecMainExitTimestampMonotonic={at}\n"
            )
        };
        let text = [app("good", 0, 10), app("ended", 15, 31), app("first", 3, 30), app("tie", 4, 31)];
        let answers = Answers::parse(&text.join("\n"));
        let apps = ["good", "ended", "first", "tie"].map(str::to_owned);
        for (name, first) in [("ended", false), ("first", true), ("tie", false)] {
            assert_eq!(answers.is_first_failure(name, &apps), first, "{name}");
        }
    }
}
