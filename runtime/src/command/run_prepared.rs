//! `rkt run-prepared`.

use grammar::RunPreparedArgs;
use pod::{Pod, State, list};

use super::run::{interactive_needs_one, launch_settings, warn_of_ignored_networks};
use crate::error::{Context as _, Failure};
use crate::pod::launch::{ReadyPod, launch};
use crate::pod::request::overlay_works;
use crate::pod::umask::NoMask;
use crate::session::Session;

/// Runs the command. It comes back only with a failure: on success this process has become the pod.
pub fn run(session: &Session, args: &RunPreparedArgs) -> Result<u8, Failure> {
    session.require_root()?;
    let settings = launch_settings(session, &args.network)?;
    let data = session.pods()?;
    let uuid = list::resolve(&data, &args.uuid).context("problem retrieving pod")?;
    let pod = Pod::open(&data, uuid).context("problem retrieving pod")?;
    if pod.state() != State::Prepared {
        return Err(Failure::new(format!("pod \"{uuid}\" is not prepared"))
            .hint(format!("it is {}; `rkt list` shows what there is", pod.state())));
    }
    let ready = ReadyPod::load(pod)?;
    if args.network.interactive && ready.apps.len() > 1 {
        return Err(interactive_needs_one());
    }
    warn_of_ignored_networks(&settings, &ready);
    if ready.overlay.is_some() && !overlay_works(&data) {
        return Err(Failure::new("the pod was prepared with overlay, but overlay is not supported any more")
            .hint("prepare it again"));
    }
    match launch(ready, &settings, NoMask::set())? {}
}
