//! Pods whose apps are added, started, stopped and removed while they run.

mod add;
mod crossing;
mod remove;

use appc::PodManifest;
use pod::protocol::annotation;
use pod::{ManifestLock, Pod, State, layout};

use super::find::no_app;
use super::inside::Inside;
use super::status::supervisor_is_ready;
use crate::error::{Context as _, Failure};

pub use add::add;
pub use crossing::{start, stop};
pub use remove::remove;

/// Reads the manifest of a pod that must be mutable.
fn manifest(pod: &Pod) -> Result<PodManifest, Failure> {
    let manifest = PodManifest::parse(&pod.manifest_bytes()?)
        .map_err(|error| Failure::from(error).at(pod.dir().join(layout::MANIFEST)))
        .context("cannot read the pod manifest")?;
    if manifest.annotation(annotation::MUTABLE) == Some("true") {
        return Ok(manifest);
    }
    Err(Failure::new(format!(
        "pod \"{}\" is immutable: its apps are those that it was made with",
        pod.uuid()
    ))
    .hint("pods whose apps can change are made with `rkt app sandbox`"))
}

/// The same, with the right to change it.
fn locked_manifest(pod: &Pod) -> Result<(PodManifest, ManifestLock), Failure> {
    // Looked at first: who may not change the pod at all need not wait for those who do.
    manifest(pod)?;
    let lock = pod.lock_manifest().context("cannot lock the pod manifest")?;
    Ok((manifest(pod)?, lock))
}

/// Refuses a name that no app of the pod has.
fn require_app(manifest: &PodManifest, name: &str) -> Result<(), Failure> {
    if manifest.app(name).is_some() {
        return Ok(());
    }
    Err(no_app(name, &manifest.apps.iter().map(|app| app.name.as_str()).collect::<Vec<_>>()))
}

/// Refuses a pod whose supervisor cannot take orders yet.
fn require_supervisor(pod: &Pod) -> Result<(), Failure> {
    if supervisor_is_ready(pod) {
        return Ok(());
    }
    Err(Failure::new(format!("supervisor for pod \"{}\" is not yet ready", pod.uuid()))
        .hint(format!("wait for it with `rkt status --wait-ready {}`", pod.uuid())))
}

/// The root of stage1 as the pod sees it, or where its changes are kept if the pod is over and nothing is mounted.
fn stage1_root(pod: &Pod) -> Result<Inside, Failure> {
    let rootfs = pod.dir().join(layout::STAGE1_ROOTFS);
    if !pod.uses_overlay()? || host::mounts::is_mount_point(&rootfs.canonicalize()?)? {
        return Ok(Inside::open(&rootfs)?);
    }
    if pod.state() == State::Running {
        return Err(Failure::new(format!(
            "the mounts of pod \"{}\" are not to be seen from here",
            pod.uuid()
        ))
        .at(rootfs)
        .hint("run this in the mount namespace in which the pod was started"));
    }
    Ok(Inside::open(&pod.dir().join(pod.stage1_state_root()?))?)
}
