//! `rkt stop`.

use std::io::Write as _;

use grammar::StopArgs;
use pod::{DataDir, State, protocol};

use crate::error::{EXIT_FAILURE, EXIT_UUID_FILE, Failure};
use crate::pod::find;
use crate::session::Session;
use crate::stage1::call::PodStage1;
use crate::stage1::entry::{EntryPoint, declared};

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
    let pod = find::pod(data, prefix)?;
    let uuid = pod.uuid();
    if pod.state().is_after_run() {
        writeln!(std::io::stdout(), "pod \"{uuid}\" is already stopped")?;
        return Ok(());
    }
    let failed = || format!("error stopping pod \"{uuid}\"");
    if pod.state() != State::Running {
        return Err(Failure::new(format!("pod is not running, it is {}", pod.state())).within(failed()));
    }
    let call = || {
        let stage1 = PodStage1::of(&pod)?;
        if declared(&stage1.manifest, EntryPoint::Stop).is_none() {
            return Err(Failure::new(format!(
                "rkt stop not implemented for pod's stage1: \"{}\"",
                stage1.manifest.name
            )));
        }
        let words = protocol::StopArgs { debug: false, force, uuid }.encode();
        let status = stage1.command(&pod, EntryPoint::Stop, &words)?.status()?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("the 'stop' entrypoint failed: {status}")))
        }
    };
    call().map_err(|failure| failure.within(failed()))?;
    writeln!(std::io::stdout(), "\"{uuid}\"")?;
    Ok(())
}
