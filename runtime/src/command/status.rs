//! `rkt status`.

use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use grammar::StatusArgs;
use pod::{Pod, State};

use super::output;
use crate::error::{Context as _, EXIT_UUID_FILE, Failure};
use crate::format::{full_time, parse_duration};
use crate::pod::find;
use crate::pod::status::{PodStatus, supervisor_is_ready};
use crate::session::Session;

/// Pause between two looks at a pod.
const PAUSE: Duration = Duration::from_millis(100);
/// The same while nobody has started it.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &StatusArgs) -> Result<u8, Failure> {
    let format = output::Format::parse(args.format.as_deref())?;
    let wait = Patience::parse("wait", &args.wait)?;
    let wait_ready = Patience::parse("wait-ready", &args.wait_ready)?;
    let prefix = find::one_prefix(&args.uuid, args.uuid_file.as_deref(), EXIT_UUID_FILE)?;
    let mut pod = find::pod(&session.pods()?, &prefix)?;
    if let Some(patience) = wait_ready {
        wait_until_ready(&mut pod, patience).context("error waiting for the pod to be ready")?;
    }
    if let Some(patience) = wait {
        wait_until_done(&mut pod, patience).context("error waiting for the pod to finish")?;
    }
    let status = PodStatus::of(&pod);
    for problem in &status.problems {
        eprintln!("status: {problem}");
    }
    match format {
        Some(format) if status.created.is_some() => output::json(&status, format)?,
        Some(_) => return Err(Failure::new(format!("pod \"{}\": invalid creation time", pod.uuid()))),
        None => lines(&pod, &status)?,
    }
    Ok(0)
}

fn lines(pod: &Pod, status: &PodStatus) -> Result<(), Failure> {
    let state = pod.state();
    let mut out = std::io::stdout().lock();
    writeln!(out, "state={state}")?;
    if let Some(created) = status.created {
        writeln!(out, "created={}", full_time(created))?;
    }
    if let Some(started) = status.started {
        writeln!(out, "started={}", full_time(started))?;
    }
    if matches!(state, State::Running | State::Exited) {
        writeln!(out, "networks={}", status.networks_text())?;
    }
    if state == State::Running
        || state == State::Deleting
        || (state.is_after_run() && state != State::Garbage)
    {
        match pod.pid() {
            Ok(Some(pid)) => writeln!(out, "pid={pid}")?,
            Ok(None) => {}
            // A foreign stage1 may have written anything; the other lines are true all the same.
            Err(error) => eprintln!("status: {error}"),
        }
        writeln!(out, "exited={}", matches!(state, State::Exited | State::ExitedGarbage))?;
    }
    if state != State::Running {
        for app in &status.apps {
            if let Some(code) = app.exit_code {
                writeln!(out, "app-{}={code}", app.name)?;
            }
        }
    }
    Ok(())
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    Forever,
    Until(Duration),
}

impl Patience {
    /// A boolean or a duration; none means not at all.
    fn parse(flag: &str, text: &str) -> Result<Option<Self>, Failure> {
        if let Ok(wait) = grammar::go_bool(text) {
            return Ok(wait.then_some(Self::Forever));
        }
        let time = parse_duration(text).context(format!("invalid argument \"{text}\" for --{flag}"))?;
        Ok(match (time.negative, time.length) {
            (true, _) => Some(Self::Forever),
            (false, Duration::ZERO) => None,
            (false, length) => Some(Self::Until(length)),
        })
    }

    /// A point in time that lies too far ahead to be told is never reached.
    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Forever => None,
            Self::Until(length) => Instant::now().checked_add(length),
        }
    }
}

fn sleep_until(deadline: Option<Instant>, pause: Duration) -> Result<(), Failure> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match left {
        Some(Duration::ZERO) => Err(Failure::new("timed out")),
        Some(left) => {
            thread::sleep(left.min(pause));
            Ok(())
        }
        None => {
            thread::sleep(pause);
            Ok(())
        }
    }
}

fn wait_until_done(pod: &mut Pod, patience: Patience) -> Result<(), Failure> {
    let deadline = patience.deadline();
    loop {
        match pod.refresh()? {
            State::AbortedPrepare => return Ok(()),
            state if state.is_after_run() => return Ok(()),
            State::Prepared => sleep_until(deadline, LONG_PAUSE)?,
            _ => sleep_until(deadline, PAUSE)?,
        }
    }
}

fn wait_until_ready(pod: &mut Pod, patience: Patience) -> Result<(), Failure> {
    let deadline = patience.deadline();
    loop {
        if supervisor_is_ready(pod) {
            return Ok(());
        }
        let state = pod.refresh()?;
        if state.is_after_run() || state == State::AbortedPrepare {
            return Err(Failure::new(format!("pod \"{}\" is {state}", pod.uuid())));
        }
        sleep_until(deadline, PAUSE)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times() {
        for (text, expected) in [
            ("false", Some(None)),
            ("0", Some(None)),
            ("0s", Some(None)),
            ("true", Some(Some(Patience::Forever))),
            ("-1s", Some(Some(Patience::Forever))),
            ("1500ms", Some(Some(Patience::Until(Duration::from_millis(1500))))),
            ("soon", None),
            ("10", None),
        ] {
            assert_eq!(Patience::parse("wait", text).ok(), expected, "{text}");
        }
    }
}
