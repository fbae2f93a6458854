//! `run`: this process becomes the app.

use super::{UNDEFINED_FLAGS, mounts, volumes};
use crate::failure::{Failure, at, warn};
use crate::identity;
use crate::pod_dir::{self, OneAppPod};
use crate::{root_file, runtime_config, system};
use appc::{App, IsolatorValue};
use pod::app::binary;
use pod::app::environment::Environment;
use pod::app::users::Credentials;
use pod::layout;
use pod::protocol::RunArgs;
use pod::root::Root;
use rustix::fs::Mode;
use rustix::io::FdFlags;
use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Everything that is known before the first mount is made.
struct Prepared {
    pod: OneAppPod,
    app: App,
    root: Root,
    lock: BorrowedFd<'static>,
}

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = RunArgs::decode(program, arguments, UNDEFINED_FLAGS)?;
    for (given, flag) in [(&args.mds_token, "mds-token"), (&args.hostname, "hostname")] {
        if !given.is_empty() {
            // Where the original says it.
            let _ = writeln!(io::stdout(), "Warning: -{flag} not supported; ignoring");
        }
    }
    // Modes are meant as they are written here; the app gets the caller's mask back.
    let mask = rustix::process::umask(Mode::empty());
    let prepared = prepare(&args)?;
    // Returns only if the app could not be started.
    let Err(failure) = start(&prepared, &args, mask);
    // What it had made so far goes again, and the pod does not look started.
    let dir = &prepared.pod.dir;
    for file in [layout::PID, layout::PGID] {
        let _ = fs::remove_file(dir.join(file));
    }
    if let Err(more) = mounts::clear(dir, &prepared.pod.the_app().rootfs()) {
        more.report("fly-run");
    }
    Err(failure)
}

fn prepare(args: &RunArgs) -> Result<Prepared, Failure> {
    let pod = OneAppPod::load()?;
    pod_dir::write(&pod.dir.join(layout::RUNTIME_CONFIG), runtime_config::to_json(args).as_bytes())?;
    let app = pod.the_app().app()?.clone();
    if app.exec.is_empty() {
        let image = pod.the_app().image.name.as_str();
        return Err(Failure::new(format!("image \"{image}\" has an empty \"exec\" (try --exec=BINARY)")));
    }
    let lock = pod_dir::inherited_lock()?;
    let root = mounts::own_root(&pod)?;
    Ok(Prepared { pod, app, root, lock })
}

/// Does everything up to becoming the app.
fn start(prepared: &Prepared, args: &RunArgs, mask: Mode) -> Result<Infallible, Failure> {
    let Prepared { pod, app, root, lock } = prepared;
    let name = pod.the_app().name();
    let ignored = ignored(pod, app);
    if !ignored.is_empty() {
        warn(format_args!("Warning: fly ignores of app \"{name}\": {}", ignored.join(", ")));
    }
    let volumes = volumes::plan(&pod.manifest, pod.the_app().runtime, app, pod.the_app().image)?;
    mounts::make(&pod.dir, root, &volumes, args.dns_conf_mode)?;
    if pod.the_app().runtime.read_only_rootfs {
        host::bind::make_read_only(root).map_err(at("make read-only", root.path()))?;
    }

    let who = pod.the_app().wanted_user(app).resolve(root).map_err(|error| {
        Failure::new(format!("cannot tell who app \"{name}\" runs as: {error}"))
            .hint("choose numbers with --user=UID --group=GID, or add the names to the image")
    })?;
    let variables = app.environment.iter().map(|variable| (variable.name.as_str(), variable.value.as_str()));
    let environment = Environment::compose(name, variables, None);
    let stage1_rootfs = pod.dir.join(layout::STAGE1_ROOTFS);
    let stage1 = Root::open(&stage1_rootfs).map_err(at("open", &stage1_rootfs))?;
    root_file::write(&stage1, &Path::new(layout::ENV).join(name), &environment.to_file())?;

    let working_directory = match app.working_directory.as_str() {
        "" => OsStr::new("/"),
        path => OsStr::new(path),
    };
    // As the original: an app without a PATH of its own is looked for in a few directories only.
    let own_path = app.environment.iter().find(|variable| variable.name == "PATH");
    let own_path = own_path.map(|variable| OsStr::new(&variable.value));
    let exec = OsStr::new(&app.exec[0]);
    let found = binary::find(root, exec, Path::new(working_directory), own_path);
    let program =
        found.and_then(|program| binary::examine(root, &program).map(|()| program)).map_err(|problem| {
            Failure::new(format!("cannot run app \"{name}\": {problem}")).hint(problem.hint())
        })?;
    let directory = identity::open_directory(root, working_directory)?;

    let group = host::job::own()
        .map_err(|error| Failure::new(format!("cannot tell the process group of rkt: {error}")))?
        .group;
    for (file, number) in [(layout::PID, std::process::id()), (layout::PGID, group)] {
        pod_dir::write(&pod.dir.join(file), format!("{number}\n").as_bytes())?;
    }
    rustix::io::fcntl_setfd(lock, FdFlags::empty())
        .map_err(|errno| Failure::new(format!("cannot hand the pod's lock to the app: {errno}")))?;
    Launch { root, directory, who, program, app, environment, mask, name }.exec()
}

/// Everything that becoming the app takes.
struct Launch<'a> {
    root: &'a Root,
    directory: OwnedFd,
    who: Credentials,
    program: PathBuf,
    app: &'a App,
    environment: Environment,
    mask: Mode,
    name: &'a str,
}

impl Launch<'_> {
    /// Becomes the app. After a failure this process is outside again, as it was.
    fn exec(&self) -> Result<Infallible, Failure> {
        let rootfs = self.root.path();
        let way_back = identity::go_into(self.root, &self.directory).map_err(at("chroot to", rootfs))?;
        rustix::process::umask(self.mask);
        let (uid, gid, name) = (self.who.uid, self.who.gid, self.name);
        let failure = match identity::become_user(&self.who) {
            Ok(()) => {
                let arguments = self.app.exec.iter().map(OsStr::new);
                let error = system::exec(self.program.as_os_str(), arguments, self.environment.entries());
                let program = self.program.display();
                Failure::new(format!("cannot run \"{program}\" of app \"{name}\": {error}"))
                    .hint(format!("it runs as user {uid} and group {gid}: may these execute it?"))
            }
            Err(error) => {
                Failure::new(format!("cannot become user {uid} and group {gid} for app \"{name}\": {error}"))
            }
        };
        rustix::process::umask(Mode::empty());
        way_back.take().map_err(at("leave", rootfs))?;
        Err(failure)
    }
}

/// Wishes of the pod and the app that fly does not fulfil, in words.
fn ignored(pod: &OneAppPod, app: &App) -> Vec<&'static str> {
    let mut ignored = Vec::new();
    let limits = |isolator: &appc::Isolator| !matches!(isolator.parsed(), Ok(IsolatorValue::Unknown));
    if app.isolators.iter().chain(&pod.manifest.isolators).any(limits) {
        ignored.push("isolators");
    }
    if !pod.manifest.ports.is_empty() {
        ignored.push("forwarded ports");
    }
    if app.ports.iter().any(|port| port.socket_activated) {
        ignored.push("socket activation");
    }
    if !app.event_handlers.is_empty() {
        ignored.push("event handlers");
    }
    ignored
}
