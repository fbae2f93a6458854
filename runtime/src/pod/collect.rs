//! Deleting pods: stage1 cleans up, mounts go, then the files.

use std::process::Stdio;

use pod::lock::Kind;
use pod::protocol::GcArgs;
use pod::{Pod, State, layout};

use super::launch::mount_stage1_again;
use super::remove::remove_tree;
use super::survivors::Seen;
use crate::error::{Context as _, Failure};
use crate::session::Session;
use crate::stage1::call::PodStage1;
use crate::stage1::entry::{EntryPoint, interface_version};

/// Deletes a pod that is marked for deletion. `false` if somebody else does so already.
///
/// # Errors
/// If something of it resists. It is left marked, for the next time.
pub fn delete(session: &Session, pod: &mut Pod, prefix: &str) -> Result<bool, Failure> {
    if !pod.try_lock(Kind::Exclusive)? {
        return Ok(false);
    }
    match pod.state() {
        State::ExitedDeleting => {
            let seen = Seen::of(pod)?;
            // What stage1 cannot clean up must not keep the pod from being deleted.
            if let Err(failure) = call_gc(session, pod) {
                eprintln!(
                    "{}",
                    failure.within("error running stage1 gc").render(prefix, session.global.debug)
                );
            }
            seen.wait_until_gone(pod).context(format!("unable to remove pod \"{}\"", pod.uuid()))?;
        }
        State::Deleting => {}
        _ => return Ok(false),
    }
    let dir = pod.dir();
    // Before anything is deleted: below a mount that is left lie files of the host.
    host::mounts::detach_below(&dir)
        .context(format!("unable to unmount what pod \"{}\" has mounted", pod.uuid()))?;
    let left = host::mounts::mounts_below(&dir)?;
    if let Some(mount) = left.first() {
        return Err(Failure::new(format!("pod \"{}\" still has a mount", pod.uuid()))
            .at(&mount.mount_point)
            .hint("unmount it; the pod stays marked for deletion"));
    }
    let state_root = dir.join(pod.stage1_state_root().unwrap_or_else(|_| layout::STAGE1_ROOTFS.into()));
    for path in [&state_root, &dir] {
        remove_tree(path).context(format!("unable to remove pod \"{}\"", pod.uuid()))?;
    }
    Ok(true)
}

/// Has stage1 clean up after a pod that ran, with its overlay mounted if it is made of overlays.
fn call_gc(session: &Session, pod: &Pod) -> Result<(), Failure> {
    let dir = pod.dir();
    if pod.read(layout::STAGE1_MANIFEST)?.is_none() || pod.read(layout::STAGE1_TREE_STORE_ID)?.is_none() {
        // The deletion was broken off once stage1 was gone.
        return Ok(());
    }
    let stage1 = PodStage1::of(pod)?;
    let rootfs = dir.join(layout::STAGE1_ROOTFS);
    if pod.uses_overlay()? && rootfs.exists() && !host::mounts::is_mount_point(&rootfs.canonicalize()?)? {
        mount_stage1_again(pod.data_dir(), &dir, &stage1.tree.to_string())?;
    }
    let args = GcArgs {
        debug: session.global.debug,
        local_config: Some(std::path::absolute(&session.global.local_config)?),
        uuid: pod.uuid(),
    };
    let words = args.encode(interface_version(&stage1.manifest)?);
    let status = stage1
        .command(pod, EntryPoint::Gc, &words)?
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("cannot start the 'gc' entrypoint")?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("the 'gc' entrypoint failed: {status}"))) }
}
