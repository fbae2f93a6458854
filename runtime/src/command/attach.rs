//! `rkt attach`.

use grammar::AttachArgs;
use pod::protocol::{self, AttachAction, Streams};

use crate::error::{Context as _, Failure};
use crate::pod::find;
use crate::session::Session;
use crate::stage1::call::PodStage1;
use crate::stage1::entry::EntryPoint;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &AttachArgs) -> Result<u8, Failure> {
    session.require_root()?;
    let action = action(&args.mode)?;
    let mut pod = find::running_pod(&session.pods()?, &args.uuid)?;
    let app = find::app(&pod, args.app.as_deref(), "rkt attach")?;
    let pid = find::first_process(&mut pod)?;
    let words = protocol::AttachArgs { action, app, debug: session.global.debug }.encode();
    let mut command = PodStage1::of(&pod)?.crossing(&pod, pid, EntryPoint::Attach, &words)?;
    let status = command.status().context("attach failed")?;
    if status.success() {
        Ok(0)
    } else {
        Err(Failure::new(format!("the 'attach' entrypoint failed: {status}")).within("attach failed"))
    }
}

/// What `--mode` says.
fn action(mode: &str) -> Result<AttachAction, Failure> {
    match mode {
        "auto" | "" => return Ok(AttachAction::Auto),
        "list" => return Ok(AttachAction::List),
        _ => {}
    }
    let mut streams = Streams::default();
    for endpoint in mode.split(',') {
        match endpoint {
            "stdin" => streams.stdin = true,
            "stdout" => streams.stdout = true,
            "stderr" => streams.stderr = true,
            "tty" => (streams.tty_in, streams.tty_out) = (true, true),
            "tty-in" => streams.tty_in = true,
            "tty-out" => streams.tty_out = true,
            _ => {
                return Err(Failure::new(format!("unknown endpoint \"{endpoint}\"")).hint(
                    "--mode takes auto, list, or a comma list of stdin, stdout, stderr or of tty, tty-in, tty-out",
                ));
            }
        }
    }
    let plain = streams.stdin || streams.stdout || streams.stderr;
    if plain && (streams.tty_in || streams.tty_out) {
        return Err(Failure::new(format!(
            "incompatible endpoints \"{mode}\", cannot simultaneously attach TTY and streams"
        )));
    }
    Ok(AttachAction::Custom(streams))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        let custom = |set: fn(&mut Streams)| {
            let mut streams = Streams::default();
            set(&mut streams);
            Some(AttachAction::Custom(streams))
        };
        for (mode, expected) in [
            ("auto", Some(AttachAction::Auto)),
            ("list", Some(AttachAction::List)),
            ("stdin,stderr", custom(|s| (s.stdin, s.stderr) = (true, true))),
            ("stdout", custom(|s| s.stdout = true)),
            ("tty", custom(|s| (s.tty_in, s.tty_out) = (true, true))),
            ("tty-out", custom(|s| s.tty_out = true)),
            ("tty,stdin", None),
            ("stdin,auto", None),
            ("stdin,", None),
            ("console", None),
        ] {
            assert_eq!(action(mode).ok(), expected, "{mode}");
        }
    }
}
