//! Making a pod ready: everything that `run` and `prepare` write before a pod can start.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use appc::{ImageId, PodManifest};
use pod::lock::{KeyLock, Kind};
use pod::protocol::PrivateUsers;
use pod::{DataDir, Pod, layout};
use rustix::fs::{Gid, Mode, Uid};

use super::assemble::AppImage;
use super::inside::Inside;
use super::launch::{ReadyApp, ReadyPod};
use super::overlay::make_dir;
use crate::error::{Context as _, Failure};
use crate::store::{ExtractOptions, OwnerShift, Store, extract};

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
    /// The range of IDs of a user namespace; not together with overlay.
    pub private_users: Option<PrivateUsers>,
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
    let owners = owner_shift(recipe.private_users);
    let private = Mode::from_raw_mode(0o750);
    make_dir(&dir.join(layout::APPS_INFO), private)?;
    make_dir(&dir.join("stage1"), private)?;
    let tree =
        store.trees().render(&recipe.stage1.id).context("error rendering tree image of stage1")?.to_string();
    let rootfs = dir.join(layout::STAGE1_ROOTFS);
    write(&dir.join(layout::STAGE1_MANIFEST), recipe.stage1.manifest.to_json().as_bytes(), 0o640)?;
    store.touch_last_used(&recipe.stage1.id);
    if !recipe.overlay {
        copy_stage1(store, &recipe.stage1.id, &rootfs, owners).context("error copying stage1")?;
    }
    write(&dir.join(layout::STAGE1_TREE_STORE_ID), tree.as_bytes(), 0o640)?;

    let mut apps = Vec::with_capacity(recipe.images.len());
    for (app, image) in recipe.manifest.apps.iter().zip(&recipe.images) {
        let place = AppPlace { dir: &dir, overlay: recipe.overlay, owners };
        let ready = prepare_app(&place, store, app.name.as_str(), image)
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
    if let Some(users) = recipe.private_users {
        write(&dir.join(layout::PRIVATE_USERS_PREPARED), users.to_string().as_bytes(), 0o640)?;
    }
    Ok(ReadyPod {
        pod,
        stage1: recipe.stage1.manifest.clone(),
        apps,
        overlay: recipe.overlay.then_some(tree),
        owners,
        ports: !recipe.manifest.ports.is_empty(),
    })
}

/// How far the owners of a pod's files are moved.
pub fn owner_shift(users: Option<PrivateUsers>) -> OwnerShift {
    users.map_or(OwnerShift::NONE, |users| OwnerShift { shift: users.shift, count: users.count })
}

/// Where an app's image goes.
#[derive(Debug, Clone, Copy)]
pub struct AppPlace<'pod> {
    /// The pod's directory.
    pub dir: &'pod Path,
    /// Whether the image will be mounted rather than copied.
    pub overlay: bool,
    /// Whom the files belong to.
    pub owners: OwnerShift,
}

/// Makes the image of one app ready: rendered and named in the pod, or copied into it.
pub fn prepare_app(
    place: &AppPlace<'_>,
    store: &Store,
    name: &str,
    image: &AppImage,
) -> Result<ReadyApp, Failure> {
    let manifest = image.manifest.to_json().into_bytes();
    make_dir(&place.dir.join(layout::APPS_INFO).join(name), Mode::from_raw_mode(0o750))?;
    let tree = if place.overlay {
        let tree = store.trees().render(&image.id).context("error rendering tree image")?.to_string();
        write(&place.dir.join(layout::app_tree_store_id(name)), tree.as_bytes(), 0o640)?;
        Some(tree)
    } else {
        // What stage1 holds was unpacked by ourselves a moment ago, but from a foreign image.
        let stage1 = Inside::open(&place.dir.join(layout::STAGE1_ROOTFS))?.owned_by_root_of(place.owners);
        for parent in ["opt", layout::STAGE2] {
            stage1.make_dir(parent, 0o755)?;
        }
        let inside = stage1.make_dir(&format!("{}/{name}", layout::STAGE2), 0o755)?;
        let inside = Inside::handle(std::os::fd::AsFd::as_fd(&inside));
        let options = ExtractOptions { owners: place.owners, ..ExtractOptions::rendered() };
        extract(store, &image.id, &inside, &options)?;
        None
    };
    write(&place.dir.join(layout::app_image_manifest(name)), &manifest, 0o640)?;
    store.touch_last_used(&image.id);
    Ok(ReadyApp { name: name.to_owned(), tree, manifest })
}

fn copy_stage1(store: &Store, image: &ImageId, rootfs: &Path, owners: OwnerShift) -> Result<(), Failure> {
    make_dir(rootfs, Mode::from_raw_mode(0o755))?;
    // An archive need not hold an entry for its root.
    let (uid, gid) = (Uid::from_raw(owners.shift), Gid::from_raw(owners.shift));
    rustix::fs::chown(rootfs, Some(uid), Some(gid)).map_err(std::io::Error::from)?;
    let options = ExtractOptions { rootfs_only: true, owners, ..ExtractOptions::rendered() };
    extract(store, image, rootfs, &options)?;
    Ok(())
}

/// Writes a new file of the pod. It is not forced to disk: until the pod has moved on, it counts as aborted.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let create = || OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(content);
    create().map_err(|error| Failure::from(error).within(format!("cannot write {}", path.display())))
}
