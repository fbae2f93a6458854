//! How stage0 calls the entry points of a stage1 image.
//!
//! One table of flags per entry point, an encoder for stage0 and a decoder for stage1. The order of
//! encoded arguments, and what is left out for an image of a lower interface version, follow the
//! original; the decoder takes any order.

pub mod app;
mod attach;
mod crossing;
mod dns;
mod enter;
mod gc;
pub mod goflags;
mod net;
mod private_users;
mod run;
mod stdio;
mod stop;
mod words;

pub use app::{AppAddArgs, AppArgs};
pub use attach::{AttachAction, AttachArgs, Streams};
pub use crossing::{ENV_ENTER_APP, ENV_ENTER_COMMAND, ENV_ENTER_PID, Enter, InvalidEnter};
pub use dns::{DnsConfMode, HostsMode, ResolvMode};
pub use enter::EnterArgs;
pub use gc::GcArgs;
pub use goflags::{Flag, FlagKind, Usage};
pub use net::{InvalidNet, Net, NetList};
pub use private_users::{InvalidPrivateUsers, PrivateUsers};
pub use run::{Omission, RunArgs};
pub use stdio::{InputMode, OutputMode};
pub use stop::StopArgs;

/// The highest interface version that this crate can encode.
pub const INTERFACE_VERSION: u32 = 6;

/// Environment variable with the number of the descriptor that holds the pod's lock.
pub const ENV_LOCK_FD: &str = "RKT_LOCK_FD";
/// Environment variable with the `SELinux` label for processes; may be empty.
pub const ENV_SELINUX_CONTEXT: &str = "RKT_SELINUX_CONTEXT";
/// Environment variable with the `SELinux` label for mounts; may be empty.
pub const ENV_SELINUX_MOUNT_CONTEXT: &str = "RKT_SELINUX_MOUNT_CONTEXT";

/// Annotations: of stage1 image manifests, of pods and of their apps.
pub mod annotation {
    /// Of a stage1 image: interface version, a decimal number; 1 when absent.
    pub const INTERFACE_VERSION: &str = "coreos.com/rkt/stage1/interface-version";
    /// Of a stage1 image: path of the run entry point.
    pub const RUN: &str = "coreos.com/rkt/stage1/run";
    /// Of a stage1 image: path of the enter entry point.
    pub const ENTER: &str = "coreos.com/rkt/stage1/enter";
    /// Of a stage1 image: path of the gc entry point.
    pub const GC: &str = "coreos.com/rkt/stage1/gc";
    /// Of a stage1 image: path of the stop entry point.
    pub const STOP: &str = "coreos.com/rkt/stage1/stop";
    /// Of a stage1 image: path of the entry point that adds an app.
    pub const APP_ADD: &str = "coreos.com/rkt/stage1/app/add";
    /// Of a stage1 image: path of the entry point that removes an app.
    pub const APP_RM: &str = "coreos.com/rkt/stage1/app/rm";
    /// Of a stage1 image: path of the entry point that starts an app.
    pub const APP_START: &str = "coreos.com/rkt/stage1/app/start";
    /// Of a stage1 image: path of the entry point that stops an app.
    pub const APP_STOP: &str = "coreos.com/rkt/stage1/app/stop";
    /// Of a stage1 image: path of the attach entry point.
    pub const ATTACH: &str = "coreos.com/rkt/stage1/attach";
    /// Of a pod: `true` when its apps may be added, started, stopped and removed while it runs.
    pub const MUTABLE: &str = "coreos.com/rkt/stage1/mutable";
    /// Of an app in a pod: where its standard input comes from ([`InputMode`](super::InputMode)).
    pub const STDIN: &str = "coreos.com/rkt/stage2/stdin";
    /// Of an app in a pod: where its standard output goes ([`OutputMode`](super::OutputMode)).
    pub const STDOUT: &str = "coreos.com/rkt/stage2/stdout";
    /// Of an app in a pod: where its standard error goes ([`OutputMode`](super::OutputMode)).
    pub const STDERR: &str = "coreos.com/rkt/stage2/stderr";
}

/// Why an entry point was called wrongly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The flags are wrong: what to print on standard error, and the exit code.
    #[error(transparent)]
    Usage(#[from] Usage),
    /// The pod's UUID is missing or wrong.
    #[error("the last argument must be the UUID of the pod: {0}")]
    Uuid(String),
}

/// The UUID after the flags.
fn uuid(rest: &[std::ffi::OsString]) -> Result<crate::Uuid, DecodeError> {
    match rest {
        [] => Err(DecodeError::Uuid("there is none".to_owned())),
        [uuid] => {
            let text = uuid.to_string_lossy();
            text.parse().map_err(|error: crate::InvalidUuid| DecodeError::Uuid(error.to_string()))
        }
        more => Err(DecodeError::Uuid(format!("there are {} arguments after the flags", more.len()))),
    }
}
