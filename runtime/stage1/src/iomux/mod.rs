//! `iottymux`: attaching to the streams or the terminal of an app.
//!
//! Two services run in the pod, one instance an app: `iomux` between the pipes that are an app's standard
//! streams and whoever attaches, `ttymux` between an app's terminal and whoever attaches. Three actions are
//! their clients, run by somebody who enters the pod: `list`, `auto-attach` and `custom-attach`. All meet in
//! the directory `/rkt/iottymux/<app>`: a socket `sock-<name>` for each stream, and the list `endpoints`.
//!
//! The rules:
//! * Everybody who is attached gets all output from then on, byte for byte as the app writes it. What it
//!   wrote before the first one came is held for that one: the newest 64 KiB.
//! * With nobody attached, output is read and thrown away: an app never waits for somebody to come.
//! * Up to 1 MiB is held for clients that are slower than the app. Then the app waits for the slowest, which
//!   must take 64 KiB in 10 seconds or is let go: nobody stops an app, or the output of the others, for longer.
//! * Input of several clients reaches an app's standard input in whole lines. A client that pauses for a
//!   second within a line, or whose line is longer than 64 KiB, no longer keeps the others from theirs. A
//!   terminal gets keys as they come. A client waits while the app does not read.
//! * When the app ends, everybody gets the rest of its output, for which there are 5 seconds, then its end.
//!   The list of endpoints is gone before that: so a client that meets an end knows whether it was the app's.

mod attach;
mod backlog;
mod channel;
mod client;
mod endpoints;
pub(crate) mod local;
mod log;
mod serve;
mod sockets;
mod streams;
mod terminal;
mod turns;
mod wait;

use crate::failure::Failure;
use appc::AcName;
use endpoints::Found;
use pod::protocol::goflags::{self, Flag, FlagKind};
use pod::protocol::{AttachAction, Streams};
use rustix::process::Signal;
use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

/// Signals that end a service or a client.
const END_SIGNALS: &[Signal] = &[Signal::TERM, Signal::HUP, Signal::INT];

/// Environment variable of the services: say what is done.
const ENV_STAGE1_DEBUG: &str = "STAGE1_DEBUG";

/// Environment variable of the clients: say what is done.
const ENV_DEBUG: &str = "STAGE2_DEBUG";

/// Environment variables of `custom-attach`, in the order of [`Streams::flags`].
const ENV_STREAMS: [&str; 5] = [
    "STAGE2_ATTACH_TTYIN",
    "STAGE2_ATTACH_TTYOUT",
    "STAGE2_ATTACH_STDIN",
    "STAGE2_ATTACH_STDOUT",
    "STAGE2_ATTACH_STDERR",
];

const FLAGS: &[Flag] = &[
    Flag {
        name: "action",
        kind: FlagKind::Value("string"),
        help: "What to do: iomux, ttymux, list, auto-attach or custom-attach (default \"list\")",
    },
    Flag { name: "app", kind: FlagKind::Value("string"), help: "The app" },
    Flag { name: "debug", kind: FlagKind::Switch, help: "Run in debug mode" },
];

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let parsed = goflags::parse(program, FLAGS, arguments)?;
    let app = AcName::new(parsed.text("app")).map_err(|error| {
        Failure::new(format!("invalid name of an app: {error}")).hint("name the app with --app=NAME")
    })?;
    let debug = parsed.is_set("debug") || is_true(ENV_DEBUG);
    let action = match parsed.value("action") {
        None => "list".to_owned(),
        Some(action) => action.to_string_lossy().into_owned(),
    };
    match &*action {
        "iomux" => streams::serve(&app).map(|()| ExitCode::SUCCESS),
        "ttymux" => terminal::serve(&app).map(|()| ExitCode::SUCCESS),
        "list" => {
            match Found::of(&app)?.print(io::stdout().lock()) {
                // Who has read enough of it has closed it.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    Err(Failure::new(format!("cannot print the list: {error}")))
                }
                _ => Ok(ExitCode::SUCCESS),
            }
        }
        "auto-attach" => attach::attach(&app, None, debug),
        "custom-attach" => {
            let [tty_in, tty_out, stdin, stdout, stderr] = ENV_STREAMS.map(is_true);
            attach::attach(&app, Some(Streams { tty_in, tty_out, stdin, stdout, stderr }), debug)
        }
        other => {
            let reason = format!(
                "invalid value \"{other}\" for flag -action: one of iomux, ttymux, list, auto-attach, custom-attach"
            );
            Err(goflags::usage(program, FLAGS, &reason).into())
        }
    }
}

/// The arguments and the environment variables that make this executable a client in the pod.
pub(crate) fn client_call(
    action: AttachAction,
    app: &str,
    debug: bool,
) -> (Vec<OsString>, Vec<(&'static str, String)>) {
    let mut variables = vec![(ENV_DEBUG, debug.to_string())];
    let action = match action {
        AttachAction::List => "list",
        AttachAction::Auto => "auto-attach",
        AttachAction::Custom(streams) => {
            let values = streams.flags().map(|(_, on)| on.to_string());
            variables.extend(ENV_STREAMS.into_iter().zip(values));
            "custom-attach"
        }
    };
    let words = ["/iottymux".to_owned(), format!("--action={action}"), format!("--app={app}")];
    (words.map(OsString::from).to_vec(), variables)
}

/// Whether an environment variable has a word for true.
fn is_true(variable: &str) -> bool {
    env::var(variable).ok().and_then(|value| goflags::parse_bool(&value)).unwrap_or(false)
}

fn no_signals(error: &io::Error) -> Failure {
    Failure::new(format!("cannot watch for signals: {error}"))
}
