//! From an app of the pod to what its units say: looked up in its root, decided by its manifests.

use crate::failure::{Failure, at};
use crate::pod_dir::PodApp;
use crate::systemd::isolation::resources::Resources;
use crate::systemd::isolation::{self, capabilities, seccomp};
use crate::systemd::names;
use crate::systemd::streams::{self, Caller};
use crate::systemd::unit::dialect::Dialect;
use crate::systemd::units::app::{AppUnits, CommandLine, Device};
use crate::systemd::volumes::{self, ReadyMount};
use appc::{App, EventName, PodManifest};
use pod::app::binary;
use pod::app::environment::Environment;
use pod::app::users::Wanted;
use pod::protocol::{InvalidPrivateUsers, PrivateUsers, RunArgs};
use pod::root::Root;
use std::env;
use std::ffi::OsStr;
use std::path::Path;

/// Annotation of images whose program tells systemd when it has started.
const NOTIFIES: &str = "appc.io/executor/supports-systemd-notify";

/// What holds for all apps of a pod.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    /// The systemd that will read the units.
    pub(crate) dialect: Dialect,
    /// ACI architecture of this machine.
    pub(crate) arch: &'static str,
    /// Say more.
    pub(crate) debug: bool,
    /// Whose standard input apps have.
    pub(crate) caller: Caller,
    /// Keep all capabilities.
    pub(crate) all_capabilities: bool,
    /// Capabilities that nobody in the pod can have, because we do not have them.
    pub(crate) missing_capabilities: Vec<String>,
    /// Do not protect paths of the kernel, nor devices.
    pub(crate) all_paths: bool,
    /// No system call filters.
    pub(crate) all_calls: bool,
    /// The users of the pod's user namespace, if it has one.
    pub(crate) users: Option<PrivateUsers>,
    /// Where the metadata service answers.
    pub(crate) metadata_url: Option<String>,
}

impl Conditions {
    /// What the arguments of a pod say, for a systemd of this dialect.
    ///
    /// # Errors
    /// When the range of users is none, or the capabilities of this process cannot be read.
    pub(crate) fn of(args: &RunArgs, dialect: Dialect) -> Result<Conditions, Failure> {
        Ok(Conditions {
            dialect,
            arch: host_arch(),
            debug: args.debug,
            caller: Caller::of(args, dialect),
            all_capabilities: args.disable_capabilities_restriction,
            missing_capabilities: host::capabilities::missing()
                .map_err(|error| Failure::new(format!("cannot tell which capabilities rkt has: {error}")))?,
            all_paths: args.disable_paths,
            all_calls: args.disable_seccomp,
            users: users(&args.private_users)?,
            metadata_url: metadata_url(args),
        })
    }

    /// The host's number of the pod's root user.
    pub(crate) fn shift(&self) -> u32 {
        self.users.map_or(0, |users| users.shift)
    }
}

/// The users of the pod's user namespace; none without one.
fn users(private_users: &str) -> Result<Option<PrivateUsers>, Failure> {
    if private_users.is_empty() {
        return Ok(None);
    }
    let parsed = private_users.parse().map(Some);
    parsed.map_err(|error: InvalidPrivateUsers| {
        Failure::new(format!("--private-users: {error}")).hint("rkt makes it when the pod is prepared")
    })
}

/// Where the apps find the metadata service, on the host's network.
fn metadata_url(args: &RunArgs) -> Option<String> {
    const PORT: u16 = 18112;
    (!args.mds_token.is_empty()).then(|| format!("http://127.0.0.1:{PORT}/{}", args.mds_token))
}

/// The App Container name of the architecture that this executable is for.
fn host_arch() -> &'static str {
    host::arch::from_machine(env::consts::ARCH).unwrap_or(env::consts::ARCH)
}

/// An app that is ready to be written down.
#[derive(Debug)]
pub(crate) struct ReadyApp {
    /// What its units say.
    pub(crate) units: AppUnits,
    /// What nspawn mounts.
    pub(crate) mounts: Vec<ReadyMount>,
    /// Its environment.
    pub(crate) environment: Environment,
    /// What the user should know.
    pub(crate) warnings: Vec<String>,
}

