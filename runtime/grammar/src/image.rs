//! `rkt fetch` and `rkt image …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::pod::PullArgs;
use crate::{TableArgs, go_bool};

/// Arguments of `rkt fetch`.
#[derive(Debug, Clone, Args)]
pub struct FetchArgs {
    /// Detached signature of the image; one image only
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub signature: Option<PathBuf>,
    /// Print the whole image ID
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub full: bool,
    /// How images are looked for; `update` unless given
    #[command(flatten)]
    pub pull: PullArgs,
    /// Image files
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
}

/// The commands below `rkt image`.
#[derive(Debug, Clone, Subcommand)]
#[command(infer_subcommands = true)]
pub enum ImageCommand {
    /// List the images in the store
    List(ImageListArgs),
    /// Remove images from the store
    Rm(ImagesArgs),
    /// Print the manifest of an image
    CatManifest(ImageNameArgs),
    /// Remove images and rendered trees that nothing uses
    Gc(ImageGcArgs),
    /// Write a stored image to a file
    Export(ImageExportArgs),
    /// Unpack a stored image as it is
    Extract(ImageExtractArgs),
    /// Unpack a stored image with its dependencies, as a pod sees it
    Render(ImageExtractArgs),
    /// Compare rendered trees with what was rendered
    Verify(ImagesArgs),
    /// The same as `rkt fetch`
    #[command(hide = true)]
    Fetch(FetchArgs),
}

/// Arguments of `rkt image list`.
#[derive(Debug, Clone, Args)]
pub struct ImageListArgs {
    /// Columns: a comma list of id, name, size, importtime, lastused
    #[arg(
        long,
        value_name = "LIST",
        allow_hyphen_values = true,
        value_delimiter = ',',
        default_value = "id,name,size,importtime,lastused"
    )]
    pub fields: Vec<String>,
    /// Columns to sort by: a comma list of name, size, importtime, lastused
    #[arg(
        long,
        value_name = "LIST",
        allow_hyphen_values = true,
        value_delimiter = ',',
        default_value = "importtime"
    )]
    pub sort: Vec<String>,
    /// asc or desc
    #[arg(long, value_name = "ORDER", allow_hyphen_values = true, default_value = "asc")]
    pub order: String,
    /// How the list is printed.
    #[command(flatten)]
    pub table: TableArgs,
}

/// A list of stored images.
#[derive(Debug, Clone, Args)]
pub struct ImagesArgs {
    /// Image ID (a prefix will do) or name[:version]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
}

/// Arguments of `rkt image cat-manifest`.
#[derive(Debug, Clone, Args)]
pub struct ImageNameArgs {
    /// Indent the JSON
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "true", default_missing_value = "true")]
    pub pretty_print: bool,
    /// Image ID (a prefix will do) or name[:version]
    #[arg(value_name = "IMAGE")]
    pub image: String,
}

/// Arguments of `rkt image gc`.
#[derive(Debug, Clone, Args)]
pub struct ImageGcArgs {
    /// Keep images that were used within this time, such as 90m or 24h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "24h")]
    pub grace_period: String,
}

/// Arguments of `rkt image export`.
#[derive(Debug, Clone, Args)]
pub struct ImageExportArgs {
    /// Replace an existing file
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub overwrite: bool,
    /// Image ID (a prefix will do) or name[:version]
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// File to write
    #[arg(value_name = "OUT.aci")]
    pub output: PathBuf,
}

/// Arguments of `rkt image extract` and `rkt image render`.
#[derive(Debug, Clone, Args)]
pub struct ImageExtractArgs {
    /// Only the content of `rootfs`, without the manifest
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub rootfs_only: bool,
    /// Replace an existing directory
    #[arg(long, value_name = "BOOL", value_parser = go_bool, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub overwrite: bool,
    /// Image ID (a prefix will do) or name[:version]
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// Directory to make
    #[arg(value_name = "DIR")]
    pub output: PathBuf,
}
