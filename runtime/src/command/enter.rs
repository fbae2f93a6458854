//! `rkt enter`.

use std::os::unix::process::CommandExt as _;

use appc::PodManifest;
use grammar::EnterArgs;
use pod::{Pod, State, protocol};

use crate::error::{Context as _, Failure};
use crate::pod::find;
use crate::session::Session;
use crate::stage1::call::PodStage1;
use crate::stage1::entry::{EntryPoint, locate};

/// What is run when nothing is said.
const DEFAULT_COMMAND: &str = "/bin/bash";

/// Runs the command. It comes back only with a failure: on success this process has become the command.
pub fn run(session: &Session, args: &EnterArgs) -> Result<u8, Failure> {
    session.require_root()?;
    let mut pod = find::pod(&session.pods()?, &args.uuid)?;
    if pod.state() != State::Running {
        return Err(Failure::new(format!("pod \"{}\" isn't currently running", pod.uuid()))
            .hint(format!("it is {}", pod.state())));
    }
    let pid = pod
        .wait_container_pid1()
        .context(format!("unable to determine the pid for pod \"{}\"", pod.uuid()))?;
    let app = app(&pod, args.app.as_deref()).context("unable to determine app name")?;
    let mut command = args.command.clone();
    if command.is_empty() {
        eprintln!("enter: no command specified, assuming \"{DEFAULT_COMMAND}\"");
        command.push(DEFAULT_COMMAND.into());
    }
    let stage1 = PodStage1::of(&pod)?;
    let program = locate(&stage1.manifest, &stage1.tree_rootfs(&pod), EntryPoint::Enter)?;
    let words = protocol::EnterArgs { debug: false, pid, app, command }.encode();
    let error = std::process::Command::new(&program).args(words).current_dir(pod.dir()).exec();
    Err(Failure::from(error).within(format!("enter failed: error execing {}", program.display())))
}

/// The app to enter: the named one, or the only one.
fn app(pod: &Pod, name: Option<&str>) -> Result<String, Failure> {
    let manifest = PodManifest::parse(&pod.manifest_bytes()?)?;
    let names: Vec<_> = manifest.apps.iter().map(|app| app.name.as_str()).collect();
    match (name, &names[..]) {
        (Some(name), names) if names.contains(&name) => Ok(name.to_owned()),
        (Some(name), names) => Err(Failure::new(format!("no app \"{name}\" in the pod"))
            .hint(format!("it has {}", names.join(", ")))),
        (None, []) => Err(Failure::new("pod contains zero apps")),
        (None, [name]) => Ok((*name).to_owned()),
        (None, names) => {
            eprintln!("Pod contains multiple apps:\n\t{}", names.join("\n\t"));
            Err(Failure::new("specify app using \"rkt enter --app= ...\""))
        }
    }
}
