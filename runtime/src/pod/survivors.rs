//! Processes of a pod that is over: what stage1 has not ended.
//!
//! A pod counts as over when nobody holds its lock. When the program that held it was killed, such as nspawn, the
//! pod's own processes may go on; their files must not be deleted under them.

use std::os::fd::AsFd as _;
use std::thread;
use std::time::{Duration, Instant};

use host::mountinfo::Mount;
use host::processes::{Identity, is_ending, rooted_in};
use pod::{Pod, layout};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Context as _, Failure};
use crate::stage1::call::PodStage1;

/// How long processes may take to end once they were killed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long none of them may be ending before they count as spared.
const CALM: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(20);

/// The processes that have their root in the pod.
///
/// # Errors
/// If the pod's directory or `/proc` cannot be read.
pub fn of(pod: &Pod) -> Result<Vec<u32>, Failure> {
    let mut places = vec![Identity::of(pod.lock_fd())?];
    // Where it is mounted it is a file system of its own, with an identity that holds in other mount namespaces too.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(pod.lock_fd(), layout::STAGE1_ROOTFS, flags, Mode::empty()) {
        Ok(rootfs) => places.push(Identity::of(rootfs.as_fd())?),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
        Err(errno) => return Err(std::io::Error::from(errno).into()),
    }
    // Where it is not mounted here, only the options of the mount that the process sees tell whose it is.
    let upper = format!("/{}/{}/", pod.uuid(), layout::OVERLAY);
    let is_ours = |mount: &Mount| {
        mount.fs_type == "overlay" && mount.options.windows(upper.len()).any(|part| part == upper.as_bytes())
    };
    rooted_in(&places, is_ours).context(format!("cannot look for processes of pod \"{}\"", pod.uuid()))
}

/// Has stage1 end them, if there are any, and waits until they have ended.
///
/// # Errors
/// If stage1 fails, or some are left.
pub fn end(pod: &Pod) -> Result<(), Failure> {
    if of(pod)?.is_empty() {
        return Ok(());
    }
    let failed = || format!("cannot end what is left of pod \"{}\"", pod.uuid());
    PodStage1::of(pod)?.stop(pod, true).context(failed())?;
    wait_for_none(pod).context(failed())
}

/// Waits until the pod has no processes, as long as some are ending.
///
/// # Errors
/// If some go on; it names them.
pub fn wait_for_none(pod: &Pod) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    let mut calm_since = None;
    loop {
        let left = of(pod)?;
        if left.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        if left.iter().any(|pid| is_ending(*pid)) {
            calm_since = None;
        } else {
            calm_since.get_or_insert(now);
        }
        if now >= end || calm_since.is_some_and(|since| now - since >= CALM) {
            let left: Vec<_> = left.iter().map(u32::to_string).collect();
            return Err(Failure::new(format!(
                "pod \"{}\" still has processes that its stage1 has not ended: {}",
                pod.uuid(),
                left.join(", ")
            ))
            .hint("end them with `kill -9`, then try again; the pod's files stay until then"));
        }
        thread::sleep(PAUSE);
    }
}
