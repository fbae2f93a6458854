//! `gc`: takes away what `run` has mounted. Does nothing where nothing is mounted: called twice, or
//! after a reboot.

use super::mounts;
use crate::failure::{Failure, at, warn};
use crate::pod_dir::working_directory;
use pod::layout;
use pod::protocol::GcArgs;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = GcArgs::decode(program, arguments)?;
    let dir = working_directory()?;
    if dir.file_name() != Some(args.uuid.to_string().as_ref()) {
        return Err(Failure::new(format!("{} is not the directory of pod {}", dir.display(), args.uuid))
            .hint("this program is started by rkt gc or rkt rm in the pod's directory"));
    }
    // The manifests are not needed, and may be gone.
    let apps = dir.join(layout::STAGE1_ROOTFS).join(layout::STAGE2);
    let entries = match fs::read_dir(&apps) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(at("read the directory", &apps)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(at("read the directory", Path::new(&apps)))?;
        let rootfs = entry.path().join("rootfs");
        // A link would lead to somebody else's mounts.
        let is_directory = |path: &Path| fs::symlink_metadata(path).is_ok_and(|stat| stat.is_dir());
        if !is_directory(&entry.path()) || !is_directory(&rootfs) {
            continue;
        }
        let count = mounts::clear(&dir, &rootfs)?;
        if args.debug {
            warn(format_args!("fly-gc: {count} mounts taken away below {}", rootfs.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
