//! `enterexec`: becomes a command in an app's root, with the app's environment. Runs in the pod.

use super::diagnostic;
use crate::failure::{Failure, at};
use crate::identity;
use crate::system;
use pod::app::binary;
use pod::app::environment::Environment;
use pod::app::users::Credentials;
use pod::root::Root;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Terminal of commands whose caller names none.
const DEFAULT_TERMINAL: &str = "vt100";

/// A command in an app.
#[derive(Debug)]
pub(crate) struct InApp {
    /// Root of the app as the pod sees it.
    pub(crate) root: PathBuf,
    /// Where it starts, inside that root.
    pub(crate) directory: PathBuf,
    /// File of the environment as the pod sees it.
    pub(crate) env_file: PathBuf,
    /// Whom it runs as.
    pub(crate) who: Credentials,
    /// Whether somebody entered: the terminal's type is handed on.
    pub(crate) entered: bool,
    /// Program and arguments.
    pub(crate) command: Vec<OsString>,
}

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let usage = || {
        Failure::new(format!(
            "usage: {program} [-e] ROOT DIRECTORY ENVFILE UID GID[,GID]... PROGRAM [ARGUMENT]..."
        ))
    };
    let (mut entered, mut words, mut plain) = (false, Vec::new(), false);
    for word in arguments {
        match word.to_str() {
            Some("--") if !plain => plain = true,
            Some("-e") if !plain && words.len() < 6 => entered = true,
            _ => words.push(word),
        }
    }
    if words.len() < 6 {
        return Err(usage());
    }
    let command = words.split_off(5);
    let number = |word: &OsStr| word.to_str().and_then(|text| text.parse::<u32>().ok());
    let uid = number(&words[3]).ok_or_else(usage)?;
    let groups: Option<Vec<u32>> = words[4]
        .to_str()
        .map(|list| list.split(',').map(|gid| gid.parse().ok()).collect())
        .ok_or_else(usage)?;
    let groups = groups.filter(|groups| !groups.is_empty()).ok_or_else(usage)?;
    let [root, directory, env_file, ..] = &words[..] else { return Err(usage()) };
    InApp {
        root: root.into(),
        directory: directory.into(),
        env_file: env_file.into(),
        who: Credentials { uid, gid: groups[0], groups },
        entered,
        command,
    }
    .exec()
}

impl InApp {
    /// Becomes the command. Returns only a failure.
    pub(crate) fn exec(&self) -> Result<ExitCode, Failure> {
        let Some(first) = self.command.first() else {
            return Err(Failure::new("no command to run").hint("name one: rkt enter UUID COMMAND"));
        };
        let root = Root::open(&self.root).map_err(at("use as root of the app", &self.root))?;
        let environment = self.environment()?;
        let found = binary::find(&root, first, &self.directory, environment.get("PATH"));
        let found =
            found.map_err(|problem| Failure::new(format!("exec failed: {problem}")).hint(problem.hint()))?;
        let directory = identity::open_directory(&root, self.directory.as_os_str())?;
        let way_back = identity::go_into(&root, &directory).map_err(at("chroot to", root.path()))?;
        identity::become_user(&self.who).map_err(|error| {
            Failure::new(format!("cannot become user {} and group {}: {error}", self.who.uid, self.who.gid))
        })?;
        let error = system::exec(
            found.as_os_str(),
            self.command.iter().map(OsString::as_os_str),
            environment.entries(),
        );
        let reason = match (error.kind(), way_back.take()) {
            (ErrorKind::NotFound | ErrorKind::PermissionDenied, Ok(())) => {
                diagnostic::explain(&self.root, &found).ok().flatten()
            }
            _ => None,
        };
        let reason = reason.map(|text| format!("\n{text}")).unwrap_or_default();
        Err(Failure::new(format!("exec failed: \"{}\": {error}{reason}", found.display())))
    }

    fn environment(&self) -> Result<Environment, Failure> {
        let mut environment = match fs::read(&self.env_file) {
            Ok(text) => Environment::from_file(&text),
            Err(error) => return Err(at("read", &self.env_file)(error)),
        };
        if self.entered && environment.get("TERM").is_none() {
            environment.set("TERM", env::var_os("TERM").unwrap_or_else(|| DEFAULT_TERMINAL.into()));
        }
        for name in ["LISTEN_FDS", "LISTEN_PID"] {
            if !self.entered
                && let Some(value) = env::var_os(name)
            {
                environment.set(name, value);
            }
        }
        Ok(environment)
    }
}

/// The command in an app as its root user.
pub(crate) fn as_root(app: &str, command: Vec<OsString>) -> InApp {
    InApp {
        root: crate::systemd::names::app_root(app).into(),
        directory: Path::new("/").into(),
        env_file: crate::systemd::names::env_file(app).into(),
        who: Credentials { uid: 0, gid: 0, groups: vec![0] },
        entered: true,
        command,
    }
}
