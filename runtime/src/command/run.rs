//! `rkt run`.

use grammar::{NetworkArgs, RunArgs};
use pod::Uuid;
use pod::protocol::{self, NetList};

use crate::cli::TypedApp;
use crate::error::{Context as _, Failure};
use crate::pod::dns::DnsSettings;
use crate::pod::launch::{LaunchSettings, ReadyPod, launch};
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
    require_network_for_ports(&request, &settings)?;
    let mask = NoMask::set();
    let ready = request.fulfil(session, |uuid| save_uuid(args.only.uuid_file_save.as_deref(), uuid))?;
    warn_of_ignored_networks(&settings, &ready);
    match launch(ready, &settings, mask)? {}
}

/// The failure of `--interactive` with more than one app.
pub fn interactive_needs_one() -> Failure {
    Failure::new("interactive option only supports one image").hint("run the images in pods of their own")
}

/// Refuses ports on the host for a pod that has no network of its own.
pub fn require_network_for_ports(request: &PodRequest, settings: &LaunchSettings) -> Result<(), Failure> {
    let net = &settings.args.net;
    if !request.has_ports() || (net.is_contained() && !net.is_none()) {
        return Ok(());
    }
    Err(Failure::new(format!("--port does not work with --net={net}")).hint(
        "with --net=host the app's ports are the host's; with --net=none nothing leads to them; leave --port out",
    ))
}

/// Writes the UUID of a new pod to the file that the user named, if any.
pub fn save_uuid(path: Option<&std::path::Path>, uuid: Uuid) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let Some(path) = path else { return Ok(()) };
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).mode(0o644).open(path);
    let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, uuid.to_string().as_bytes()));
    written.map_err(|error| Failure::from(error).at(path).within("error saving pod UUID to file"))
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
    stage1.hostname = args.names.hostname.clone().unwrap_or_default();
    let dns = DnsSettings::parse(&args.names).context("error with dns flags")?;
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

/// Says so when networks or ports were asked for that the pod will not have. Whatever a stage1 image makes of the networks
/// is its own affair: it is told what was asked for.
pub fn warn_of_ignored_networks(settings: &LaunchSettings, ready: &ReadyPod) {
    let net = &settings.args.net;
    let shared = shares_host_network(&ready.stage1);
    if shared && net.is_contained() && *net != NetList::default_net() {
        eprintln!(
            "run: warning: --net={net} has no effect: \"{}\" shares the network of the host",
            ready.stage1.name
        );
    }
    if ready.ports && (shared || net.is_none() || !net.is_contained()) {
        let why = if shared {
            format!("\"{}\" shares the network of the host", ready.stage1.name)
        } else {
            format!("--net={net} leads to none of them")
        };
        eprintln!("run: warning: the ports of the pod do not appear on the host: {why}");
    }
}
