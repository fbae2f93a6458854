//! Putting an app into a running pod.

use appc::RuntimeApp;
use pod::app::environment::Environment;
use pod::protocol::AppAddArgs;
use pod::{ManifestLock, Pod, layout};

use super::crossing::{call, text};
use super::remove::{clear, unmount};
use super::{locked_manifest, require_supervisor, stage1_root};
use crate::error::{Context as _, Failure};
use crate::fetch::{Finder, PullPolicy, Purpose};
use crate::pod::assemble::{AppImage, PodSettings, WantedApp};
use crate::pod::inside::Inside;
use crate::pod::launch::{private_users, set_up_app};
use crate::pod::prepare::{AppPlace, owner_shift, prepare_app, take_prepare_lock};
use crate::pod::{port, streams, volume};
use crate::session::Session;
use crate::stage1::call::PodStage1;
use crate::stage1::entry::{EntryPoint, declared, require_mutable};
use crate::store::Store;

/// Adds an app, whose image must be stored, to a running pod. It is not started.
///
/// # Errors
/// If the pod cannot take it, or something about it is wrong. The pod is as it was then.
pub fn add(session: &Session, pod: &mut Pod, wanted: &WantedApp) -> Result<(), Failure> {
    let (mut manifest, lock) = locked_manifest(pod)?;
    require_supervisor(pod)?;
    let stage1 = PodStage1::of(pod)?.manifest;
    require_mutable(&stage1)?;
    if declared(&stage1, EntryPoint::AppAdd).is_none() {
        return Err(Failure::new(format!(
            "apps cannot be added to pods of stage1 image \"{}\"",
            stage1.name
        )));
    }
    let store = session.store()?;
    let image = find_image(session, &store, &wanted.image)?;
    let app = wanted.runtime_app(&image, &PodSettings::default())?;
    if manifest.app(app.name.as_str()).is_some() {
        return Err(Failure::new(format!("error: multiple apps with name {}", app.name))
            .hint("give it a name of its own with --name=NAME, or remove the other with `rkt app rm`"));
    }
    check_name(app.name.as_str())?;
    volume::check_mounts(&app.mounts, &manifest.volumes)?;
    if streams::can_be_attached(&app.annotations) && declared(&stage1, EntryPoint::Attach).is_none() {
        return Err(Failure::new(format!(
            "stage1 image \"{}\" has no streams that one could attach to",
            stage1.name
        ))
        .hint("leave out --stdin, --stdout and --stderr"));
    }
    manifest.apps.push(app.clone());
    manifest.check().context("the pod manifest would not be valid")?;
    port::check_ports(&manifest.ports, &manifest.apps.iter().filter_map(|app| app.app.as_ref()))?;

    let root = stage1_root(pod)?.owned_by_root_of(owner_shift(private_users(pod)?));
    let name = app.name.as_str();
    // What a broken-off addition of an app with this name may have left.
    unmount(pod, &root, name).context("error removing leftovers")?;
    clear(pod, &root, name).context("error removing leftovers")?;
    let before = pod.manifest_bytes()?;
    let added = put(session, pod, &root, &store, &image, &app, (&manifest.to_json(), &lock));
    if added.is_err() {
        take_back(pod, &root, name, (&before, &lock));
    }
    added.context(format!("error adding app \"{name}\""))
}

fn find_image(session: &Session, store: &Store, reference: &str) -> Result<AppImage, Failure> {
    let finder = Finder {
        store,
        insecure: session.insecure,
        policy: PullPolicy::Never,
        trusted: false,
        debug: session.global.debug,
    };
    let id = finder.find(reference, Purpose::Run)?;
    Ok(AppImage { id, manifest: store.manifest(&id)? })
}

/// Refuses names whose files would be taken for those that tell how far another app has come.
fn check_name(name: &str) -> Result<(), Failure> {
    for suffix in [layout::APP_CREATED_SUFFIX, layout::APP_STARTED_SUFFIX] {
        if name.ends_with(suffix) {
            return Err(Failure::new(format!(
                "an app of a pod that changes cannot be called \"{name}\": names that end in {suffix} are taken"
            ))
            .hint("give it another name with --name=NAME"));
        }
    }
    Ok(())
}

fn put(
    session: &Session,
    pod: &mut Pod,
    root: &Inside,
    store: &Store,
    image: &AppImage,
    app: &RuntimeApp,
    (manifest, lock): (&str, &ManifestLock),
) -> Result<(), Failure> {
    let name = app.name.as_str();
    let dir = pod.dir();
    let place =
        AppPlace { dir: &dir, overlay: pod.uses_overlay()?, owners: owner_shift(private_users(pod)?) };
    let held = take_prepare_lock(pod.data_dir())?;
    let ready = prepare_app(&place, store, name, image).context("error setting up app image")?;
    drop(held);
    set_up_app(pod, &dir, root, &ready).context("error setting up app image")?;
    let variables = app.app.iter().flat_map(|app| &app.environment);
    let variables = variables.map(|variable| (variable.name.as_str(), variable.value.as_str()));
    let environment = Environment::compose(name, variables, None);
    root.write(&format!("{}/{name}", layout::ENV), &environment.to_file(), 0o644)
        .context("error writing the environment")?;
    pod.replace_manifest(manifest.as_bytes(), lock).context("cannot write the pod manifest")?;
    root.write(&text(&layout::app_created(name))?, b"", 0o644)
        .context("cannot note that the app is there")?;
    let args = AppAddArgs { debug: session.global.debug, uuid: pod.uuid(), app: name.to_owned() };
    call(session, pod, EntryPoint::AppAdd, &args.encode()).map(|_| ())
}

/// Leaves the pod as it was before. That this fails too is said, and no more: the next addition tries again.
fn take_back(pod: &Pod, root: &Inside, name: &str, (manifest, lock): (&[u8], &ManifestLock)) {
    let undo = || {
        pod.replace_manifest(manifest, lock)?;
        unmount(pod, root, name)?;
        clear(pod, root, name)
    };
    if let Err(failure) = undo() {
        eprintln!("{}", failure.render("add: warning: cannot take back what was done", false));
    }
}
