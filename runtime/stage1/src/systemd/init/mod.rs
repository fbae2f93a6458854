//! `init`: this process becomes the container of the pod.

mod assets;
mod complete;
mod engine;
mod env_file;
mod files;
pub(crate) mod journal;
mod network;
mod place;
pub(crate) mod write;

use crate::failure::{Failure, at, warn};
use crate::pod_dir::{self, PodDir};
use crate::systemd::app::{self, Conditions, ReadyApp};
use crate::systemd::cgroup;
use crate::systemd::input;
use crate::systemd::nspawn::{Container, ContainerApp, LOAD_PROGRAMS, machine};
use crate::systemd::streams::Caller;
use crate::systemd::units::app::Life;
use crate::systemd::watch;
use crate::{flavor, runtime_config, system};
use engine::Engine;
use host::cgroup::Layout;
use pod::layout;
use pod::protocol::{ENV_SELINUX_CONTEXT, ENV_SELINUX_MOUNT_CONTEXT, RunArgs};
use pod::root::Root;
use rustix::fs::Mode;
use rustix::io::FdFlags;
use std::convert::Infallible;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::IsTerminal;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

/// Annotation of a pod with the directory of the host for logs of Kubernetes.
const KUBERNETES_LOG_DIR: &str = "coreos.com/rkt/experiment/kubernetes-log-dir";

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = RunArgs::decode(program, arguments, &[])?;
    let mask = rustix::process::umask(Mode::empty());
    // Returns only if the pod could not be started.
    let Err(failure) = start(&args, mask);
    // The pod does not look started.
    let _ = fs::remove_file(layout::PPID);
    Err(failure)
}

fn start(args: &RunArgs, mask: Mode) -> Result<Infallible, Failure> {
    let pod = PodDir::load()?;
    pod_dir::write(&pod.dir.join(layout::RUNTIME_CONFIG), runtime_config::to_json(args).as_bytes())?;
    let lock = pod_dir::inherited_lock()?;
    // No helper that is run from here on may keep the pod looking alive.
    rustix::io::fcntl_setfd(lock, FdFlags::CLOEXEC)
        .map_err(|errno| Failure::new(format!("cannot keep the pod's lock to itself: {errno}")))?;
    let share_ipc = match args.ipc.as_str() {
        "" | "auto" | "private" => false,
        "parent" => true,
        other => {
            return Err(
                Failure::new(format!("--ipc={other} is not known")).hint("choose auto, private or parent")
            );
        }
    };
    network::check(&args.net)?;
    let start_limit = watch::limit()?;
    let rootfs = pod.dir.join(layout::STAGE1_ROOTFS);
    let flavor = flavor::own()?;
    // From here on mounts are this pod's own. What was opened before is on those of the caller, where nothing can be mounted.
    cgroup::own_mounts()?;
    let root = Root::open(&rootfs).map_err(at("open the root of stage1", &rootfs))?;
    let journal = journal::Journal::of_host(args, host::systemd::is_booted());
    let engine = Engine::find(&flavor, &rootfs, journal.persistent)?;
    network::set_up(&pod.dir, &args.net)?;
    let conditions = Conditions::of(args, engine.dialect)?;
    let files = write::Files { root: &root, shift: conditions.shift() };
    // The longest piece of work, beside all that does not depend on it.
    let (filled, decided) = thread::scope(|scope| {
        let filling = scope.spawn(|| engine.fill(&files, journal.persistent));
        let decided = Decided::of(args, &conditions, &pod, &engine, &files, journal.persistent);
        (filling.join(), decided)
    });
    let decided = decided?;
    let Decided { apps, cgroups, place, life } = &decided;
    let filled = filled.unwrap_or_else(|_| Err(Failure::new("copying systemd of the host was broken off")));
    if let Some(reason) = filled? {
        expect_no_filters(apps, &reason)?;
    }
    complete::check(&root)?;
    files::write(&files, args, &pod.dir)?;
    journal.prepare(&files)?;
    if place.link_journal {
        journal::link(&files, &rootfs, args.uuid)?;
    }
    link_flavor(&pod.dir, &flavor)?;

    if cgroups.legacy() {
        let context = label(ENV_SELINUX_MOUNT_CONTEXT);
        let is_needed = |controller: &str| needs_controller(*life, apps, controller);
        let (group, shift) = (&place.subcgroup, conditions.shift());
        cgroup::mount_in_pod(cgroups, &rootfs, group, &context, args.disable_paths, shift, is_needed)?;
    }
    let labels = (label(ENV_SELINUX_CONTEXT), label(ENV_SELINUX_MOUNT_CONTEXT));
    let container = container(args, &pod, &decided, &conditions, share_ipc, &labels);
    if container.loads_programs && !engine.abilities.has(LOAD_PROGRAMS) {
        warn(
            "stage1: warning: apps can use all devices: systemd-nspawn before version 235 keeps systemd of the pod from restricting them with control groups of version 2",
        );
    }
    let pid = rustix::process::getpid();
    pod_dir::write(&pod.dir.join(layout::PPID), format!("{}\n", pid.as_raw_nonzero()).as_bytes())?;
    watch::start(pid, lock, start_limit, place.maker)?;
    if conditions.caller == Caller::Elsewhere {
        input::Pipe::make(&files)?.fill(pid, lock)?;
    }
    become_nspawn(&engine, &container, lock, mask)
}

