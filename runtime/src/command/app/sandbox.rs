//! `rkt app sandbox`.

use std::convert::Infallible;

use grammar::{NetworkArgs, SandboxArgs};

use crate::command::run::{launch_settings, require_network_for_ports, save_uuid, warn_of_ignored_networks};
use crate::error::{EXIT_APP, Failure};
use crate::pod::launch::launch;
use crate::pod::request::PodRequest;
use crate::pod::umask::NoMask;
use crate::session::Session;

/// Runs the command. It comes back only with a failure: on success this process has become the pod.
pub fn run(session: &Session, args: &SandboxArgs) -> Result<u8, Failure> {
    match sandbox(session, args) {
        Ok(never) => match never {},
        Err(failure) => Err(failure.code(EXIT_APP)),
    }
}

fn sandbox(session: &Session, args: &SandboxArgs) -> Result<Infallible, Failure> {
    session.require_root()?;
    let request = PodRequest::sandbox(args)?;
    let network = NetworkArgs { net: args.net.clone(), names: args.names.clone(), ..NetworkArgs::default() };
    let mut settings = launch_settings(session, &network)?;
    settings.args.mutable = true;
    require_network_for_ports(&request, &settings)?;
    let mask = NoMask::set();
    let ready = request.fulfil(session, |uuid| save_uuid(args.uuid_file_save.as_deref(), uuid))?;
    warn_of_ignored_networks(&settings, &ready);
    launch(ready, &settings, mask)
}
