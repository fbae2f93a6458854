//! `rkt app …` and `rkt attach`: the apps of pods that change while they run, and their streams.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

use crate::pod::{EnterArgs, NamesArgs, Stage1Args};
use crate::{AppArgs, go_bool};

/// The commands below `rkt app`.
#[derive(Debug, Clone, Subcommand)]
#[command(infer_subcommands = true)]
pub enum AppCommand {
    /// Run a new pod without apps, to which apps can be added
    Sandbox(Box<SandboxArgs>),
    /// Add an app to a running pod; it is not started
    Add(Box<AppAddArgs>),
    /// Start an app that was added
    Start(AppNameArgs),
    /// Stop an app that runs
    Stop(AppNameArgs),
    /// Take an app out of its pod, with its files
    Rm(AppNameArgs),
    /// List the apps of a pod
    List(AppListArgs),
    /// Show the state of one app
    Status(AppStatusArgs),
    /// Run a command inside a running app; the same as `rkt enter`
    Exec(EnterArgs),
}

/// Arguments of `rkt app sandbox`.
#[derive(Debug, Clone, Args)]
#[command(
    next_help_heading = "Pod options",
    after_help = "The stage1 image must be able to change pods that run, as those with systemd are; fly is not."
)]
pub struct SandboxArgs {
    /// Write the UUID of the pod to this file as soon as there is one
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub uuid_file_save: Option<PathBuf>,
    /// Copy the images instead of mounting them with overlayfs
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub no_overlay: bool,
    /// Networks, as far as the stage1 image makes any [default: default]
    #[arg(long, value_name = "LIST", action = ArgAction::Append)]
    pub net: Vec<String>,
    /// Port of the pod on the host: NAME:PROTOCOL:PODPORT:HOSTIP:HOSTPORT
    #[arg(long, value_name = "PORT", allow_hyphen_values = true, action = ArgAction::Append)]
    pub port: Vec<String>,
    /// Annotation of the pod: NAME=VALUE
    #[arg(long, value_name = "N=V", allow_hyphen_values = true, action = ArgAction::Append)]
    pub annotation: Vec<String>,
    /// User annotation of the pod: NAME=VALUE
    #[arg(long, value_name = "N=V", allow_hyphen_values = true, action = ArgAction::Append)]
    pub user_annotation: Vec<String>,
    /// User label of the pod: NAME=VALUE
    #[arg(long, value_name = "N=V", allow_hyphen_values = true, action = ArgAction::Append)]
    pub user_label: Vec<String>,
    /// Choice of stage1.
    #[command(flatten)]
    pub stage1: Stage1Args,
    /// What the pod is called, and what it knows of others.
    #[command(flatten)]
    pub names: NamesArgs,
}

/// Arguments of `rkt app add`.
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "rkt app add UUID IMAGE [APP OPTIONS] [-- ARGS…]",
    after_help = "IMAGE is the ID (a prefix will do) or name[:version] of an image in the store. ARGS replace the arguments \
                  that the image gives its program."
)]
pub struct AppAddArgs {
    /// Flags of the app.
    #[command(flatten)]
    pub app: AppArgs,
    /// Volume of this app alone, and where it appears:
    /// name=NAME,kind=host|empty,target=PATH[,source=PATH][,readOnly=BOOL][,recursive=BOOL][,mode=MODE][,uid=N][,gid=N]
    #[arg(long, value_name = "VOLUME", allow_hyphen_values = true, action = ArgAction::Append)]
    pub mnt_volume: Vec<String>,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID", help_heading = None)]
    pub uuid: String,
    /// Image of the app
    #[arg(value_name = "IMAGE", help_heading = None)]
    pub image: String,
    /// Arguments of its program
    #[arg(value_name = "ARGS", help_heading = None, last = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// Arguments of `rkt app start`, `stop` and `rm`.
#[derive(Debug, Clone, Args)]
pub struct AppNameArgs {
    /// The app
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub app: Option<String>,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID")]
    pub uuid: String,
}

/// Arguments of `rkt app list`.
#[derive(Debug, Clone, Args)]
pub struct AppListArgs {
    /// No header line
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub no_legend: bool,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID")]
    pub uuid: String,
}

/// Arguments of `rkt app status`.
#[derive(Debug, Clone, Args)]
pub struct AppStatusArgs {
    /// The app
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub app: Option<String>,
    /// json or json-pretty instead of lines
    #[arg(long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub format: Option<String>,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID")]
    pub uuid: String,
}

/// Arguments of `rkt attach`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "An app has streams to attach to when it was given --stdin, --stdout or --stderr with stream or tty."
)]
pub struct AttachArgs {
    /// The app, if the pod has several
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub app: Option<String>,
    /// auto for all streams there are, list to name them, or a comma list of stdin, stdout, stderr or of tty, tty-in,
    /// tty-out
    #[arg(long, value_name = "MODE", allow_hyphen_values = true, default_value = "auto")]
    pub mode: String,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID")]
    pub uuid: String,
}
