//! An app of a pod that has run, as an image: what its root holds now.
//!
//! The root is looked at through a read-only view of its own, so that nothing mounted in the pod gets into the image,
//! the pod is not touched, and it does not matter whether its mounts are still there.

mod entries;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use appc::ImageManifest;
use appc::archive::{AciWriter, WriteOptions};
use host::bind::Tree;
use pod::{Pod, layout};

use super::inside::Inside;
use super::launch::{private_users, tree_id, tree_rootfs};
use super::overlay::open_place;
use super::prepare::owner_shift;
use crate::error::{Context as _, Failure};
use crate::output_file::OutputFile;
use crate::store::OwnerShift;

/// An app that can be written as an image.
#[derive(Debug)]
pub struct ExitedApp {
    root: OwnedFd,
    manifest: String,
    owners: OwnerShift,
}

impl ExitedApp {
    /// Looks at an app of a pod that has run, and that nobody must start or delete meanwhile.
    ///
    /// # Errors
    /// If files of the pod are missing, or its root cannot be put together.
    pub fn open(pod: &Pod, app: &str) -> Result<Self, Failure> {
        let root = if pod.uses_overlay()? { overlay_root(pod, app) } else { copied_root(pod, app) };
        Ok(Self {
            root: root.context(format!("cannot get at the files of app \"{app}\""))?,
            manifest: manifest(pod, app)?,
            owners: owner_shift(private_users(pod)?),
        })
    }

    /// Writes the image. It is the same each time that it is written.
    ///
    /// # Errors
    /// If something cannot be read, or the output cannot be written.
    pub fn write(&self, output: &mut OutputFile) -> Result<(), Failure> {
        let mut writer = AciWriter::new(output.file(), WriteOptions::default());
        let found = entries::collect(&self.root)?;
        writer.manifest(self.manifest.as_bytes(), found.time())?;
        found.write(&mut writer, self.owners)?;
        writer.finish()?;
        Ok(())
    }
}

/// The manifest of the app's image. The files of images that it depended on, and files that it did not name, are in the
/// image now.
fn manifest(pod: &Pod, app: &str) -> Result<String, Failure> {
    let file = layout::app_image_manifest(app);
    let text = pod.read(&file)?.ok_or_else(|| {
        Failure::new(format!("the image manifest of app \"{app}\" is missing")).at(pod.dir().join(&file))
    })?;
    let mut manifest = ImageManifest::parse(&text)
        .map_err(|error| Failure::from(error).at(pod.dir().join(&file)))
        .context(format!("cannot read the image manifest of app \"{app}\""))?;
    manifest.dependencies.clear();
    manifest.path_whitelist.clear();
    Ok(manifest.to_json())
}

/// The changes that the app made, on the image that it was rendered from.
fn overlay_root(pod: &Pod, app: &str) -> Result<OwnedFd, Failure> {
    let id = tree_id(pod, &layout::app_tree_store_id(app))?;
    let lower = tree_rootfs(pod.data_dir(), &id);
    let open = |path: &Path| open_place(path);
    let image = open(&lower).map_err(|error| {
        Failure::from(error)
            .within("the rendered image of the app is missing")
            .hint("fetch the image again: that renders it too")
    })?;
    let changes = match open(&pod.dir().join(layout::overlay_upper(&id)).join(app)) {
        Ok(upper) => upper,
        // The pod ended before anything was mounted.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return view(&image),
        Err(error) => return Err(error.into()),
    };
    let tree = Tree::overlay(&[changes.as_fd(), image.as_fd()]).context("cannot mount an overlay")?;
    Ok(into_readable(tree)?)
}

/// The copy of the image that the app ran in.
fn copied_root(pod: &Pod, app: &str) -> Result<OwnedFd, Failure> {
    let stage1 = Inside::open(&pod.dir().join(layout::STAGE1_ROOTFS))?;
    view(&stage1.open_place(&format!("{}/{app}/rootfs", layout::STAGE2))?)
}

/// A view of a directory without what is mounted below it.
fn view(place: &OwnedFd) -> Result<OwnedFd, Failure> {
    Ok(into_readable(Tree::copy_of(place, false)?)?)
}

fn into_readable(tree: Tree) -> io::Result<OwnedFd> {
    let root = tree.into_fd();
    // Places cannot be read; this also keeps the view, since it is a file in it.
    File::open(Inside::handle(root.as_fd())).map(Into::into)
}
