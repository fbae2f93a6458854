//! The pod whose directory is the working directory, as stage0 leaves it to entry points.

use crate::failure::{Failure, at};
use crate::system;
use appc::{App, ImageManifest, PodManifest, RuntimeApp};
use pod::app::users::Wanted;
use pod::layout;
use pod::protocol::ENV_LOCK_FD;
use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Largest manifest that is read, in bytes.
const MANIFEST_LIMIT: u64 = 16 << 20;

/// Annotation of images that were converted from docker.
const DOCKER_REPOSITORY: &str = "appc.io/docker/repository";

/// A pod with all its apps.
#[derive(Debug)]
pub(crate) struct PodDir {
    /// The pod's directory, absolute, without symlinks.
    pub(crate) dir: PathBuf,
    /// Its manifest.
    pub(crate) manifest: PodManifest,
    /// Manifests of the apps' images, in the manifest's order.
    pub(crate) images: Vec<ImageManifest>,
}

/// A pod that has one app.
#[derive(Debug)]
pub(crate) struct OneAppPod(PodDir);

/// One app of a pod, as pod and image have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PodApp<'a> {
    /// The pod's directory.
    pub(crate) dir: &'a Path,
    /// The app in the pod manifest.
    pub(crate) runtime: &'a RuntimeApp,
    /// The manifest of its image.
    pub(crate) image: &'a ImageManifest,
}

/// The working directory: absolute, without symlinks.
pub(crate) fn working_directory() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(at("find", Path::new("the working directory")))
}

impl PodDir {
    /// Reads the manifests of the pod in the working directory.
    pub(crate) fn load() -> Result<PodDir, Failure> {
        let dir = working_directory()?;
        let manifest = manifest(&dir)?;
        let images = manifest.apps.iter().map(|app| image_manifest(&dir, app)).collect::<Result<_, _>>()?;
        Ok(PodDir { dir, manifest, images })
    }

    /// The apps, in the manifest's order.
    pub(crate) fn apps(&self) -> impl Iterator<Item = PodApp<'_>> {
        let apps = self.manifest.apps.iter().zip(&self.images);
        apps.map(|(runtime, image)| PodApp { dir: &self.dir, runtime, image })
    }

    /// The app with a name.
    pub(crate) fn app(&self, name: &str) -> Result<PodApp<'_>, Failure> {
        self.apps().find(|app| app.name() == name).ok_or_else(|| {
            let names: Vec<&str> = self.apps().map(|app| app.name()).collect();
            Failure::new(format!("the pod has no app \"{name}\""))
                .hint(format!("its apps are: {}", names.join(", ")))
        })
    }
}

impl OneAppPod {
    /// Reads the manifests.
    pub(crate) fn load() -> Result<OneAppPod, Failure> {
        let dir = working_directory()?;
        let manifest = manifest(&dir)?;
        let [app] = &manifest.apps[..] else {
            let count = manifest.apps.len();
            return Err(Failure::new(format!(
                "fly only supports 1 application per Pod for now; {} has {count}",
                dir.join(layout::MANIFEST).display()
            ))
            .hint("run each app in a pod of its own, or choose another stage1 image"));
        };
        let images = vec![image_manifest(&dir, app)?];
        Ok(OneAppPod(PodDir { dir, manifest, images }))
    }

    /// The app.
    pub(crate) fn the_app(&self) -> PodApp<'_> {
        PodApp { dir: &self.dir, runtime: &self.manifest.apps[0], image: &self.images[0] }
    }
}

impl Deref for OneAppPod {
    type Target = PodDir;

    fn deref(&self) -> &PodDir {
        &self.0
    }
}

impl<'a> PodApp<'a> {
    /// Its name in the pod.
    pub(crate) fn name(&self) -> &'a str {
        self.runtime.name.as_str()
    }

    /// How it is started: as the pod says, else as its image says.
    pub(crate) fn app(&self) -> Result<&'a App, Failure> {
        self.runtime.app.as_ref().or(self.image.app.as_ref()).ok_or_else(|| {
            Failure::new(format!("neither the pod nor the image says how to start app \"{}\"", self.name()))
                .hint("name a program with --exec=PATH")
        })
    }

    /// The root of the app.
    pub(crate) fn rootfs(&self) -> PathBuf {
        self.dir.join(layout::app_rootfs(self.name()))
    }

    /// Whether its image was converted from docker.
    pub(crate) fn is_from_docker(&self) -> bool {
        self.image.annotation(DOCKER_REPOSITORY).is_some()
    }

    /// Who the app runs as, names not looked up yet.
    pub(crate) fn wanted_user(&self, app: &'a App) -> Wanted<'a> {
        let from_docker = self.is_from_docker();
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
            shift: 0,
        }
    }
}

/// The descriptor that holds the pod's lock, which the app must inherit.
pub(crate) fn inherited_lock() -> Result<BorrowedFd<'static>, Failure> {
    let hint = "this program is started by rkt run, which hands it the lock of the pod";
    let Some(value) = env::var_os(ENV_LOCK_FD) else {
        return Err(Failure::new(format!("{ENV_LOCK_FD} is not set in the environment")).hint(hint));
    };
    let number = value.to_str().and_then(|text| text.parse().ok());
    let wrong = |why: &str| {
        Failure::new(format!("{ENV_LOCK_FD}={} in the environment {why}", value.to_string_lossy())).hint(hint)
    };
    let number = number.ok_or_else(|| wrong("is not a number"))?;
    system::inherited_fd(number).map_err(|_| wrong("is not an open descriptor"))
}

/// Reads the manifest of a pod.
fn manifest(dir: &Path) -> Result<PodManifest, Failure> {
    let path = dir.join(layout::MANIFEST);
    PodManifest::parse(&read(&path)?).map_err(at("understand the pod manifest", &path))
}

/// Reads the manifest of an app's image.
fn image_manifest(dir: &Path, app: &RuntimeApp) -> Result<ImageManifest, Failure> {
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
    ImageManifest::parse(&text).map_err(at("understand the image manifest", &path))
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
