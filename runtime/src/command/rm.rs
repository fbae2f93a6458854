//! `rkt rm`.

use std::io::Write as _;

use grammar::RmArgs;
use pod::{DataDir, State};

use crate::error::{EXIT_FAILURE, Failure};
use crate::pod::{collect, find, survivors};
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &RmArgs) -> Result<u8, Failure> {
    session.require_root()?;
    let prefixes = find::prefixes(&args.uuids, args.uuid_file.as_deref(), EXIT_FAILURE)?;
    let data = session.pods()?;
    let mut failed = false;
    for prefix in &prefixes {
        if let Err(failure) = remove(session, &data, prefix) {
            eprintln!("{}", failure.render("rm", session.global.debug));
            failed = true;
        }
    }
    if failed {
        eprintln!("rm: failed to remove one or more pods");
        return Ok(EXIT_FAILURE);
    }
    Ok(0)
}

fn remove(session: &Session, data: &DataDir, prefix: &str) -> Result<(), Failure> {
    let mut pod = find::pod(data, prefix)?;
    let uuid = pod.uuid();
    match pod.state() {
        State::Running => {
            return Err(Failure::new(format!("pod \"{uuid}\" is currently running"))
                .hint(format!("stop it with `rkt stop {uuid}`")));
        }
        state @ (State::Embryo | State::Preparing) => {
            return Err(Failure::new(format!("pod \"{uuid}\" is currently {state}")));
        }
        State::Deleting | State::ExitedDeleting => {
            return Err(Failure::new(format!("pod \"{uuid}\" is currently being deleted")));
        }
        State::AbortedPrepare => {
            eprintln!("rm: moving failed prepare \"{uuid}\" to garbage");
            pod.to_garbage()?;
        }
        State::Prepared => {
            eprintln!("rm: moving expired prepared pod \"{uuid}\" to garbage");
            pod.to_garbage()?;
        }
        State::Exited => {
            if let Err(failure) = survivors::end(&pod) {
                eprintln!("{}", failure.render("rm", session.global.debug));
            }
            pod.to_exited_garbage()?;
        }
        State::ExitedGarbage | State::Garbage => {}
    }
    if !collect::delete(session, &mut pod, "rm")? {
        return Err(Failure::new(format!("pod \"{uuid}\" is currently being deleted")));
    }
    writeln!(std::io::stdout(), "\"{uuid}\"")?;
    Ok(())
}
