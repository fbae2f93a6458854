//! `enter`: this process becomes a command beside the app, in the app's root, as the app's user.

use crate::failure::{Failure, at};
use crate::identity;
use crate::pod_dir::OneAppPod;
use crate::process::{belongs, process_id};
use crate::system;
use pod::app::binary;
use pod::app::environment::Environment;
use pod::layout;
use pod::protocol::EnterArgs;
use pod::root::Root;
use rustix::fs::{Mode, OFlags};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = EnterArgs::decode(program, arguments)?;
    let Some(command) = args.command.first() else {
        return Err(Failure::new("no command to run").hint("name one: rkt enter UUID COMMAND"));
    };
    let pod = OneAppPod::load()?;
    if !args.app.is_empty() && args.app != pod.the_app().name() {
        return Err(Failure::new(format!("the pod has no app \"{}\"", args.app))
            .hint(format!("its app is \"{}\"", pod.the_app().name())));
    }
    let root = root_of(args.pid, &pod)?;
    let app = pod.the_app().app()?;
    let who = pod.the_app().wanted_user(app).resolve(&root).map_err(|error| {
        Failure::new(format!("failed to lookup process credentials: {error}"))
            .hint("the app runs as numbers that its image no longer has names for; add the names again")
    })?;
    let environment = environment(&pod)?;
    let path = environment.get("PATH");
    let missing = |problem: &binary::Problem| {
        Failure::new(format!("exec failed: {problem}")).hint("name a program of the app's image")
    };
    let found = binary::find(&root, command, Path::new("/"), path).map_err(|error| missing(&error))?;
    binary::examine(&root, &found).map_err(|error| missing(&error))?;
    let directory = identity::open_directory(&root, OsStr::new("/"))?;
    identity::go_into(&root, &directory).map_err(at("chroot to", root.path()))?;
    identity::become_user(&who).map_err(|error| {
        Failure::new(format!("cannot become user {} and group {}: {error}", who.uid, who.gid))
    })?;
    let error =
        system::exec(found.as_os_str(), args.command.iter().map(OsString::as_os_str), environment.entries());
    Err(Failure::new(format!("exec failed: \"{}\": {error}", found.display()))
        .hint(format!("it runs as user {} and group {}: may these execute it?", who.uid, who.gid)))
}

/// The root of a process of the pod. Opened before it is asked whether it is one, so that the answer
/// holds for what was opened.
fn root_of(pid: u32, pod: &OneAppPod) -> Result<Root, Failure> {
    let path = PathBuf::from(format!("/proc/{pid}/root"));
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let ended = "the app has ended; look at rkt status";
    let fd = rustix::fs::open(&path, flags, Mode::empty())
        .map_err(|errno| at("open", &path)(errno).hint(ended))?;
    let belongs =
        process_id(&pid.to_string()).is_some_and(|pid| belongs(pid, &pod.dir, &pod.the_app().rootfs()));
    if !belongs {
        return Err(Failure::new(format!("process {pid} is not of pod {}", pod.dir.display())).hint(ended));
    }
    Ok(Root::from_fd(fd, path))
}

/// The file of the environment as it is seen where the pod's overlays are not mounted, in another mount namespace.
fn unmounted(pod: &OneAppPod, error: io::Error) -> io::Result<Vec<u8>> {
    let id = fs::read_to_string(pod.dir.join(layout::STAGE1_TREE_STORE_ID)).unwrap_or_default();
    if error.kind() != ErrorKind::NotFound || id.is_empty() || id.contains('/') {
        return Err(error);
    }
    fs::read(pod.dir.join(layout::overlay_upper(&id)).join(layout::ENV).join(pod.the_app().name()))
}

/// The environment that the app was started with; the terminal's type is the caller's.
fn environment(pod: &OneAppPod) -> Result<Environment, Failure> {
    let path = pod.dir.join(layout::app_env(pod.the_app().name()));
    let mut environment = match fs::read(&path).or_else(|error| unmounted(pod, error)) {
        Ok(text) => Environment::from_file(&text),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Environment::compose(pod.the_app().name(), [], None)
        }
        Err(error) => return Err(at("read", &path)(error)),
    };
    if environment.get("TERM").is_none()
        && let Some(terminal) = env::var_os("TERM")
    {
        environment.set("TERM", terminal);
    }
    Ok(environment)
}