/// What was decided about a pod, and written into it.
struct Decided {
    apps: Vec<ReadyApp>,
    cgroups: cgroup::Host,
    place: place::Place,
    life: Life,
}

impl Decided {
    /// Decides, goes to the pod's control group and writes its units.
    fn of(
        args: &RunArgs,
        conditions: &Conditions,
        pod: &PodDir,
        engine: &Engine,
        files: &write::Files<'_>,
        journal_kept: bool,
    ) -> Result<Decided, Failure> {
        let apps = pod
            .apps()
            .map(|app| app::ready(&pod.manifest, app, conditions))
            .collect::<Result<Vec<_>, _>>()?;
        for warning in apps.iter().flat_map(|app| &app.warnings) {
            warn(format_args!("stage1: warning: {warning}"));
        }
        let cgroups = cgroup::Host::look()?;
        engine.expect_groups(cgroups.layout)?;
        let place = place::Place::choose(&cgroups, args.uuid)?;
        // First, so that whoever collects the pod finds its groups.
        let group = place.subcgroup.to_string_lossy();
        pod_dir::write(&pod.dir.join(layout::SUBCGROUP), group.as_bytes())?;
        place.enter(&cgroups)?;
        let life = if args.mutable { Life::Mutable } else { Life::Immutable };
        let limits = place.limits(&cgroups);
        write::units(files, pod, &apps, life, engine.dialect, limits, journal_kept)?;
        Ok(Decided { apps, cgroups, place, life })
    }
}

/// Fails for apps whose system calls are to be filtered where nothing does that: systemd would run them all the same.
fn expect_no_filters(apps: &[ReadyApp], reason: &str) -> Result<(), Failure> {
    let Some(app) = apps.iter().find(|app| app.units.filter.is_some()) else { return Ok(()) };
    Err(Failure::new(format!(
        "the system calls of app \"{}\" are to be restricted, which systemd of the pod cannot do: {reason}",
        app.units.name
    ))
    .hint("install libseccomp (Debian: libseccomp2), or run the pod without: --insecure-options=seccomp"))
}

/// Whether the limits of the apps need a controller, or those of apps that may come.
fn needs_controller(life: Life, apps: &[ReadyApp], controller: &str) -> bool {
    let any = |needs: &dyn Fn(&ReadyApp) -> bool| life == Life::Mutable || apps.iter().any(needs);
    match controller {
        "memory" => any(&|app| app.units.resources.memory.is_some()),
        // systemd uses these two together or not at all.
        "cpu" | "cpuacct" => {
            any(&|app| app.units.resources.cpu.is_some() || app.units.resources.cpu_shares.is_some())
        }
        "devices" => any(&|app| app.units.devices.is_some()),
        _ => false,
    }
}

