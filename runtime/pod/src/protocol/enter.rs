//! Arguments of the enter entry point.
//!
//! Without an app the command runs in the root of stage1 itself: that is how crossing entry points reach what
//! supervises the apps.

use super::goflags::{self, Flag, FlagKind, Usage};
use std::ffi::OsString;

/// What stage0 tells stage1 when a command is to be run inside an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnterArgs {
    /// Say what is done. Stage0 never sets it.
    pub debug: bool,
    /// The pod's first process.
    pub pid: u32,
    /// The app to enter; empty for the root of stage1.
    pub app: String,
    /// The command and its arguments.
    pub command: Vec<OsString>,
}

const FLAGS: &[Flag] = &[
    Flag { name: "debug", kind: FlagKind::Switch, help: "Run in debug mode" },
    Flag { name: "pid", kind: FlagKind::Value("int"), help: "The PID of the first process of the pod" },
    Flag { name: "appname", kind: FlagKind::Value("string"), help: "The app to enter; none for stage1" },
];

impl EnterArgs {
    /// The arguments without the program's path.
    pub fn encode(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::with_capacity(4 + self.command.len());
        if self.debug {
            args.push("--debug".into());
        }
        args.push(format!("--pid={}", self.pid).into());
        if !self.app.is_empty() {
            args.push(format!("--appname={}", self.app).into());
        }
        args.push("--".into());
        args.extend(self.command.iter().cloned());
        args
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// [`Usage`] for wrong flags.
    pub fn decode(program: &str, args: impl IntoIterator<Item = OsString>) -> Result<EnterArgs, Usage> {
        let parsed = goflags::parse(program, FLAGS, args)?;
        let pid = parsed.text("pid");
        let pid = match pid.parse() {
            Ok(0) | Err(_) => {
                let reason = format!("invalid value \"{pid}\" for flag -pid: not a process ID");
                return Err(goflags::usage(program, FLAGS, &reason));
            }
            Ok(pid) => pid,
        };
        Ok(EnterArgs {
            debug: parsed.is_set("debug"),
            pid,
            app: parsed.text("appname"),
            command: parsed.rest,
        })
    }
}
