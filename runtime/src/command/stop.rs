//! `rkt stop`.

use std::io::Write as _;

use grammar::StopArgs;
use pod::{DataDir, State};

use crate::error::{EXIT_FAILURE, EXIT_UUID_FILE, Failure};
use crate::pod::find;
use crate::pod::stop::{call_stop, end_survivors};
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &StopArgs) -> Result<u8, Failure> {
    let prefixes = find::prefixes(&args.uuids, args.uuid_file.as_deref(), EXIT_UUID_FILE)?;
    let data = session.pods()?;
    let mut failed = 0;
    for prefix in &prefixes {
        if let Err(failure) = stop(session, &data, prefix, args.force) {
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

fn stop(session: &Session, data: &DataDir, prefix: &str, force: bool) -> Result<(), Failure> {
    let pod = find::pod(data, prefix)?;
    let uuid = pod.uuid();
    if pod.state().is_after_run() {
        // What stood for the pod has ended, which does not mean that its apps have.
        if force && pod.state() == State::Exited {
            end_survivors(session, &pod);
        }
        writeln!(std::io::stdout(), "pod \"{uuid}\" is already stopped")?;
        return Ok(());
    }
    let failed = || format!("error stopping pod \"{uuid}\"");
    if pod.state() != State::Running {
        return Err(Failure::new(format!("pod is not running, it is {}", pod.state())).within(failed()));
    }
    call_stop(&pod, force).map_err(|failure| failure.within(failed()))?;
    writeln!(std::io::stdout(), "\"{uuid}\"")?;
    Ok(())
}
