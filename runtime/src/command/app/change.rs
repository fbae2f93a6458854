//! `rkt app start`, `rkt app stop` and `rkt app rm`.

use grammar::AppNameArgs;

use super::required;
use crate::error::Failure;
use crate::pod::umask::NoMask;
use crate::pod::{find, mutable};
use crate::session::Session;

/// Runs `rkt app start` and returns its exit code.
pub fn start(session: &Session, args: &AppNameArgs) -> Result<u8, Failure> {
    session.require_root()?;
    let app = required(args.app.as_deref())?;
    let mut pod = find::running_pod(&session.pods()?, &args.uuid)?;
    let _mask = NoMask::set();
    mutable::start(session, &mut pod, app)?;
    Ok(0)
}

/// Runs `rkt app stop` and returns its exit code.
pub fn stop(session: &Session, args: &AppNameArgs) -> Result<u8, Failure> {
    session.require_root()?;
    let app = required(args.app.as_deref())?;
    let mut pod = find::running_pod(&session.pods()?, &args.uuid)?;
    mutable::stop(session, &mut pod, app)?;
    Ok(0)
}

/// Runs `rkt app rm` and returns its exit code.
pub fn rm(session: &Session, args: &AppNameArgs) -> Result<u8, Failure> {
    session.require_root()?;
    let app = required(args.app.as_deref())?;
    let mut pod = find::pod(&session.pods()?, &args.uuid)?;
    let _mask = NoMask::set();
    mutable::remove(session, &mut pod, app)?;
    Ok(0)
}
