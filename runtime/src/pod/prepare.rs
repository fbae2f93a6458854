//! Making a pod ready: everything that `run` and `prepare` write before a pod can start.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use appc::{ImageId, PodManifest};
use pod::lock::{KeyLock, Kind};
use pod::{DataDir, Pod, layout};
use rustix::fs::Mode;

use super::assemble::AppImage;
use super::launch::{ReadyApp, ReadyPod};
use super::overlay::make_dir;
use crate::error::{Context as _, Failure};
use crate::store::{ExtractOptions, Store, extract};

/// What a pod is made of.
#[derive(Debug)]
pub struct Recipe<'images> {
    /// Its manifest.
    pub manifest: PodManifest,
    /// The bytes to write as its manifest, when a user gave them; else the manifest is written out.
    pub manifest_text: Option<Vec<u8>>,
    /// The stage1 image.
    pub stage1: &'images AppImage,
    /// The image of each app, in the manifest's order.
    pub images: Vec<&'images AppImage>,
    /// Whether images are mounted rather than copied.
    pub overlay: bool,
}

/// Holds back the collector of rendered images as long as it lives.
pub fn take_prepare_lock(data: &DataDir) -> Result<KeyLock, Failure> {
    let dir = data.locks();
    let take = || match KeyLock::take(&dir, layout::PREPARE_LOCK, Kind::Shared) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            make_dir(&dir, Mode::from_raw_mode(0o750))?;
            KeyLock::take(&dir, layout::PREPARE_LOCK, Kind::Shared)
        }
        other => other,
    };
    take().map_err(|error| Failure::from(error).within("cannot get shared prepare lock").at(&dir))
}

/// Fills the directory of a new pod. The order is the original's: `pod` and `pod-created` come after all images, so that
/// a pod with a manifest is a whole one.
pub fn prepare(pod: Pod, store: &Store, recipe: &Recipe<'_>) -> Result<ReadyPod, Failure> {
    let dir = pod.dir();
    let private = Mode::from_raw_mode(0o750);
    make_dir(&dir.join(layout::APPS_INFO), private)?;
    make_dir(&dir.join("stage1"), private)?;
    let tree =
        store.trees().render(&recipe.stage1.id).context("error rendering tree image of stage1")?.to_string();
    let rootfs = dir.join(layout::STAGE1_ROOTFS);
    write(&dir.join(layout::STAGE1_MANIFEST), recipe.stage1.manifest.to_json().as_bytes(), 0o640)?;
    if !recipe.overlay {
        copy_stage1(store, &recipe.stage1.id, &rootfs).context("error copying stage1")?;
    }
    write(&dir.join(layout::STAGE1_TREE_STORE_ID), tree.as_bytes(), 0o640)?;

    let mut apps = Vec::with_capacity(recipe.images.len());
    for (app, image) in recipe.manifest.apps.iter().zip(&recipe.images) {
        let ready = prepare_app(&dir, store, app.name.as_str(), image, recipe.overlay)
            .context(format!("error setting up image {}", image.manifest.name))?;
        apps.push(ready);
    }

    write(&dir.join(layout::MANIFEST_LOCK), b"", 0o600)?;
    match &recipe.manifest_text {
        Some(text) => write(&dir.join(layout::MANIFEST), text, 0o640)?,
        None => write(&dir.join(layout::MANIFEST), recipe.manifest.to_json().as_bytes(), 0o640)?,
    }
    write(&dir.join(layout::CREATED), b"", 0o640)?;
    if recipe.overlay {
        write(&dir.join(layout::OVERLAY_PREPARED), b"", 0o644)?;
    }
    Ok(ReadyPod {
        pod,
        stage1: recipe.stage1.manifest.clone(),
        apps,
        overlay: recipe.overlay.then_some(tree),
    })
}

fn prepare_app(
    dir: &Path,
    store: &Store,
    name: &str,
    image: &AppImage,
    overlay: bool,
) -> Result<ReadyApp, Failure> {
    let manifest = image.manifest.to_json().into_bytes();
    make_dir(&dir.join(layout::APPS_INFO).join(name), Mode::from_raw_mode(0o750))?;
    let tree = if overlay {
        let tree = store.trees().render(&image.id).context("error rendering tree image")?.to_string();
        write(&dir.join(layout::app_tree_store_id(name)), tree.as_bytes(), 0o640)?;
        Some(tree)
    } else {
        // What stage1 holds was unpacked by ourselves a moment ago, but from a foreign image.
        let stage1 = super::inside::Inside::open(&dir.join(layout::STAGE1_ROOTFS))?;
        for parent in ["opt", layout::STAGE2] {
            stage1.make_dir(parent, 0o755)?;
        }
        let place = stage1.make_dir(&format!("{}/{name}", layout::STAGE2), 0o755)?;
        let place = super::inside::Inside::handle(std::os::fd::AsFd::as_fd(&place));
        extract(store, &image.id, &place, &ExtractOptions::rendered())?;
        None
    };
    write(&dir.join(layout::app_image_manifest(name)), &manifest, 0o640)?;
    Ok(ReadyApp { name: name.to_owned(), tree, manifest })
}

fn copy_stage1(store: &Store, image: &ImageId, rootfs: &Path) -> Result<(), Failure> {
    make_dir(rootfs, Mode::from_raw_mode(0o755))?;
    extract(store, image, rootfs, &ExtractOptions { rootfs_only: true, ..ExtractOptions::rendered() })?;
    Ok(())
}

/// Writes a new file of the pod. It is not forced to disk: until the pod has moved on, it counts as aborted.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let create = || OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(content);
    create().map_err(|error| Failure::from(error).within(format!("cannot write {}", path.display())))
}
