//! Arguments of the gc entry point.

use super::DecodeError;
use super::goflags::{self, Flag, FlagKind};
use crate::uuid::Uuid;
use std::ffi::OsString;
use std::path::PathBuf;

/// What stage0 tells stage1 when a pod that has run is collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcArgs {
    /// Say what is done.
    pub debug: bool,
    /// Local configuration directory.
    pub local_config: Option<PathBuf>,
    /// The pod.
    pub uuid: Uuid,
}

const FLAGS: &[Flag] = &[
    Flag { name: "debug", kind: FlagKind::Switch, help: "Run in debug mode" },
    Flag { name: "local-config", kind: FlagKind::Value("string"), help: "Local configuration directory" },
];

impl GcArgs {
    /// The arguments for a stage1 image of this interface version, without the program's path.
    pub fn encode(&self, interface_version: u32) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        if self.debug {
            args.push("--debug".into());
        }
        if interface_version >= 5
            && let Some(path) = self.local_config.as_ref().filter(|path| !path.as_os_str().is_empty())
        {
            args.push("--local-config".into());
            args.push(path.into());
        }
        args.push(self.uuid.to_string().into());
        args
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// [`DecodeError`]: end with code 2 for wrong flags, 254 for a wrong UUID.
    pub fn decode(program: &str, args: impl IntoIterator<Item = OsString>) -> Result<GcArgs, DecodeError> {
        let parsed = goflags::parse(program, FLAGS, args)?;
        Ok(GcArgs {
            debug: parsed.is_set("debug"),
            local_config: parsed.value("local-config").map(PathBuf::from),
            uuid: super::uuid(&parsed.rest)?,
        })
    }
}
