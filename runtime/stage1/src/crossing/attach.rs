//! `attach`: runs a client in the pod, and sees to it that the terminal is as before when that has ended,
//! in whatever way: the client does not live longer than the pod.

use super::enter;
use crate::failure::{Failure, at, warn};
use crate::iomux::{self, local::Modes};
use crate::signals::{self, Signals};
use pod::protocol::AttachArgs;
use rustix::process::{Pid, Signal};
use std::env;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Signals that are passed on to the client when they are sent to this process alone.
const SIGNALS: &[Signal] = &[Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT, Signal::CHILD];

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = AttachArgs::decode(program, arguments)?;
    let enter = enter()?;
    let (words, variables) = iomux::client_call(args.action, &args.app, args.debug);
    let words = enter.words(words);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_clear().envs(variables);
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    if args.debug {
        warn(format_args!("attach: {command:?}"));
    }
    // Whoever waits for us may be killed, and then nobody wants the client any more.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    let signals = Signals::catch(SIGNALS)
        .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    signals.not_for(&mut command);
    let terminal = Modes::of_stdin();
    let mut client = command.spawn().map_err(at("run the program", Path::new(&words[0])))?;
    let pid = Pid::from_child(&client);
    let status = loop {
        let ended = client
            .try_wait()
            .map_err(|error| Failure::new(format!("cannot wait for the client: {error}")))?;
        if let Some(status) = ended {
            break status;
        }
        match signals.wait() {
            Some(arrived) if arrived.signal == Signal::CHILD || !arrived.sent => {}
            Some(arrived) => {
                let _ = rustix::process::kill_process(pid, arrived.signal);
            }
            None => {}
        }
    };
    if let Some(before) = terminal {
        before.restore();
    }
    match (status.code(), status.signal().and_then(Signal::from_named_raw)) {
        (Some(code), _) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))),
        (None, Some(signal)) if signal != Signal::KILL => Ok(signals::end_by(signal, signals)),
        (None, _) => Err(Failure::new(format!("the client in the pod has been killed ({status})"))
            .hint("the pod may have ended: rkt status shows it")),
    }
}
