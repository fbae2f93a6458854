//! Calling stage1's programs for a pod that exists.
//!
//! The program that runs is always the one in the tree store: what is mounted in the pod may have been changed by the
//! pod. Its `argv[0]` is the path in the pod, as the contract with stage1 images says.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use appc::ImageManifest;
use pod::app::environment::DEFAULT_PATH;
use pod::protocol::{Enter, StopArgs};
use pod::{Pod, layout};

use super::entry::{EntryPoint, declared, locate};
use crate::error::{Context as _, Failure};
use crate::store::tree::TreeStoreId;

/// The stage1 image of a pod.
#[derive(Debug)]
pub struct PodStage1 {
    /// Its manifest.
    pub manifest: ImageManifest,
    /// Name of its rendered tree.
    pub tree: TreeStoreId,
}

impl PodStage1 {
    /// Reads what the pod says about it.
    pub fn of(pod: &Pod) -> Result<Self, Failure> {
        let failed = || format!("cannot read the stage1 of pod \"{}\"", pod.uuid());
        let read = |name: &str| {
            pod.read(name)?
                .ok_or_else(|| Failure::new("a file of the pod is missing").at(pod.dir().join(name)))
        };
        let manifest = read(layout::STAGE1_MANIFEST).context(failed())?;
        let manifest = ImageManifest::parse(&manifest)
            .map_err(|error| {
                Failure::from(error).within(format!("{}", pod.dir().join(layout::STAGE1_MANIFEST).display()))
            })
            .context(failed())?;
        let tree =
            String::from_utf8_lossy(&read(layout::STAGE1_TREE_STORE_ID).context(failed())?).into_owned();
        let tree = tree.trim().parse().context(failed())?;
        Ok(Self { manifest, tree })
    }

    /// Root of the stage1 in the tree store.
    pub fn tree_rootfs(&self, pod: &Pod) -> PathBuf {
        pod.data_dir().tree().join(self.tree.to_string()).join("rootfs")
    }

    /// Has the pod end, or with `force` ends it.
    ///
    /// # Errors
    /// If the image has no entry point for it, or that fails.
    pub fn stop(&self, pod: &Pod, force: bool) -> Result<(), Failure> {
        if declared(&self.manifest, EntryPoint::Stop).is_none() {
            let name = &self.manifest.name;
            return Err(Failure::new(format!("rkt stop not implemented for pod's stage1: \"{name}\"")));
        }
        let words = StopArgs { debug: false, force, uuid: pod.uuid() }.encode();
        let status = self.command(pod, EntryPoint::Stop, &words)?.status()?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("the 'stop' entrypoint failed: {status}")))
    }

    /// A call of an entry point with the pod's directory as working directory.
    pub fn command(&self, pod: &Pod, entry: EntryPoint, args: &[OsString]) -> Result<Command, Failure> {
        let program = locate(&self.manifest, &self.tree_rootfs(pod), entry)?;
        let shown = declared(&self.manifest, entry).unwrap_or_default().trim_start_matches('/');
        let dir = pod.dir();
        let mut command = Command::new(program);
        command.arg0(dir.join(layout::STAGE1_ROOTFS).join(shown)).args(args).current_dir(dir);
        Ok(command)
    }

    /// A call of an entry point that reaches into the running pod, by way of its first process.
    pub fn crossing(
        &self,
        pod: &Pod,
        first_process: u32,
        entry: EntryPoint,
        args: &[OsString],
    ) -> Result<Command, Failure> {
        let enter = locate(&self.manifest, &self.tree_rootfs(pod), EntryPoint::Enter)?;
        let enter = Enter { command: enter, pid: first_process, app: String::new() };
        let mut command = self.command(pod, entry, args)?;
        let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
        command.env_clear().envs(enter.encode()).env("PATH", path);
        Ok(command)
    }
}