/// Looks everything up. Makes the directories of empty volumes and the places for mounts.
///
/// # Errors
/// When something that the app needs is not in its root, or its manifests contradict themselves.
pub(crate) fn ready(
    pod: &PodManifest,
    app: PodApp<'_>,
    conditions: &Conditions,
) -> Result<ReadyApp, Failure> {
    let name = app.name();
    names::check(name)?;
    let section = app.app()?;
    if section.exec.is_empty() {
        return Err(Failure::new(format!("app \"{name}\" has no executable"))
            .hint("name a program with --exec=PATH after the image"));
    }
    let rootfs = app.rootfs();
    let root = Root::open(&rootfs).map_err(|error| {
        at("use as root of the app", &rootfs)(error).hint("rkt image verify checks the image")
    })?;
    let mut warnings = Vec::new();
    let working_directory =
        if section.working_directory.is_empty() { "/" } else { section.working_directory.as_str() };
    let exec = program(&root, section, &section.exec, working_directory)?;
    let handlers = |event: EventName| {
        let of_event = section.event_handlers.iter().filter(|handler| handler.name == event);
        of_event
            .map(|handler| program(&root, section, &handler.exec, working_directory))
            .collect::<Result<Vec<_>, _>>()
    };
    let (pre_start, post_stop) = (handlers(EventName::PreStart)?, handlers(EventName::PostStop)?);
    let wanted = Wanted { shift: conditions.shift(), ..app.wanted_user(section) };
    let who = wanted.resolve(&root).map_err(|error| {
        Failure::new(format!("cannot tell who app \"{name}\" runs as: {error}"))
            .hint("choose numbers with --user=UID --group=GID, or add the names to the image")
    })?;
    names::check_numbers(name, &who, conditions.users)?;
    let mounts = volumes::plan(pod, app, section)?;
    for mount in mounts.iter().filter(|mount| mount.implicit) {
        warnings.push(format!(
            "no volume specified for mount point \"{}\", implicitly creating an \"empty\" volume. This volume will be removed when the pod is garbage-collected.",
            mount.name.strip_prefix(&format!("{name}-")).unwrap_or(&mount.name)
        ));
    }
    let mounts = volumes::make_ready(app, &root, &mounts, conditions.shift())?;
    if conditions.users.is_some() && !conditions.all_paths {
        // Only the real root may restrict devices, and read-only mounts do not.
        for mount in mounts.iter().filter(|mount| mount.device && mount.read_only) {
            warnings.push(format!(
                "app \"{name}\" can write to the device of volume \"{}\" although that is read-only: systemd restricts no devices in a user namespace",
                mount.volume
            ));
        }
    }
    let variables = section.environment.iter().map(|v| (v.name.as_str(), v.value.as_str()));
    let environment = Environment::compose(name, variables, conditions.metadata_url.as_deref());
    let isolators = isolation::of(section).map_err(|failure| failure.within(&format!("app \"{name}\"")))?;
    let in_app = |failure: Failure| failure.within(&format!("app \"{name}\""));
    let capabilities = if conditions.all_capabilities {
        None
    } else {
        let set = capabilities::bounding_set(&isolators).map_err(in_app)?;
        let lost: Vec<&str> = set
            .iter()
            .filter(|of| conditions.missing_capabilities.contains(of))
            .map(String::as_str)
            .collect();
        if !lost.is_empty() {
            let lost = lost.join(", ");
            warnings.push(format!("app \"{name}\" cannot keep {lost}: rkt itself does not have it"));
        }
        Some(set)
    };
    let filter = if conditions.all_calls {
        None
    } else {
        let (filter, notes) =
            seccomp::filter(&isolators, conditions.arch, conditions.dialect).map_err(in_app)?;
        warnings.extend(notes.iter().map(|note| format!("app \"{name}\": {note}")));
        filter
    };
    let no_new_privileges =
        isolators.iter().any(|isolator| matches!(isolator, appc::IsolatorValue::NoNewPrivileges(true)));
    let writable = || mounts.iter().filter(|mount| !mount.read_only);
    let units = AppUnits {
        name: name.to_owned(),
        image: app.runtime.image.name.as_ref().unwrap_or(&app.image.name).to_string(),
        notifies: app.image.annotation(NOTIFIES) == Some("true"),
        exec,
        working_directory: working_directory.to_owned(),
        env_file: names::env_file(name),
        uid: who.uid,
        gid: who.gid,
        supplementary: section.supplementary_gids.clone(),
        capabilities,
        // Without privileges nobody may install a filter who could get them back.
        no_new_privileges: no_new_privileges || (filter.is_some() && who.uid != 0),
        filter,
        read_only_except: app
            .runtime
            .read_only_rootfs
            .then(|| writable().map(|mount| mount.target.to_string_lossy().into_owned()).collect()),
        protect_paths: !conditions.all_paths,
        devices: (!conditions.all_paths).then(|| devices(&mounts)),
        pre_start,
        post_stop,
        resources: Resources::of(&isolators),
        socket_activated: section.ports.iter().any(|port| port.socket_activated),
        streams: streams::of(pod, app, conditions.dialect, conditions.caller, conditions.debug)?,
    };
    Ok(ReadyApp { units, mounts, environment, warnings })
}

fn devices(mounts: &[ReadyMount]) -> Vec<Device> {
    let nodes = mounts.iter().filter(|mount| mount.device);
    nodes.map(|mount| Device { volume: mount.volume.clone(), writable: !mount.read_only }).collect()
}

/// A command with the absolute path of its program.
fn program(root: &Root, app: &App, words: &[String], directory: &str) -> Result<CommandLine, Failure> {
    let Some((first, rest)) = words.split_first() else {
        return Err(Failure::new("an event handler names no program"));
    };
    let own_path = app.environment.iter().find(|variable| variable.name == "PATH");
    let own_path = own_path.map(|variable| OsStr::new(&variable.value));
    let found = binary::find(root, OsStr::new(first), Path::new(directory), own_path)
        .map_err(|problem| Failure::new(problem.to_string()).hint(problem.hint()))?;
    Ok((found.to_string_lossy().into_owned(), rest.to_vec()))
}
