//! From what the user typed to a pod.

use std::path::Path;

use appc::PodManifest;
use pod::{DataDir, Pod, State, list};

use crate::error::{Context as _, Failure};

/// The pod whose UUID begins with `prefix`.
pub fn pod(data: &DataDir, prefix: &str) -> Result<Pod, Failure> {
    let find = || Pod::open(data, list::resolve(data, prefix)?);
    find()
        .context("problem retrieving pod")
        .map_err(|failure| failure.hint("`rkt list --full` shows the pods there are"))
}

/// The same, of a pod that must be running.
pub fn running_pod(data: &DataDir, prefix: &str) -> Result<Pod, Failure> {
    let pod = pod(data, prefix)?;
    if pod.state() == State::Running {
        return Ok(pod);
    }
    Err(Failure::new(format!("pod \"{}\" isn't currently running", pod.uuid()))
        .hint(format!("it is {}", pod.state())))
}

/// The first process of a running pod, waiting until there is one.
pub fn first_process(pod: &mut Pod) -> Result<u32, Failure> {
    pod.wait_container_pid1().context(format!("unable to determine the pid for pod \"{}\"", pod.uuid()))
}

/// An app of a pod: the one that the user named, or the only one. `command` is what was typed, for messages.
pub fn app(pod: &Pod, name: Option<&str>, command: &str) -> Result<String, Failure> {
    let find = || {
        let manifest = PodManifest::parse(&pod.manifest_bytes()?)?;
        let names: Vec<_> = manifest.apps.iter().map(|app| app.name.as_str()).collect();
        match (name, &names[..]) {
            (_, []) => Err(Failure::new("pod contains zero apps")),
            (Some(name), names) if names.contains(&name) => Ok(name.to_owned()),
            (Some(name), names) => Err(no_app(name, names)),
            (None, [name]) => Ok((*name).to_owned()),
            (None, names) => {
                eprintln!("Pod contains multiple apps:\n\t{}", names.join("\n\t"));
                Err(Failure::new(format!("specify app using \"{command} --app= ...\"")))
            }
        }
    };
    find().context("unable to determine app name")
}

/// The failure of looking for an app among those of a pod.
pub fn no_app(name: &str, names: &[&str]) -> Failure {
    let failure = Failure::new(format!("no app \"{name}\" in the pod"));
    if names.is_empty() {
        failure.hint("it has none")
    } else {
        failure.hint(format!("it has {}", names.join(", ")))
    }
}

/// What a command was given: UUIDs, or the name of a file that holds one, but not both and not nothing. `unreadable` is the
/// exit code for a file that cannot be read: commands differ in it, and scripts know them.
pub fn prefixes(uuids: &[String], file: Option<&Path>, unreadable: u8) -> Result<Vec<String>, Failure> {
    match (uuids, file) {
        ([], None) => Err(Failure::new("must provide at least one pod UUID").hint(
            "give the UUID or its beginning, or --uuid-file=FILE; `rkt list` shows the pods there are",
        )),
        ([], Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::from(error).within("unable to resolve UUID from file").at(path))
                .map_err(|failure| failure.code(unreadable))?;
            Ok(vec![text.trim().to_owned()])
        }
        (uuids, None) => Ok(uuids.to_vec()),
        (_, Some(_)) => Err(Failure::new("both UUIDs and --uuid-file were given").hint("give one of them")),
    }
}

/// The same for commands that take one pod.
pub fn one_prefix(uuids: &[String], file: Option<&Path>, unreadable: u8) -> Result<String, Failure> {
    let mut found = prefixes(uuids, file, unreadable)?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(Failure::new("more than one pod UUID given").hint("this command takes one pod")),
    }
}
