//! The commands that make, start, watch and remove pods.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::{AppArgs, go_bool};

/// Choosing the stage1 image: at most one of these, once.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Stage1 options (at most one)")]
pub struct Stage1Args {
    /// URL of the stage1 image
    #[arg(long, value_name = "URL", allow_hyphen_values = true, action = ArgAction::Append)]
    pub stage1_url: Vec<String>,
    /// File of the stage1 image
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, action = ArgAction::Append)]
    pub stage1_path: Vec<String>,
    /// Name of the stage1 image, name[:version]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, action = ArgAction::Append)]
    pub stage1_name: Vec<String>,
    /// ID of a stored stage1 image
    #[arg(long, value_name = "ID", allow_hyphen_values = true, action = ArgAction::Append)]
    pub stage1_hash: Vec<String>,
    /// Name of a file in the stage1 images directory
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, action = ArgAction::Append)]
    pub stage1_from_dir: Vec<String>,
}

/// When the store is asked and when the origin of an image.
#[derive(Debug, Clone, Default, Args)]
pub struct PullArgs {
    /// never, new or update: only the store, the store first, or always the image's origin first
    #[arg(long, value_name = "POLICY", allow_hyphen_values = true)]
    pub pull_policy: Option<String>,
    /// Old spelling of --pull-policy=never
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide = true)]
    pub store_only: bool,
    /// Old spelling of --pull-policy=update
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide = true)]
    pub no_store: bool,
}

/// What `run` and `prepare` share besides the apps.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Pod options")]
pub struct PrepareOnlyArgs {
    /// Port of an app on the host, as far as the stage1 image makes networks: NAME:[HOSTIP:]HOSTPORT
    #[arg(long, value_name = "PORT", allow_hyphen_values = true, action = ArgAction::Append)]
    pub port: Vec<String>,
    /// Hand the caller's environment to the apps; what an image sets wins
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub inherit_env: bool,
    /// Copy the images instead of mounting them with overlayfs
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub no_overlay: bool,
    /// Run in a user namespace, with a range of user IDs of the pod's own; needs --no-overlay
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub private_users: bool,
    /// Environment variable of all apps: NAME=VALUE
    #[arg(long, value_name = "N=V", allow_hyphen_values = true, action = ArgAction::Append)]
    pub set_env: Vec<String>,
    /// File of environment variables, a line each
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, action = ArgAction::Append)]
    pub set_env_file: Vec<PathBuf>,
    /// Manifest to run instead of one made from images and flags
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub pod_manifest: Option<PathBuf>,
    /// Volume of the pod: NAME,kind=host|empty[,source=PATH][,readOnly=BOOL][,recursive=BOOL][,mode=MODE][,uid=N][,gid=N]
    #[arg(long, value_name = "VOLUME", allow_hyphen_values = true, action = ArgAction::Append)]
    pub volume: Vec<String>,
    /// How images are looked for; `new` unless given
    #[command(flatten)]
    pub pull: PullArgs,
}

/// What a pod is called, and where it looks up the names of others.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Start options")]
pub struct NamesArgs {
    /// Name servers, as a comma list of addresses, or `host` or `none`
    #[arg(long, value_name = "IPS", allow_hyphen_values = true, action = ArgAction::Append)]
    pub dns: Vec<String>,
    /// Domain to search for short names
    #[arg(long, value_name = "DOMAIN", allow_hyphen_values = true, action = ArgAction::Append)]
    pub dns_search: Vec<String>,
    /// Option of the resolver
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true, action = ArgAction::Append)]
    pub dns_opt: Vec<String>,
    /// Domain of the pod
    #[arg(long, value_name = "DOMAIN", allow_hyphen_values = true)]
    pub dns_domain: Option<String>,
    /// Lines of /etc/hosts, IP=HOST[,IP=HOST…], or `host` for the host's file
    #[arg(long, value_name = "ENTRIES", allow_hyphen_values = true, action = ArgAction::Append)]
    pub hosts_entry: Vec<String>,
    /// Host name of the pod [default: rkt- and its UUID]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub hostname: Option<String>,
}

/// What starting a pod adds: networks, names and what the app talks to.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Start options")]
pub struct NetworkArgs {
    /// Networks: host, none, or a list of those that the stage1 image can make; fly has `host` alone
    #[arg(long, value_name = "LIST", num_args = 0..=1, require_equals = true, default_missing_value = "default",
          action = ArgAction::Append)]
    pub net: Vec<String>,
    /// What the pod is called, and what it knows of others.
    #[command(flatten)]
    pub names: NamesArgs,
    /// Keep the terminal for the app; one image only
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub interactive: bool,
    /// Register the pod with the metadata service
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide = true)]
    pub mds_register: bool,
    /// Inter-process communication: auto, private or parent
    #[arg(long, value_name = "MODE", allow_hyphen_values = true)]
    pub ipc: Option<String>,
}

