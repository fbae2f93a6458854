//! `gc`: takes away what a pod has left outside of its directory: processes, control groups, the journal's link. Called again,
//! or after a reboot, it finds nothing to do.

use super::init::journal::HOST_DIRECTORY;
use super::nspawn::machine_id;
use super::{cgroup, processes};
use crate::failure::{Failure, at, warn};
use crate::pod_dir::working_directory;
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
    let ended = processes::end_container(&dir);
    if args.debug
        && let Ok(count @ 1..) = ended
    {
        warn(format_args!("gc: {count} processes of the pod had outlived systemd-nspawn"));
    }
    let journal = unlink_journal(&Path::new(HOST_DIRECTORY).join(machine_id(args.uuid)));
    let groups = remove_groups(&dir);
    ended?;
    journal?;
    groups?;
    Ok(ExitCode::SUCCESS)
}

/// Takes the link away that was made when the pod started; a directory would hold the host's own logs.
fn unlink_journal(link: &Path) -> Result<(), Failure> {
    match fs::read_link(link) {
        Ok(_) => fs::remove_file(link).map_err(at("remove", link)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::NotADirectory
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(at("look at", link)(error)),
    }
}

fn remove_groups(dir: &Path) -> Result<(), Failure> {
    let Some(group) = processes::subcgroup(dir) else { return Ok(()) };
    let host = cgroup::Host::look()?;
    if !host.all_reachable() {
        // Groups outlive their hierarchy's last mount.
        cgroup::own_mounts()?;
        cgroup::mount_missing(&host)?;
    }
    cgroup::remove(&host, &group)
}
