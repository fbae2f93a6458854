//! `rkt image gc`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;

use ::pod::layout::{self, DataDir, PREPARE_LOCK};
use ::pod::lock::{KeyLock, Kind};
use ::pod::{Directory, State};
use appc::{ImageId, PodManifest};
use grammar::ImageGcArgs;

use crate::error::{Context as _, EXIT_OK, Failure};
use crate::format::parse_duration;
use crate::session::Session;
use crate::store::tree::TreeStoreId;

/// Where pods are that use trees.
const WITH_TREES: [Directory; 4] =
    [Directory::Prepare, Directory::Prepared, Directory::Run, Directory::ExitedGarbage];

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &ImageGcArgs) -> Result<u8, Failure> {
    let grace = parse_duration(&args.grace_period).context("--grace-period")?.at_least_zero();
    let store = session.store()?;
    let data = session.pods()?;
    let mut failed = 0;
    {
        let _lock = lock_preparing(&data)?;
        let collected = store.collect_trees(&used_trees(&data)?)?;
        for id in &collected.removed {
            eprintln!("gc: removed treestore \"{id}\"");
        }
        for error in &collected.failed {
            eprintln!("gc: {error}");
            failed += 1;
        }
        let cleaned = store.clean_leftovers()?;
        for path in &cleaned.removed {
            eprintln!("gc: removed what a broken-off command left: {}", path.display());
        }
        for error in &cleaned.failed {
            eprintln!("gc: {error}");
            failed += 1;
        }
    }
    let collected = store.collect_images(grace, &running_images(&data)?)?;
    for id in &collected.removed {
        writeln!(std::io::stdout(), "successfully removed aci for image: \"{id}\"")?;
    }
    for error in &collected.failed {
        eprintln!("gc: {error}");
        failed += 1;
    }
    if !collected.removed.is_empty() {
        eprintln!("gc: {} image(s) successfully removed", collected.removed.len());
    }
    if failed > 0 {
        return Err(Failure::new(format!("{failed} things could not be removed"))
            .hint("the messages above say why; `rkt image gc` tries again"));
    }
    Ok(EXIT_OK)
}

/// Keeps pods from being prepared, which would begin to use trees.
fn lock_preparing(data: &DataDir) -> Result<KeyLock, Failure> {
    let dir = data.locks();
    if !dir.is_dir() {
        let made = std::fs::DirBuilder::new().mode(0o750).recursive(true).create(&dir);
        made.context(format!("cannot create {}", dir.display()))?;
    }
    KeyLock::take(&dir, PREPARE_LOCK, Kind::Exclusive)
        .context(format!("cannot get exclusive prepare lock {}", dir.join(PREPARE_LOCK).display()))
}

/// The trees that pods are or will be mounted from. What cannot be read for certain is an error: removing a tree that
/// a pod uses would destroy the pod.
fn used_trees(data: &DataDir) -> Result<BTreeSet<TreeStoreId>, Failure> {
    let mut used = BTreeSet::new();
    for pod in ::pod::list::pods(data, &WITH_TREES)? {
        let pod = pod?;
        let mut names = vec![std::path::PathBuf::from(layout::STAGE1_TREE_STORE_ID)];
        if let Ok(apps) = std::fs::read_dir(pod.dir().join(layout::APPS_INFO)) {
            for app in apps.filter_map(Result::ok) {
                if let Some(name) = app.file_name().to_str() {
                    names.push(layout::app_tree_store_id(name));
                }
            }
        }
        for name in names {
            if let Some(id) = pod.read_text(name)?
                && let Ok(id) = id.trim().parse()
            {
                used.insert(id);
            }
        }
    }
    Ok(used)
}

/// Images of the apps of running pods.
fn running_images(data: &DataDir) -> Result<BTreeSet<ImageId>, Failure> {
    let mut used = BTreeSet::new();
    for pod in ::pod::list::pods(data, &[Directory::Run])? {
        let pod = pod?;
        if pod.state() != State::Running {
            continue;
        }
        let Some(manifest) = pod.read(layout::MANIFEST)? else { continue };
        if let Ok(manifest) = PodManifest::parse(&manifest) {
            used.extend(manifest.apps.iter().map(|app| app.image.id));
        }
    }
    Ok(used)
}
