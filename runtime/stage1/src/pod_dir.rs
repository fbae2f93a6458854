//! The pod whose directory is the working directory, as stage0 leaves it to entry points.

use crate::failure::{Failure, at};
use appc::{App, ImageManifest, PodManifest, RuntimeApp};
use pod::app::users::Wanted;
use pod::layout;
use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Largest manifest that is read, in bytes.
const MANIFEST_LIMIT: u64 = 16 << 20;

/// Annotation of images that were converted from docker.
const DOCKER_REPOSITORY: &str = "appc.io/docker/repository";

/// A pod with its one app.
#[derive(Debug)]
pub(crate) struct OneAppPod {
    /// The pod's directory, absolute, without symlinks.
    pub(crate) dir: PathBuf,
    /// Its manifest; has exactly one app.
    pub(crate) manifest: PodManifest,
    /// Manifest of the app's image.
    pub(crate) image: ImageManifest,
}

/// The working directory: absolute, without symlinks.
pub(crate) fn working_directory() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(at("find", Path::new("the working directory")))
}

impl OneAppPod {
    /// Reads the manifests.
    pub(crate) fn load() -> Result<OneAppPod, Failure> {
        let dir = working_directory()?;
        let path = dir.join(layout::MANIFEST);
        let manifest = PodManifest::parse(&read(&path)?).map_err(at("understand the pod manifest", &path))?;
        let [app] = &manifest.apps[..] else {
            let count = manifest.apps.len();
            return Err(Failure::new(format!(
                "fly only supports 1 application per Pod for now; {} has {count}",
                path.display()
            ))
            .hint("run each app in a pod of its own, or choose another stage1 image"));
        };
        let mut path = dir.join(layout::app_dir(app.name.as_str())).join("manifest");
        // Whoever is in another mount namespace than the pod does not see its overlays, only stage0's copy beside them.
        let beside = dir.join(layout::app_image_manifest(app.name.as_str()));
        let text = match read(&path) {
            Err(_) if !path.exists() && beside.exists() => {
                path = beside;
                read(&path)?
            }
            seen => seen?,
        };
        let image = ImageManifest::parse(&text).map_err(at("understand the image manifest", &path))?;
        Ok(OneAppPod { dir, manifest, image })
    }

    /// The app as the pod manifest has it.
    pub(crate) fn runtime_app(&self) -> &RuntimeApp {
        &self.manifest.apps[0]
    }

    /// Its name in the pod.
    pub(crate) fn name(&self) -> &str {
        self.runtime_app().name.as_str()
    }

    /// How it is started: as the pod says, else as its image says.
    pub(crate) fn app(&self) -> Result<&App, Failure> {
        self.runtime_app().app.as_ref().or(self.image.app.as_ref()).ok_or_else(|| {
            Failure::new(format!("neither the pod nor the image says how to start app \"{}\"", self.name()))
                .hint("name a program with --exec=PATH")
        })
    }

    /// The root of the app.
    pub(crate) fn rootfs(&self) -> PathBuf {
        self.dir.join(layout::app_rootfs(self.name()))
    }

    /// Who the app runs as, names not looked up yet.
    pub(crate) fn wanted_user<'a>(&'a self, app: &'a App) -> Wanted<'a> {
        let from_docker = self.image.annotation(DOCKER_REPOSITORY).is_some();
        let unchanged = self
            .image
            .app
            .as_ref()
            .is_some_and(|image| image.user == image.group && image.group == app.group);
        Wanted {
            user: &app.user,
            group: &app.group,
            supplementary: &app.supplementary_gids,
            group_may_be_user: from_docker && unchanged,
        }
    }
}

/// Reads a manifest.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::with_capacity(8 << 10);
    let file = File::open(path).map_err(at("open", path))?;
    file.take(MANIFEST_LIMIT + 1).read_to_end(&mut content).map_err(at("read", path))?;
    if content.len() as u64 > MANIFEST_LIMIT {
        return Err(Failure::new(format!("{} is larger than {MANIFEST_LIMIT} bytes", path.display())));
    }
    Ok(content)
}

/// Writes a file of the pod that readers see whole or not at all.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
    let written = options.open(&beside).and_then(|mut file| file.write_all(content));
    written.and_then(|()| fs::rename(&beside, path)).map_err(|error| {
        let _ = fs::remove_file(&beside);
        at("write", path)(error)
    })
}
