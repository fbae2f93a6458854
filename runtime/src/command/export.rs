//! `rkt export`.

use std::path::Path;

use grammar::ExportArgs;
use pod::lock::Kind;
use pod::{Pod, State};

use crate::error::{Context as _, Failure};
use crate::output_file::OutputFile;
use crate::pod::export::ExitedApp;
use crate::pod::find;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &ExportArgs) -> Result<u8, Failure> {
    check_name(&args.output)?;
    let mut pod = find::pod(&session.pods()?, &args.uuid)?;
    require_exited(&mut pod)?;
    let app = find::app(&pod, args.app.as_deref(), "rkt export")?;
    let failed = || format!("cannot write {}", args.output.display());
    let exists = || Failure::new("target file exists (try --overwrite)").at(&args.output);
    if !args.overwrite && std::fs::symlink_metadata(&args.output).is_ok() {
        return Err(exists());
    }
    let app = ExitedApp::open(&pod, &app)?;
    let mut output = OutputFile::beside(&args.output).context(failed())?;
    app.write(&mut output)?;
    output.publish(args.overwrite).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(),
        _ => Failure::from(error).within(failed()),
    })?;
    Ok(0)
}

fn check_name(output: &Path) -> Result<(), Failure> {
    let extension = output.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    match extension.unwrap_or_default().as_str() {
        ".aci" => Ok(()),
        other => Err(Failure::new(format!("extension must be .aci (given {other})")).at(output)),
    }
}

/// Refuses a pod that is not over, and keeps others from deleting it.
fn require_exited(pod: &mut Pod) -> Result<(), Failure> {
    let uuid = pod.uuid();
    match pod.state() {
        State::Exited | State::ExitedGarbage if pod.try_lock(Kind::Shared)? => {}
        state => {
            let failure =
                Failure::new(format!("pod \"{uuid}\" is {state}: only pods that exited can be exported"));
            return Err(match state {
                State::Running => failure.hint(format!("stop it with `rkt stop {uuid}`")),
                _ => failure,
            });
        }
    }
    Ok(())
}
