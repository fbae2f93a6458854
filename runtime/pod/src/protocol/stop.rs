//! Arguments of the stop entry point.

use super::DecodeError;
use super::goflags::{self, Flag, FlagKind};
use crate::uuid::Uuid;
use std::ffi::OsString;

/// What stage0 tells stage1 when a running pod is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopArgs {
    /// Say what is done. Stage0 never sets it.
    pub debug: bool,
    /// Do not wait for the apps to clean up.
    pub force: bool,
    /// The pod.
    pub uuid: Uuid,
}

const FLAGS: &[Flag] = &[
    Flag { name: "debug", kind: FlagKind::Switch, help: "Run in debug mode" },
    Flag { name: "force", kind: FlagKind::Switch, help: "Forced stopping" },
];

impl StopArgs {
    /// The arguments without the program's path.
    pub fn encode(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        if self.debug {
            args.push("--debug".into());
        }
        if self.force {
            args.push("--force".into());
        }
        args.push(self.uuid.to_string().into());
        args
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// [`DecodeError`]: end with code 2 for wrong flags, 254 for a wrong UUID.
    pub fn decode(program: &str, args: impl IntoIterator<Item = OsString>) -> Result<StopArgs, DecodeError> {
        let parsed = goflags::parse(program, FLAGS, args)?;
        Ok(StopArgs {
            debug: parsed.is_set("debug"),
            force: parsed.is_set("force"),
            uuid: super::uuid(&parsed.rest)?,
        })
    }
}
