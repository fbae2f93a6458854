//! Flags that belong to one image of a pod: on the command line they follow it.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::go_bool;

/// Flags of one app. Before the first image only `--mount` is allowed, and then holds for every app of the pod.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "App options (each after the image it is for)")]
pub struct AppArgs {
    /// Detached signature of the image
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, action = ArgAction::Append)]
    pub signature: Vec<PathBuf>,
    /// Program to run instead of the image's own
    #[arg(long, value_name = "PROGRAM", allow_hyphen_values = true, action = ArgAction::Append)]
    pub exec: Vec<String>,
    /// Working directory inside the app
    #[arg(long, value_name = "DIR", allow_hyphen_values = true)]
    pub working_dir: Option<String>,
    /// Mount the app's root file system read-only
    #[arg(long, value_name = "BOOL", value_parser = go_bool, allow_hyphen_values = true)]
    pub readonly_rootfs: Option<bool>,
    /// Where a volume appears: volume=NAME,target=PATH; before the first image it holds for all apps
    #[arg(long, value_name = "MOUNT", allow_hyphen_values = true, action = ArgAction::Append)]
    pub mount: Vec<String>,
    /// User to run as: a name, a number or a path inside the image
    #[arg(long, value_name = "USER", allow_hyphen_values = true)]
    pub user: Option<String>,
    /// Group to run as: a name, a number or a path inside the image
    #[arg(long, value_name = "GROUP", allow_hyphen_values = true)]
    pub group: Option<String>,
    /// Further groups, as a comma list of numbers
    #[arg(long, value_name = "GIDS", allow_hyphen_values = true, action = ArgAction::Append)]
    pub supplementary_gids: Vec<String>,
    /// Name of the app in the pod [default: the end of the image's name]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub name: Option<String>,
    /// Annotation of the app: NAME=VALUE
    #[arg(long, value_name = "N=V", allow_hyphen_values = true, action = ArgAction::Append)]
    pub annotation: Vec<String>,
    /// User annotation of the app: NAME=VALUE
    #[arg(long, value_name = "N=V", allow_hyphen_values = true, action = ArgAction::Append)]
    pub user_annotation: Vec<String>,
    /// User label of the app: NAME=VALUE
    #[arg(long, value_name = "N=V", allow_hyphen_values = true, action = ArgAction::Append)]
    pub user_label: Vec<String>,
    /// Environment variable of this app: NAME=VALUE
    #[arg(long, value_name = "N=V", allow_hyphen_values = true, action = ArgAction::Append)]
    pub environment: Vec<String>,
    /// Memory limit, such as 64M or 1Gi
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub memory: Option<String>,
    /// Processor limit, such as 500m for half a processor
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub cpu: Option<String>,
    /// Processor weight, 2 to 262144
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub cpu_shares: Option<String>,
    /// Capabilities to keep, as a comma list
    #[arg(long, alias = "cap-retain", value_name = "LIST", allow_hyphen_values = true)]
    pub caps_retain: Option<String>,
    /// Capabilities to take away, as a comma list
    #[arg(long, alias = "cap-remove", value_name = "LIST", allow_hyphen_values = true)]
    pub caps_remove: Option<String>,
    /// System call filter: mode=retain|remove[,errno=NAME],CALL,…
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    pub seccomp: Option<String>,
    /// How soon the kernel ends the app when memory is short, -1000 (last) to 1000
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub oom_score_adj: Option<String>,
    /// Standard input: null, or stream or tty to be attached to
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    pub stdin: Option<String>,
    /// Standard output: log, null, or stream or tty to be attached to
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    pub stdout: Option<String>,
    /// Standard error: log, null, or stream or tty to be attached to
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    pub stderr: Option<String>,
}

/// The flags of one app as a command of their own, to parse what follows one image.
pub fn app_command() -> clap::Command {
    AppArgs::augment_args(clap::Command::new("rkt").no_binary_name(true).args_override_self(true))
}
