//! Processes of a pod that is over: what stage1 has not ended.
//!
//! A pod counts as over when nobody holds its lock. When the program that held it was killed, such as nspawn, the
//! pod's own processes may go on; their files must not be deleted under them.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use host::mountinfo::Mount;
use host::processes::{Identity, is_ending, rooted_in};
use pod::{Pod, layout};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};

use crate::error::{Context as _, Failure};
use crate::stage1::call::PodStage1;

/// How long processes may take to end once they were killed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long none of them may be ending before they count as spared.
const CALM: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(20);

/// Processes that were seen in a pod. They count as long as they live, wherever their root is by then: taking mounts away,
/// as stage1 may do, cuts a process off from the place where it was.
#[derive(Debug, Default)]
pub struct Seen {
    processes: Vec<(u32, OwnedFd)>,
}

impl Seen {
    /// The processes that have their root in the pod now.
    ///
    /// # Errors
    /// If the pod's directory or `/proc` cannot be read.
    pub fn of(pod: &Pod) -> Result<Self, Failure> {
        let mut seen = Self::default();
        seen.look(pod)?;
        Ok(seen)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Adds what has come, and drops what has ended.
    fn look(&mut self, pod: &Pod) -> Result<(), Failure> {
        self.processes.retain(|(_, process)| !has_ended(process));
        for pid in rooted(pod)? {
            if self.processes.iter().any(|(known, _)| *known == pid) {
                continue;
            }
            let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let opened = number.map(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()));
            match opened {
                Some(Ok(process)) if !has_ended(&process) => self.processes.push((pid, process)),
                // It has ended meanwhile.
                Some(Ok(_) | Err(Errno::SRCH)) | None => {}
                Some(Err(errno)) => return Err(io::Error::from(errno).into()),
            }
        }
        Ok(())
    }

    /// Waits until all have ended, and no others have come, as long as some are ending.
    ///
    /// # Errors
    /// If some go on; it names them.
    pub fn wait_until_gone(mut self, pod: &Pod) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        let mut calm_since = None;
        loop {
            self.look(pod)?;
            if self.is_empty() {
                return Ok(());
            }
            let now = Instant::now();
            if self.processes.iter().any(|(pid, _)| is_ending(*pid)) {
                calm_since = None;
            } else {
                calm_since.get_or_insert(now);
            }
            if now >= end || calm_since.is_some_and(|since| now - since >= CALM) {
                let left: Vec<_> = self.processes.iter().map(|(pid, _)| pid.to_string()).collect();
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
}

/// Whether a process has ended; its parent need not have waited for it.
fn has_ended(process: &OwnedFd) -> bool {
    let mut wanted = [PollFd::new(process, PollFlags::IN)];
    rustix::event::poll(&mut wanted, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// The processes that have their root in the pod.
fn rooted(pod: &Pod) -> Result<Vec<u32>, Failure> {
    let mut places = vec![Identity::of(pod.lock_fd())?];
    // Where it is mounted it is a file system of its own, with an identity that holds in other mount namespaces too.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(pod.lock_fd(), layout::STAGE1_ROOTFS, flags, Mode::empty()) {
        Ok(rootfs) => places.push(Identity::of(rootfs.as_fd())?),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
        Err(errno) => return Err(io::Error::from(errno).into()),
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
    let seen = Seen::of(pod)?;
    if seen.is_empty() {
        return Ok(());
    }
    let failed = || format!("cannot end what is left of pod \"{}\"", pod.uuid());
    PodStage1::of(pod)?.stop(pod, true).context(failed())?;
    seen.wait_until_gone(pod).context(failed())
}
