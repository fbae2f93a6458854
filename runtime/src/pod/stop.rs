//! Having stage1 end the processes of a pod.

use std::process::{Command, Stdio};

use pod::{Pod, protocol};

use crate::error::Failure;
use crate::session::Session;
use crate::stage1::call::PodStage1;
use crate::stage1::entry::{EntryPoint, declared};

/// Calls stage1's `stop`.
///
/// # Errors
/// If stage1 has none, or it fails.
pub fn call_stop(pod: &Pod, force: bool) -> Result<(), Failure> {
    let status = command(pod, force)?.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("the 'stop' entrypoint failed: {status}")))
    }
}

/// Ends what may be left of a pod that counts as exited: what stood for it was killed, and its apps were not. There is
/// nothing in most pods, which some stage1 images take for a failure; so failures are only for debugging.
pub fn end_survivors(session: &Session, pod: &Pod) {
    let end = || -> Result<String, Failure> {
        let output = command(pod, true)?.stdin(Stdio::null()).output()?;
        Ok(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end()))
    };
    let said = end();
    session.debug(|| match said {
        Ok(said) => format!("looked for what is left of pod \"{}\": {said}", pod.uuid()),
        Err(failure) => failure.render("stop", true),
    });
}

fn command(pod: &Pod, force: bool) -> Result<Command, Failure> {
    let stage1 = PodStage1::of(pod)?;
    if declared(&stage1.manifest, EntryPoint::Stop).is_none() {
        return Err(Failure::new(format!(
            "rkt stop not implemented for pod's stage1: \"{}\"",
            stage1.manifest.name
        )));
    }
    let words = protocol::StopArgs { debug: false, force, uuid: pod.uuid() }.encode();
    stage1.command(pod, EntryPoint::Stop, &words)
}
