//! The client of the pod's systemd.

use crate::failure::{Failure, at, warn};
use host::systemd::parse_version;
use pod::protocol::Enter;
use std::env;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// In every pod.
const PROGRAM: &str = "/usr/bin/systemctl";

/// Runs `systemctl` in a pod.
#[derive(Debug, Clone, Copy)]
pub(super) struct Systemctl<'a> {
    enter: &'a Enter,
    debug: bool,
}

/// What it ended with.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its exit code; 255 when it was killed.
    pub(super) code: u8,
    /// What it said on its standard output.
    pub(super) said: String,
    /// What went wrong, for a message.
    pub(super) complaint: String,
}

impl<'a> Systemctl<'a> {
    pub(super) fn of(enter: &'a Enter) -> Systemctl<'a> {
        Systemctl { enter, debug: false }
    }

    /// Says what is done.
    pub(super) fn debug(self, debug: bool) -> Systemctl<'a> {
        Systemctl { debug, ..self }
    }

    /// Gives it an order and waits until that is done.
    pub(super) fn ask(self, words: &[&str]) -> Result<Answer, Failure> {
        let all = self.enter.words([PROGRAM].into_iter().chain(words.iter().copied()));
        let mut command = Command::new(&all[0]);
        command.args(&all[1..]).env_clear().stdin(Stdio::null());
        if let Some(path) = env::var_os("PATH") {
            command.env("PATH", path);
        }
        if self.debug {
            warn(format_args!("{command:?}"));
        }
        let output = command.output().map_err(at("run the program", Path::new(&all[0])))?;
        if self.debug {
            warn(String::from_utf8_lossy(&output.stderr).trim_end());
        }
        Ok(Answer::of(&output, words))
    }

    /// The same with an order that must be done.
    pub(super) fn order(self, words: &[&str]) -> Result<Answer, Failure> {
        let answer = self.ask(words)?;
        if answer.code == 0 { Ok(answer) } else { Err(Failure::new(answer.complaint)) }
    }

    /// Reads the units again.
    pub(super) fn reload(self) -> Result<(), Failure> {
        self.order(&["daemon-reload"]).map(drop)
    }

    /// The version of systemd.
    pub(super) fn version(self) -> Result<u32, Failure> {
        let answer = self.order(&["--version"])?;
        parse_version(answer.said.as_bytes()).ok_or_else(|| {
            let line = answer.said.lines().next().unwrap_or_default();
            Failure::new(format!("{PROGRAM} of the pod does not tell its version, but \"{line}\""))
        })
    }
}

impl Answer {
    fn of(output: &Output, words: &[&str]) -> Answer {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint = match complaint.trim() {
            "" => output.status.to_string(),
            text => text.to_owned(),
        };
        Answer {
            code: output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX),
            said: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaint: format!("systemctl {} in the pod: {complaint}", words.join(" ")),
        }
    }
}
