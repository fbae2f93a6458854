//! `rkt prepare`.

use std::io::Write as _;

use grammar::PrepareArgs;

use crate::cli::TypedApp;
use crate::error::{Context as _, Failure};
use crate::pod::request::PodRequest;
use crate::pod::umask::NoMask;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &PrepareArgs, apps: &[TypedApp]) -> Result<u8, Failure> {
    session.require_root()?;
    let request = PodRequest::new(&args.stage1, &args.prepare, &args.app, apps)?;
    let _mask = NoMask::set();
    let mut ready = request.fulfil(session, |_| Ok(()))?;
    // Unlike a pod that runs at once, this one may have to outlive a power cut.
    rustix::fs::syncfs(ready.pod.lock_fd()).map_err(std::io::Error::from).context("error syncing the pod")?;
    ready.pod.to_prepared().context("cannot transition to prepared")?;
    writeln!(std::io::stdout(), "{}", ready.pod.uuid())?;
    Ok(0)
}
