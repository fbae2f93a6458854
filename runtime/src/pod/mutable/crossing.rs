//! Calls of the entry points that reach into a running pod.

use std::ffi::OsString;
use std::process::Stdio;

use pod::protocol::{AppArgs, app};
use pod::{Pod, layout};

use super::{manifest, require_app, require_supervisor, stage1_root};
use crate::error::{Context as _, Failure};
use crate::pod::find;
use crate::pod::inside::Inside;
use crate::pod::launch::private_users;
use crate::pod::prepare::owner_shift;
use crate::session::Session;
use crate::stage1::call::PodStage1;
use crate::stage1::entry::EntryPoint;

/// What an entry point that changes an app ended with.
pub(super) enum Outcome {
    /// It did what it was asked.
    Done,
    /// There was nothing to stop.
    NotRunning,
}

/// Calls an entry point of a running pod. What it prints is for `--debug` alone, unless it fails.
///
/// # Errors
/// If it cannot be called, or fails.
pub(super) fn call(
    session: &Session,
    pod: &mut Pod,
    entry: EntryPoint,
    args: &[OsString],
) -> Result<Outcome, Failure> {
    let pid = find::first_process(pod)?;
    let mut command = PodStage1::of(pod)?.crossing(pod, pid, entry, args)?;
    command.stdin(Stdio::null());
    let name = entry.name();
    let started = || format!("cannot start the '{name}' entrypoint");
    let (status, said) = if session.global.debug {
        (command.status().context(started())?, String::new())
    } else {
        let output = command.output().context(started())?;
        (output.status, String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
    };
    if status.success() {
        return Ok(Outcome::Done);
    }
    if entry == EntryPoint::AppStop && status.code() == Some(app::STOP_NOT_RUNNING.into()) {
        return Ok(Outcome::NotRunning);
    }
    if !said.is_empty() {
        eprintln!("{said}");
    }
    Err(Failure::new(format!("the '{name}' entrypoint failed: {status}")))
}

/// The arguments of the entry points that only need to know the app.
pub(super) fn args(session: &Session, app: &str) -> Vec<OsString> {
    AppArgs { debug: session.global.debug, app: app.to_owned() }.encode()
}

/// Starts an app that was added to a running pod.
///
/// # Errors
/// If there is no such app, or stage1 cannot start it.
pub fn start(session: &Session, pod: &mut Pod, app: &str) -> Result<(), Failure> {
    require_app(&manifest(pod)?, app)?;
    require_supervisor(pod)?;
    let root = stage1_root(pod)?.owned_by_root_of(owner_shift(private_users(pod)?));
    let running = marks(&root, app)?;
    if !running {
        mark(&root, app).context("cannot note that the app is started")?;
    }
    let started = call(session, pod, EntryPoint::AppStart, &args(session, app));
    if started.is_err() && !running {
        // It is still what it was: an app that was added. What it ended with, if it did, stage1 has written.
        root.remove_file(&text(&layout::app_started(app))?)?;
    }
    started.map(|_| ()).context(format!("error starting app \"{app}\""))
}

/// Whether an app is marked as started and has not ended since.
fn marks(root: &Inside, app: &str) -> Result<bool, Failure> {
    let there = |path: &str| match root.stat_strictly(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    };
    Ok(there(&text(&layout::app_started(app))?)? && !there(&text(&layout::app_status(app))?)?)
}

fn mark(root: &Inside, app: &str) -> Result<(), Failure> {
    let started = text(&layout::app_started(app))?;
    root.remove_file(&started)?;
    root.remove_file(&text(&layout::app_status(app))?)?;
    root.write(&started, b"", 0o644)?;
    Ok(())
}

/// A path of ours, which is made of names of apps, as text.
pub(super) fn text(path: &std::path::Path) -> Result<String, Failure> {
    let text = path.to_str().ok_or_else(|| Failure::new("not UTF-8").at(path))?;
    Ok(text.to_owned())
}

/// Stops an app of a running pod.
///
/// # Errors
/// If there is no such app, it is not running, or stage1 cannot stop it.
pub fn stop(session: &Session, pod: &mut Pod, app: &str) -> Result<(), Failure> {
    require_app(&manifest(pod)?, app)?;
    let stopped = call(session, pod, EntryPoint::AppStop, &args(session, app));
    match stopped.context(format!("error stopping app \"{app}\""))? {
        Outcome::Done => Ok(()),
        Outcome::NotRunning => Err(Failure::new(format!("app \"{app}\" is not running"))),
    }
}