/// What only `run` takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Pod options")]
pub struct RunOnlyArgs {
    /// Write the UUID of the pod to this file as soon as there is one
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub uuid_file_save: Option<PathBuf>,
}

/// Arguments of `rkt run`.
///
/// `rkt` cuts the command line into images first; what is parsed with this are the pod's flags, and `app.mount` are
/// the mounts for every app.
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "rkt run [POD OPTIONS] IMAGE [APP OPTIONS] [-- ARGS… [---]] [IMAGE …]",
    after_help = "IMAGE is an image file, an image ID or a name[:version] in the store. `--` starts the arguments of the app \
                  before it, `---` ends them."
)]
pub struct RunArgs {
    /// Choice of stage1.
    #[command(flatten)]
    pub stage1: Stage1Args,
    /// The pod's flags.
    #[command(flatten)]
    pub prepare: PrepareOnlyArgs,
    /// Flags of `run` alone.
    #[command(flatten)]
    pub only: RunOnlyArgs,
    /// Flags of starting.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Flags of the apps.
    #[command(flatten)]
    pub app: AppArgs,
    /// Images to run
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
}

/// Arguments of `rkt prepare`, cut as `rkt run` is.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "rkt prepare [POD OPTIONS] IMAGE [APP OPTIONS] [-- ARGS… [---]] [IMAGE …]")]
pub struct PrepareArgs {
    /// Choice of stage1.
    #[command(flatten)]
    pub stage1: Stage1Args,
    /// The pod's flags.
    #[command(flatten)]
    pub prepare: PrepareOnlyArgs,
    /// Print nothing but the UUID
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub quiet: bool,
    /// Flags of the apps.
    #[command(flatten)]
    pub app: AppArgs,
    /// Images to prepare
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
}

/// Arguments of `rkt run-prepared`.
#[derive(Debug, Clone, Args)]
pub struct RunPreparedArgs {
    /// Flags of starting.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID")]
    pub uuid: String,
}

/// Arguments of `rkt enter`.
#[derive(Debug, Clone, Args)]
pub struct EnterArgs {
    /// App to enter, if the pod has several
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub app: Option<String>,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID")]
    pub uuid: String,
    /// Command and its arguments [default: /bin/bash]
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<std::ffi::OsString>,
}

/// Arguments of `rkt status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Wait until the pod is done: a boolean, or a time such as 10s after which to give up
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", hide_default_value = true)]
    pub wait: String,
    /// Wait until the pod says that it is ready; values as for --wait
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", hide_default_value = true)]
    pub wait_ready: String,
    /// json or json-pretty instead of lines
    #[arg(long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub format: Option<String>,
    /// Read the UUID from this file
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub uuid_file: Option<PathBuf>,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID")]
    pub uuid: Vec<String>,
}

/// Arguments of `rkt stop`.
#[derive(Debug, Clone, Args)]
pub struct StopArgs {
    /// Kill instead of asking
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub force: bool,
    /// Read the UUID from this file
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub uuid_file: Option<PathBuf>,
    /// UUIDs of pods; prefixes will do
    #[arg(value_name = "UUID")]
    pub uuids: Vec<String>,
}

/// Arguments of `rkt rm`.
#[derive(Debug, Clone, Args)]
pub struct RmArgs {
    /// Read the UUID from this file
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub uuid_file: Option<PathBuf>,
    /// UUIDs of pods; prefixes will do
    #[arg(value_name = "UUID")]
    pub uuids: Vec<String>,
}

/// Arguments of `rkt gc`. Times are written as 90s, 30m, 1h30m.
#[derive(Debug, Clone, Args)]
pub struct GcArgs {
    /// Keep pods that exited, and were seen to have exited, within this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "30m")]
    pub grace_period: String,
    /// Keep prepared pods for this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "24h")]
    pub expire_prepared: String,
    /// Only mark what has exited; remove nothing
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub mark_only: bool,
}

/// Arguments of `rkt cat-manifest`.
#[derive(Debug, Clone, Args)]
pub struct CatManifestArgs {
    /// Indent the JSON
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "true", default_missing_value = "true")]
    pub pretty_print: bool,
    /// Read the UUID from this file
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub uuid_file: Option<PathBuf>,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID")]
    pub uuid: Vec<String>,
}

/// Arguments of `rkt export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The app, if the pod has several
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub app: Option<String>,
    /// Replace an existing file
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub overwrite: bool,
    /// UUID of the pod; a prefix will do
    #[arg(value_name = "UUID")]
    pub uuid: String,
    /// File to write
    #[arg(value_name = "OUT.aci")]
    pub output: PathBuf,
}