/// What nspawn is told.
fn container<'a>(
    args: &'a RunArgs,
    pod: &'a PodDir,
    Decided { apps, cgroups, place, life }: &'a Decided,
    conditions: &Conditions,
    share_ipc: bool,
    labels: &'a (String, String),
) -> Container<'a> {
    Container {
        uuid: args.uuid,
        register: place.register,
        keep_unit: place.keep_unit,
        notify_ready: true,
        interactive: conditions.caller == Caller::AtTerminal,
        debug: args.debug,
        terminal: std::io::stdout().is_terminal(),
        settings_as_kernel_words: conditions.dialect.takes_kernel_words_only(),
        private_users: &args.private_users,
        process_label: &labels.0,
        mount_label: &labels.1,
        kubernetes_log_dir: pod.manifest.annotation(KUBERNETES_LOG_DIR),
        share_ipc,
        writable_paths: args.disable_paths,
        loads_programs: cgroups.layout == Layout::Unified
            && conditions.users.is_none()
            && needs_controller(*life, apps, "devices"),
        apps: apps
            .iter()
            .map(|app| ContainerApp {
                name: &app.units.name,
                mounts: &app.mounts,
                capabilities: app.units.capabilities.as_deref(),
            })
            .collect(),
    }
}

/// This process becomes nspawn.
fn become_nspawn(
    engine: &Engine,
    container: &Container<'_>,
    lock: BorrowedFd<'static>,
    mask: Mode,
) -> Result<Infallible, Failure> {
    let arguments = container.arguments(&engine.abilities);
    let program = engine.program();
    let words: Vec<OsString> = program.words.iter().cloned().chain(arguments).collect();
    if container.debug {
        let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        warn(format_args!(
            "stage1: executing {} for {}: {}",
            program.path.display(),
            machine(container.uuid),
            shown.join(" ")
        ));
    }
    let variables = container.environment();
    let mut environment: Vec<OsString> = env::vars_os()
        .filter(|(name, _)| !variables.iter().any(|(own, _)| name == own))
        .filter(|(name, _)| program.library_path.is_none() || name != "LD_LIBRARY_PATH")
        .map(|(name, value)| assignment(&name, &value))
        .collect();
    environment.extend(variables.iter().map(|(name, value)| assignment(OsStr::new(name), OsStr::new(value))));
    if let Some(directories) = &program.library_path {
        environment.push(assignment(OsStr::new("LD_LIBRARY_PATH"), directories));
    }
    rustix::io::fcntl_setfd(lock, FdFlags::empty())
        .map_err(|errno| Failure::new(format!("cannot hand the pod's lock to nspawn: {errno}")))?;
    rustix::process::umask(mask);
    let error = system::exec(program.path.as_os_str(), words.iter().map(OsString::as_os_str), environment);
    rustix::process::umask(Mode::empty());
    Err(at("execute", &program.path)(error))
}

fn assignment(name: &OsStr, value: &OsStr) -> OsString {
    let mut text = OsString::with_capacity(name.len() + value.len() + 1);
    text.push(name);
    text.push("=");
    text.push(value);
    text
}

/// A label that stage0 has chosen; empty without `SELinux`.
fn label(variable: &str) -> String {
    env::var(variable).unwrap_or_default()
}

/// The link by which `gc` knows the flavor when the root is not mounted.
fn link_flavor(dir: &Path, flavor: &str) -> Result<(), Failure> {
    let link = dir.join(layout::FLAVOR);
    match std::os::unix::fs::symlink(flavor, &link) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(at("make the link", &link)(error))
        }
        _ => Ok(()),
    }
}
