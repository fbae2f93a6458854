//! `rkt enter` and `rkt app exec`.

use std::os::unix::process::CommandExt as _;

use grammar::EnterArgs;
use pod::protocol;

use crate::error::Failure;
use crate::pod::find;
use crate::session::Session;
use crate::stage1::call::PodStage1;
use crate::stage1::entry::{EntryPoint, locate};

/// What is run when nothing is said.
const DEFAULT_COMMAND: &str = "/bin/bash";

/// Runs the command, typed as `rkt` and `name`. It comes back only with a failure: on success this process has become
/// the command.
pub fn run(session: &Session, args: &EnterArgs, name: &str) -> Result<u8, Failure> {
    session.require_root()?;
    let mut pod = find::running_pod(&session.pods()?, &args.uuid)?;
    let pid = find::first_process(&mut pod)?;
    let app = find::app(&pod, args.app.as_deref(), &format!("rkt {name}"))?;
    let mut command = args.command.clone();
    if command.is_empty() {
        let prefix = name.rsplit(' ').next().unwrap_or(name);
        eprintln!("{prefix}: no command specified, assuming \"{DEFAULT_COMMAND}\"");
        command.push(DEFAULT_COMMAND.into());
    }
    let stage1 = PodStage1::of(&pod)?;
    let program = locate(&stage1.manifest, &stage1.tree_rootfs(&pod), EntryPoint::Enter)?;
    let words = protocol::EnterArgs { debug: false, pid, app, command }.encode();
    let error = std::process::Command::new(&program).args(words).current_dir(pod.dir()).exec();
    Err(Failure::from(error).within(format!("enter failed: error execing {}", program.display())))
}
