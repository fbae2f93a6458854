//! `rkt stop`.

use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use grammar::StopArgs;
use pod::{DataDir, Pod, State};

use crate::error::{Context as _, EXIT_FAILURE, EXIT_UUID_FILE, Failure};
use crate::pod::find;
use crate::pod::survivors::Seen;
use crate::session::Session;
use crate::stage1::call::PodStage1;

/// How long a pod that was killed may take to end.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &StopArgs) -> Result<u8, Failure> {
    let prefixes = find::prefixes(&args.uuids, args.uuid_file.as_deref(), EXIT_UUID_FILE)?;
    let data = session.pods()?;
    let mut failed = 0;
    for prefix in &prefixes {
        if let Err(failure) = stop(&data, prefix, args.force) {
            eprintln!("{}", failure.render("stop", session.global.debug));
            failed += 1;
        }
    }
    if failed > 0 {
        eprintln!("stop: failed to stop {failed} pod(s)");
        return Ok(EXIT_FAILURE);
    }
    Ok(0)
}

fn stop(data: &DataDir, prefix: &str, force: bool) -> Result<(), Failure> {
    let mut pod = find::pod(data, prefix)?;
    let uuid = pod.uuid();
    let failed = || format!("error stopping pod \"{uuid}\"");
    let seen = if matches!(pod.state(), State::Running | State::Exited) {
        Seen::of(&pod).context(failed())?
    } else {
        Seen::default()
    };
    match pod.state() {
        State::Running => {}
        // What holds the lock may have been killed alone.
        State::Exited if !seen.is_empty() => {
            eprintln!("stop: pod \"{uuid}\" counts as exited, but has processes left");
        }
        state if state.is_after_run() => {
            writeln!(std::io::stdout(), "pod \"{uuid}\" is already stopped")?;
            return Ok(());
        }
        state => {
            return Err(Failure::new(format!("pod is not running, it is {state}")).within(failed()));
        }
    }
    PodStage1::of(&pod)?.stop(&pod, force).context(failed())?;
    if force {
        wait_until_over(&mut pod, seen).context(failed())?;
    }
    writeln!(std::io::stdout(), "\"{uuid}\"")?;
    Ok(())
}

/// Waits until nothing of a pod runs that was killed.
fn wait_until_over(pod: &mut Pod, seen: Seen) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    loop {
        match pod.refresh() {
            // Somebody has collected it meanwhile.
            Err(pod::Error::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(State::Running) if Instant::now() < end => thread::sleep(PAUSE),
            Ok(State::Running) => {
                return Err(Failure::new("it was killed, but is still running")
                    .hint("`rkt status` shows its process; something else may hold the pod's lock"));
            }
            Ok(_) => return seen.wait_until_gone(pod),
        }
    }
}
