//! Arguments of the entry points that change the apps of a running pod.

use super::goflags::{self, Flag, FlagKind, Parsed, Usage};
use crate::uuid::Uuid;
use std::ffi::OsString;

/// Exit code of the entry point that stops an app when the app was not running.
pub const STOP_NOT_RUNNING: u8 = 5;

/// What stage0 tells stage1 when an app is added to a running pod. Its root, its environment and its place in the
/// pod manifest are there by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppAddArgs {
    /// Say what is done.
    pub debug: bool,
    /// The pod.
    pub uuid: Uuid,
    /// The app.
    pub app: String,
}

/// What stage0 tells stage1 when an app of a running pod is started, stopped or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppArgs {
    /// Say what is done.
    pub debug: bool,
    /// The app.
    pub app: String,
}

const DEBUG: Flag = Flag { name: "debug", kind: FlagKind::Switch, help: "Run in debug mode" };
const APP: Flag = Flag { name: "app", kind: FlagKind::Value("string"), help: "The app" };
const UUID: Flag = Flag { name: "uuid", kind: FlagKind::Value("string"), help: "The UUID of the pod" };

impl AppAddArgs {
    /// The arguments without the program's path.
    pub fn encode(&self) -> Vec<OsString> {
        vec![
            format!("--debug={}", self.debug).into(),
            format!("--uuid={}", self.uuid).into(),
            format!("--app={}", self.app).into(),
        ]
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// [`Usage`] for wrong flags, no app, or what is no UUID.
    pub fn decode(program: &str, args: impl IntoIterator<Item = OsString>) -> Result<AppAddArgs, Usage> {
        let flags = &[DEBUG, UUID, APP];
        let parsed = goflags::parse(program, flags, args)?;
        let text = parsed.text("uuid");
        let uuid = text.parse().map_err(|error| {
            goflags::usage(program, flags, &format!("invalid value \"{text}\" for flag -uuid: {error}"))
        })?;
        Ok(AppAddArgs { debug: parsed.is_set("debug"), uuid, app: app(program, flags, &parsed)? })
    }
}

impl AppArgs {
    /// The arguments without the program's path.
    pub fn encode(&self) -> Vec<OsString> {
        vec![format!("--debug={}", self.debug).into(), format!("--app={}", self.app).into()]
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// [`Usage`] for wrong flags, or no app.
    pub fn decode(program: &str, args: impl IntoIterator<Item = OsString>) -> Result<AppArgs, Usage> {
        let flags = &[DEBUG, APP];
        let parsed = goflags::parse(program, flags, args)?;
        Ok(AppArgs { debug: parsed.is_set("debug"), app: app(program, flags, &parsed)? })
    }
}

fn app(program: &str, flags: &[Flag], parsed: &Parsed) -> Result<String, Usage> {
    let app = parsed.text("app");
    if app.is_empty() { Err(goflags::usage(program, flags, "flag -app is required")) } else { Ok(app) }
}
