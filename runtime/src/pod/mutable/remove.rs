//! Taking an app out of a pod, and taking away what a broken-off addition left.

use pod::lock::Kind;
use pod::{Pod, State, layout};

use super::crossing::{args, call, text};
use super::{locked_manifest, require_app, stage1_root};
use crate::error::{Context as _, Failure};
use crate::pod::inside::Inside;
use crate::pod::remove::remove_tree;
use crate::session::Session;
use crate::stage1::entry::EntryPoint;

/// Removes an app from its pod with all its files; stage1 stops it first if the pod runs.
///
/// # Errors
/// If there is no such app, stage1 cannot let go of it, or something of it resists.
pub fn remove(session: &Session, pod: &mut Pod, app: &str) -> Result<(), Failure> {
    let uuid = pod.uuid();
    match pod.state() {
        State::Running => {}
        // Nobody must delete the pod meanwhile.
        State::Exited | State::ExitedGarbage if pod.try_lock(Kind::Shared)? => {}
        state => {
            return Err(Failure::new(format!("pod \"{uuid}\" is {state}: its apps cannot be removed")));
        }
    }
    let (mut manifest, lock) = locked_manifest(pod)?;
    require_app(&manifest, app)?;
    if pod.state() == State::Running {
        let words = args(session, app);
        // That it does not run any more is all that is wanted of stopping it.
        call(session, pod, EntryPoint::AppStop, &words).context(format!("error stopping app \"{app}\""))?;
        call(session, pod, EntryPoint::AppRm, &words).context(format!("error removing app \"{app}\""))?;
    }
    let root = stage1_root(pod).context("error removing app")?;
    unmount(pod, &root, app).context(format!("error unmounting app \"{app}\""))?;
    // Before the files: an app that is named has its files, and files that nobody names are no harm.
    manifest.apps.retain(|known| known.name != app);
    pod.replace_manifest(manifest.to_json().as_bytes(), &lock).context("cannot write the pod manifest")?;
    clear(pod, &root, app).context(format!("error removing the files of app \"{app}\""))
}

/// Takes away what is mounted below an app's directory, its root above all.
pub(super) fn unmount(pod: &Pod, root: &Inside, app: &str) -> Result<(), Failure> {
    let inside = format!("{}/{app}", layout::STAGE2);
    let Some(real) = root.real_path(&inside)? else { return Ok(()) };
    // A pod may have put a link there.
    if !real.starts_with(pod.dir().canonicalize()?) {
        return Err(Failure::new(format!("{inside} leads out of the pod")).at(real));
    }
    host::mounts::detach_really_above(&real, 1)?;
    Ok(())
}

/// Removes the files of an app, of which nothing is mounted any more. Other apps of the same image keep theirs.
pub(super) fn clear(pod: &Pod, root: &Inside, app: &str) -> Result<(), Failure> {
    root.remove_tree(&format!("{}/{app}", layout::STAGE2))?;
    for file in [layout::app_status(app), layout::app_created(app), layout::app_started(app)] {
        root.remove_file(&text(&file)?)?;
    }
    root.remove_file(&format!("{}/{app}", layout::ENV))?;
    root.remove_tree(&text(&layout::app_iottymux(app))?)?;
    let dir = pod.dir();
    if let Some(tree) = pod.read_text(layout::app_tree_store_id(app))? {
        let tree: crate::store::tree::TreeStoreId = tree.parse()?;
        let overlay = dir.join(layout::OVERLAY).join(tree.to_string());
        for part in ["upper", "work"] {
            remove_tree(&overlay.join(part).join(app))?;
        }
        // The last app of the image takes what is left with it; else the directories are not empty.
        for part in ["upper", "work", ""] {
            let _ = std::fs::remove_dir(overlay.join(part));
        }
    }
    remove_tree(&dir.join(layout::APPS_INFO).join(app))?;
    Ok(())
}
