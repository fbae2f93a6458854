//! Changing the apps of a running pod: `app_add`, `app_start`, `app_stop` and `app_rm`.
//!
//! They run on the host, in the pod's directory. What systemd of the pod is told, it is told by its own client, run in the
//! pod through the enter entry point. Files are written through the root of the pod's first process, which is what systemd
//! sees whatever is mounted where we are.

pub(crate) mod add;
mod mounts;
pub(crate) mod rm;
pub(crate) mod start;
pub(crate) mod stop;
mod systemctl;

use crate::crossing;
use crate::failure::Failure;
use crate::pod_dir::working_directory;
use crate::systemd::enter::First;
use crate::systemd::names;
use pod::layout;
use pod::protocol::Enter;
use pod::root::Root;
use std::os::fd::AsFd;
use systemctl::Systemctl;

/// States of a service that does nothing any more.
const ENDED: [&str; 2] = ["inactive", "failed"];

/// The pod and the app that an entry point is called for.
#[derive(Debug)]
struct Target {
    enter: Enter,
    first: First,
    app: String,
}

impl Target {
    /// Finds the pod by the environment, and checks the name of the app: files are named by it.
    fn find(app: &str) -> Result<Target, Failure> {
        appc::AcName::new(app).map_err(|error| Failure::new(format!("invalid name of an app: {error}")))?;
        names::check(app)?;
        let enter = crossing::enter()?;
        let first = First::open(enter.pid)?;
        Ok(Target { enter, first, app: app.to_owned() })
    }

    fn systemctl(&self) -> Systemctl<'_> {
        Systemctl::of(&self.enter)
    }

    /// Whether the app does not run, or not any more.
    fn has_ended(&self, debug: bool) -> Result<bool, Failure> {
        let answer = self.systemctl().debug(debug).ask(&["is-active", &names::service(&self.app)])?;
        match answer.said.trim() {
            "" => Err(Failure::new(answer.complaint)),
            state => Ok(ENDED.contains(&state)),
        }
    }

    /// The root of stage1 as the pod sees it.
    fn root(&self) -> Result<Root, Failure> {
        let path = working_directory()?.join(layout::STAGE1_ROOTFS);
        let fd = self.first.root().as_fd().try_clone_to_owned();
        let fd = fd.map_err(|error| Failure::new(format!("cannot copy a descriptor: {error}")))?;
        Ok(Root::from_fd(fd, path))
    }
}
