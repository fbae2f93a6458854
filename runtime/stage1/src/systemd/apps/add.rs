//! `app_add`: puts an app into a running pod. Stage0 has prepared its root and named it in the pod manifest.

use super::{Target, mounts, rm};
use crate::failure::{Failure, at, warn};
use crate::pod_dir::{PodApp, PodDir};
use crate::runtime_config;
use crate::systemd::app::{self, Conditions, ReadyApp};
use crate::systemd::init::write::{self, Files};
use crate::systemd::isolation::capabilities;
use crate::systemd::isolation::resources::Enforced;
use crate::systemd::unit::dialect::Dialect;
use crate::systemd::units::app::Life;
use crate::systemd::{cgroup, processes};
use pod::layout;
use pod::protocol::{AppAddArgs, annotation};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::ExitCode;

/// Largest `runtime-config` that is read, in bytes.
const CONFIG_LIMIT: u64 = 1 << 20;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = AppAddArgs::decode(program, arguments)?;
    let target = Target::find(&args.app)?;
    let pod = PodDir::load()?;
    if pod.manifest.annotation(annotation::MUTABLE) != Some("true") {
        return Err(Failure::new(format!("the apps of pod {} cannot be changed", args.uuid))
            .hint("a pod whose apps come and go is made with rkt app sandbox"));
    }
    let volumes = shared_volumes(&pod.dir)?;
    let added = Addition { args: &args, target: &target, pod: &pod }.make();
    if let Err(failure) = added {
        undo(&target, &pod, &volumes);
        return Err(failure);
    }
    Ok(ExitCode::SUCCESS)
}

struct Addition<'a> {
    args: &'a AppAddArgs,
    target: &'a Target,
    pod: &'a PodDir,
}

impl Addition<'_> {
    fn make(&self) -> Result<(), Failure> {
        let Addition { args, target, pod } = self;
        let app = pod.app(&args.app)?;
        let systemctl = target.systemctl().debug(args.debug);
        let config = self.config()?;
        let dialect = Dialect::of(systemctl.version()?);
        let conditions = Conditions::of(&config, dialect)?;
        let ready = app::ready(&pod.manifest, app, &conditions)?;
        for warning in &ready.warnings {
            warn(format_args!("app_add: warning: {warning}"));
        }
        let missing = self.missing_capabilities(&ready);
        if !missing.is_empty() {
            warn(format_args!(
                "app_add: warning: app \"{}\" does not get {}: a pod has the capabilities that it was started with",
                args.app,
                missing.join(", ")
            ));
        }
        mounts::mount(&target.first, &args.app, &app.rootfs(), &ready.mounts)?;
        self.write(app, &ready, dialect, conditions.shift())?;
        systemctl.reload()
    }

    /// Capabilities that the app is to keep and the pod does not have itself.
    fn missing_capabilities(&self, ready: &ReadyApp) -> Vec<String> {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.target.enter.pid)).unwrap_or_default();
        let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
        let Some(bounding) = bounding.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()) else {
            return Vec::new();
        };
        let has = |name: &String| capabilities::number(name).is_none_or(|number| bounding >> number & 1 == 1);
        ready.units.capabilities.iter().flatten().filter(|name| !has(name)).cloned().collect()
    }

    /// What the pod was run with.
    fn config(&self) -> Result<pod::protocol::RunArgs, Failure> {
        let path = self.pod.dir.join(layout::RUNTIME_CONFIG);
        let mut text = Vec::new();
        let file = File::open(&path).map_err(at("open", &path))?;
        file.take(CONFIG_LIMIT).read_to_end(&mut text).map_err(at("read", &path))?;
        runtime_config::from_json(&text, self.args.uuid).map_err(at("understand", &path))
    }

    fn write(&self, app: PodApp<'_>, ready: &ReadyApp, dialect: Dialect, shift: u32) -> Result<(), Failure> {
        let root = self.target.root()?;
        let files = Files { root: &root, shift };
        let group = processes::subcgroup(&self.pod.dir).unwrap_or_default();
        let enforced = Enforced::in_pod(&cgroup::Host::look()?, &group);
        // Of an app of the same name that was not taken away in the end.
        write::forget_app(&root, app.name())?;
        write::app(&files, self.pod, ready, Life::Mutable, dialect, enforced)
    }
}

/// The volumes of kind `empty` that there are.
fn shared_volumes(dir: &Path) -> Result<BTreeSet<OsString>, Failure> {
    let path = dir.join(layout::SHARED_VOLUMES);
    match fs::read_dir(&path) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.file_name()).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(at("read the directory", &path)(error)),
    }
}

/// Leaves nothing of an app that could not be added: no mounts, no files, no volumes that were made for it.
fn undo(target: &Target, pod: &PodDir, volumes: &BTreeSet<OsString>) {
    let tell = |what: &str, result: Result<(), Failure>| {
        if let Err(failure) = result {
            failure.within(what).report("app_add: warning");
        }
    };
    tell("cannot take the mounts away again", rm::unmount(target));
    let forgotten = target.root().and_then(|root| write::forget_app(&root, &target.app));
    tell("cannot take the units away again", forgotten);
    tell("cannot tell systemd so", target.systemctl().reload());
    let now = shared_volumes(&pod.dir).unwrap_or_default();
    for name in now.difference(volumes) {
        let path = pod.dir.join(layout::SHARED_VOLUMES).join(name);
        tell("cannot take a volume away again", fs::remove_dir_all(&path).map_err(at("remove", &path)));
    }
}
