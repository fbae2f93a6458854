//! The command tree of `rkt`: names, flags, defaults and help, and nothing else.
//!
//! It lives in a crate of its own so that man pages and completions are made from the same source that `rkt` parses
//! with, without running `rkt`. What a value means is decided by `rkt`; here it is text.
//!
//! Flags follow the habits of the original: booleans are written `--flag` or `--flag=false` with Go's spellings of
//! true and false, a flag given twice keeps its last value unless it collects values, and a command name may be cut
//! to any prefix that is not ambiguous.
#![expect(
    rustdoc::broken_intra_doc_links,
    reason = "comments on arguments are their help texts, where brackets mean what may be left out"
)]

mod app;
mod apps;
mod image;
mod pod;
mod values;

pub use app::{AppArgs, app_command};
pub use apps::{AppAddArgs, AppCommand, AppListArgs, AppNameArgs, AppStatusArgs, AttachArgs, SandboxArgs};
pub use image::{
    FetchArgs, ImageCommand, ImageExportArgs, ImageExtractArgs, ImageGcArgs, ImageListArgs, ImageNameArgs,
    ImagesArgs,
};
pub use pod::{
    CatManifestArgs, EnterArgs, ExportArgs, GcArgs, NamesArgs, NetworkArgs, PrepareArgs, PrepareOnlyArgs,
    PullArgs, RmArgs, RunArgs, RunOnlyArgs, RunPreparedArgs, Stage1Args, StatusArgs, StopArgs,
};
pub use values::{TableArgs, go_bool};

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The whole command line.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "rkt",
    about = "Runs application containers in pods",
    long_about = "Runs application containers in pods.\n\nA pod is made of one or more App Container images and a stage1 image, \
                  which decides how the apps are isolated. There is no daemon: `rkt run` becomes the pod.",
    infer_subcommands = true,
    args_override_self = true,
    disable_version_flag = true,
    max_term_width = 110,
    after_help = "Command names may be shortened as long as they stay unambiguous. `rkt help COMMAND` explains one."
)]
pub struct Rkt {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do; its absence is an error of its own.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes, before or after its name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Say more, and print errors with all their causes
    #[arg(long, global = true, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub debug: bool,
    /// Data directory: images, pods and their locks [default: /var/lib/rkt, or `data` of the paths configuration]
    #[arg(long, global = true, value_name = "DIR", allow_hyphen_values = true)]
    pub dir: Option<PathBuf>,
    /// Configuration that came with the system
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        allow_hyphen_values = true,
        default_value = "/usr/lib/rkt"
    )]
    pub system_config: PathBuf,
    /// Configuration of this machine; wins over the system's
    #[arg(long, global = true, value_name = "DIR", allow_hyphen_values = true, default_value = "/etc/rkt")]
    pub local_config: PathBuf,
    /// One more directory of configuration; wins over both
    #[arg(long, global = true, value_name = "DIR", allow_hyphen_values = true)]
    pub user_config: Option<PathBuf>,
    /// What not to insist on: a comma list of none, image, tls, ondisk, http, pubkey, capabilities, paths, seccomp,
    /// all-fetch, all-run, all
    #[arg(long, global = true, value_name = "LIST", allow_hyphen_values = true, default_value = "none")]
    pub insecure_options: Vec<String>,
    /// Accept keys that were found over https without asking
    #[arg(long, global = true, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true, hide = true)]
    pub trust_keys_from_https: bool,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run images in a new pod
    Run(Box<RunArgs>),
    /// Make a pod ready without starting it, and print its UUID
    Prepare(Box<PrepareArgs>),
    /// Start a pod that `rkt prepare` made
    RunPrepared(RunPreparedArgs),
    /// Run a command inside a running pod
    Enter(EnterArgs),
    /// Attach to the streams of an app
    Attach(AttachArgs),
    /// Make pods whose apps come and go, and change them
    #[command(subcommand)]
    App(AppCommand),
    /// List the pods
    List(TableArgs),
    /// Show the state of one pod, or wait for it
    Status(StatusArgs),
    /// Stop running pods
    Stop(StopArgs),
    /// Remove pods that do not run
    Rm(RmArgs),
    /// Collect what exited pods and broken-off commands left
    Gc(GcArgs),
    /// Print the manifest of a pod
    CatManifest(CatManifestArgs),
    /// Write an app of an exited pod as an image
    Export(ExportArgs),
    /// Put images into the store
    Fetch(FetchArgs),
    /// Look at and handle the images in the store
    #[command(subcommand)]
    Image(ImageCommand),
    /// Print the configuration as rkt understood it
    Config(ConfigArgs),
    /// Tell which flavors of stage1 this machine can run, and why
    #[command(
        long_about = "Tell which flavors of stage1 this machine can run, and why.\n\nWhat is told is read from the kernel \
                      or found by trying calls that change nothing; running a pod may still meet with more. It is \
                      about the machine alone: which images are installed is another matter. Run it as root, since \
                      pods need root."
    )]
    CheckHost(CheckHostArgs),
    /// Print versions and features
    Version(VersionArgs),
    /// Trust a signing key
    #[command(hide = true)]
    Trust(LaterArgs),
    /// Serve pods and images over gRPC
    #[command(hide = true)]
    ApiService(LaterArgs),
    /// Serve metadata to pods
    #[command(hide = true)]
    MetadataService(LaterArgs),
    /// Print a completion script
    #[command(hide = true)]
    Completion(LaterArgs),
}

/// Arguments of a command that is known but not there yet: anything.
#[derive(Debug, Clone, Args)]
#[command(disable_help_flag = true)]
pub struct LaterArgs {
    /// Whatever was typed
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub rest: Vec<std::ffi::OsString>,
}

/// Arguments of `rkt config`.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// Indent the JSON
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "true", default_missing_value = "true")]
    pub pretty_print: bool,
}

/// Arguments of `rkt check-host`.
#[derive(Debug, Clone, Args)]
#[command(
    after_long_help = "Exit codes: 0 if the flavor of the default stage1 image works here, with notes or without \
                             (also if that image is of no flavor that rkt knows); 1 if it does not; 254 if it could \
                             not be checked."
)]
pub struct CheckHostArgs {
    /// Print one JSON object
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub json: bool,
}

/// Arguments of `rkt version`.
#[derive(Debug, Clone, Args)]
pub struct VersionArgs {
    /// Print one JSON object
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub json: bool,
}
