//! `rkt run`.

use grammar::{NetworkArgs, RunArgs};
use pod::Uuid;
use pod::protocol::{self, NetList};

use crate::cli::TypedApp;
use crate::error::{Context as _, Failure};
use crate::pod::dns::DnsSettings;
use crate::pod::launch::{LaunchSettings, launch};
use crate::pod::request::PodRequest;
use crate::pod::umask::NoMask;
use crate::session::Session;
use crate::stage1::entry::shares_host_network;

/// Runs the command. It comes back only with a failure: on success this process has become the pod.
pub fn run(session: &Session, args: &RunArgs, apps: &[TypedApp]) -> Result<u8, Failure> {
    session.require_root()?;
    let request = PodRequest::new(&args.stage1, &args.prepare, &args.app, apps)?;
    let settings = launch_settings(session, &args.network)?;
    if args.network.interactive && request.app_count() > 1 {
        return Err(interactive_needs_one());
    }
    let mask = NoMask::set();
    let ready = request.fulfil(session, |uuid| match &args.only.uuid_file_save {
        Some(path) => save_uuid(path, uuid).map_err(|error| error.within("error saving pod UUID to file")),
        None => Ok(()),
    })?;
    warn_of_ignored_networks(&settings, &ready.stage1);
    match launch(ready, &settings, mask)? {}
}

/// The failure of `--interactive` with more than one app.
pub fn interactive_needs_one() -> Failure {
    Failure::new("interactive option only supports one image").hint("run the images in pods of their own")
}

fn save_uuid(path: &std::path::Path, uuid: Uuid) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).mode(0o644).open(path);
    let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, uuid.to_string().as_bytes()));
    written.map_err(|error| Failure::from(error).at(path))
}

/// What stage1 is told, from the flags that `run` and `run-prepared` share.
pub fn launch_settings(session: &Session, args: &NetworkArgs) -> Result<LaunchSettings, Failure> {
    if args.mds_register {
        return Err(Failure::new(
            "--mds-register needs the metadata service, which comes with a later version of rkt",
        ));
    }
    if let Some(mode) = args.ipc.as_deref().filter(|mode| !["", "auto", "private", "parent"].contains(mode)) {
        return Err(Failure::new(format!("invalid argument \"{mode}\" for --ipc: auto, private or parent")));
    }
    let mut stage1 = protocol::RunArgs::new(Uuid::NIL);
    stage1.debug = session.global.debug;
    stage1.net = networks(&args.net)?;
    stage1.interactive = args.interactive;
    stage1.local_config =
        Some(std::path::absolute(&session.global.local_config).context("cannot resolve --local-config")?);
    stage1.hostname = args.hostname.clone().unwrap_or_default();
    let dns = DnsSettings::parse(args).context("error with dns flags")?;
    stage1.dns_conf_mode = dns.mode;
    stage1.disable_capabilities_restriction = session.insecure.capabilities();
    stage1.disable_paths = session.insecure.paths();
    stage1.disable_seccomp = session.insecure.seccomp();
    stage1.ipc = args.ipc.clone().unwrap_or_default();
    Ok(LaunchSettings { args: stage1, dns })
}

fn networks(values: &[String]) -> Result<NetList, Failure> {
    let mut list = NetList::default();
    for value in values {
        list.add(value).context(format!("invalid argument \"{value}\" for --net"))?;
    }
    Ok(if list.is_empty() { NetList::default_net() } else { list })
}

/// Says so when networks were asked for and the stage1 image has none. Whatever another stage1 makes of the networks is its
/// own affair: it is told what was asked for.
pub fn warn_of_ignored_networks(settings: &LaunchSettings, stage1: &appc::ImageManifest) {
    let net = &settings.args.net;
    if net.is_contained() && *net != NetList::default_net() && shares_host_network(stage1) {
        eprintln!(
            "run: warning: --net={net} has no effect: \"{}\" shares the network of the host",
            stage1.name
        );
    }
}
