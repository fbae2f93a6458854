//! The environment of crossing entry points: those that change a running pod from outside, partly by running
//! commands inside it.
//!
//! Stage0 gives them these variables and `PATH`, nothing else. A command reaches the inside by
//! `ENTERCMD --pid=ENTERPID [--appname=ENTERAPP] -- COMMAND…`, with the pod's directory as working directory.

use super::EnterArgs;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Path of the enter entry point.
pub const ENV_ENTER_COMMAND: &str = "RKT_STAGE1_ENTERCMD";
/// The pod's first process.
pub const ENV_ENTER_PID: &str = "RKT_STAGE1_ENTERPID";
/// App to enter; stage0 never sets it.
pub const ENV_ENTER_APP: &str = "RKT_STAGE1_ENTERAPP";

/// How a crossing entry point runs a command inside the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enter {
    /// Path of the enter entry point.
    pub command: PathBuf,
    /// The pod's first process.
    pub pid: u32,
    /// App to enter; empty for the root of stage1.
    pub app: String,
}

/// The environment lacks a variable, or it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {name}: {what}")]
pub struct InvalidEnter {
    /// Which variable.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl Enter {
    /// The environment variables that say it.
    pub fn encode(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![
            (ENV_ENTER_COMMAND, self.command.clone().into_os_string()),
            (ENV_ENTER_PID, self.pid.to_string().into()),
        ];
        if !self.app.is_empty() {
            variables.push((ENV_ENTER_APP, self.app.clone().into()));
        }
        variables
    }

    /// Reads the environment through `get`, such as `std::env::var_os`.
    ///
    /// # Errors
    /// [`InvalidEnter`] when the command or the process is missing, or what is no process ID.
    pub fn decode(get: impl Fn(&'static str) -> Option<OsString>) -> Result<Enter, InvalidEnter> {
        let required = |name| {
            let value = get(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| InvalidEnter { name, what: "not set; rkt sets it".to_owned() })
        };
        let command = PathBuf::from(required(ENV_ENTER_COMMAND)?);
        let pid = required(ENV_ENTER_PID)?;
        let pid = match pid.to_str().and_then(|pid| pid.parse().ok()) {
            None | Some(0) => {
                let what = format!("\"{}\" is not a process ID", pid.to_string_lossy());
                return Err(InvalidEnter { name: ENV_ENTER_PID, what });
            }
            Some(pid) => pid,
        };
        let app = get(ENV_ENTER_APP).unwrap_or_default().to_string_lossy().into_owned();
        Ok(Enter { command, pid, app })
    }

    /// The words that run a command inside: the program, then its arguments.
    pub fn words<Word: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = Word>) -> Vec<OsString> {
        let command = command.into_iter().map(|word| word.as_ref().to_owned()).collect();
        let args = EnterArgs { debug: false, pid: self.pid, app: self.app.clone(), command };
        let mut words = vec![self.command.clone().into_os_string()];
        words.extend(args.encode());
        words
    }
}
