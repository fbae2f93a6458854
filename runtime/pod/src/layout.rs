//! Names of files and directories: the data directory, and inside each pod.

use crate::state::Directory;
use crate::uuid::Uuid;
use std::path::{Path, PathBuf};

/// Where rkt keeps images and pods when nobody says otherwise.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/rkt";

/// The data directory: everything that rkt keeps is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// The data directory at this path, which should be absolute and free of symlinks.
    pub fn new(root: impl Into<PathBuf>) -> DataDir {
        DataDir { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Scratch space.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Directory of key locks that are not the image store's.
    pub fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// The image store.
    pub fn cas(&self) -> PathBuf {
        self.root.join("cas")
    }

    /// Rendered images, one directory per tree store ID.
    pub fn tree(&self) -> PathBuf {
        self.root.join("cas/tree")
    }

    /// Key locks of rendered images.
    pub fn tree_locks(&self) -> PathBuf {
        self.root.join("cas/treestorelocks")
    }

    /// The directory of all pod directories.
    pub fn pods_root(&self) -> PathBuf {
        self.root.join("pods")
    }

    /// The directory of the pods in one stage of life.
    pub fn pods(&self, directory: Directory) -> PathBuf {
        let mut path = self.pods_root();
        path.push(directory.name());
        path
    }

    /// Where a pod is in one stage of its life.
    pub fn pod(&self, directory: Directory, uuid: Uuid) -> PathBuf {
        let mut path = self.pods(directory);
        path.push(uuid.to_string());
        path
    }
}

/// Name of the key lock that preparing a pod holds shared, and collecting rendered images exclusively.
pub const PREPARE_LOCK: &str = "prepareLock";

// Files of a pod, relative to its directory.

/// The pod manifest, JSON, mode 0640.
pub const MANIFEST: &str = "pod";
/// Locked exclusively by who changes the manifest; empty, mode 0600.
pub const MANIFEST_LOCK: &str = "pod.lck";
/// Empty, mode 0640; its modification time is when the pod was created.
pub const CREATED: &str = "pod-created";
/// Empty, mode 0644; there when the pod's images are overlay mounts.
pub const OVERLAY_PREPARED: &str = "overlay-prepared";
/// `SHIFT:COUNT` without newline, mode 0640; there when user IDs are shifted.
pub const PRIVATE_USERS_PREPARED: &str = "private-users-prepared";
/// Tree store ID of the stage1 image, no newline, mode 0640.
pub const STAGE1_TREE_STORE_ID: &str = "stage1TreeStoreID";
/// Image manifest of the stage1 image, mode 0640.
pub const STAGE1_MANIFEST: &str = "stage1/manifest";
/// Root of the stage1 image: a copy, or an overlay mount while the pod runs.
pub const STAGE1_ROOTFS: &str = "stage1/rootfs";
/// Directory of what is known of each app.
pub const APPS_INFO: &str = "appsinfo";
/// Directory of overlay upper and work directories.
pub const OVERLAY: &str = "overlay";
/// Directory of volumes of kind `empty`; mode 0755.
pub const SHARED_VOLUMES: &str = "sharedVolumes";
/// `"%d\n"`: process ID of the one process whose only child is the pod's first process.
pub const PPID: &str = "ppid";
/// `"%d\n"`: process ID of the pod's first process.
pub const PID: &str = "pid";
/// `"%d\n"`: process group of a fly app.
pub const PGID: &str = "pgid";
/// Symlink whose target is the flavor's name, made by systemd flavors.
pub const FLAVOR: &str = "flavor";
/// Control group of the pod, no newline.
pub const SUBCGROUP: &str = "subcgroup";
/// What the pod was run with, JSON, private to the stage1 that wrote it.
pub const RUNTIME_CONFIG: &str = "runtime-config";
/// Path of the network namespace, which is bound there.
pub const NETNS: &str = "netns";
/// Directory of the network configurations in use.
pub const NET: &str = "net";
/// What networks the pod has, JSON.
pub const NET_INFO: &str = "net-info.json";
/// Empty; there when the pod is registered with the metadata service.
pub const MDS_REGISTERED: &str = "mds-registered";

// Files inside the stage1 root of a pod.

/// Directory of exit statuses, one file per app; must be in every stage1 image.
pub const STATUS: &str = "rkt/status";
/// Directory of environments, one file per app.
pub const ENV: &str = "rkt/env";
/// Directory of the sockets and pipes through which one attaches to apps, one directory per app.
pub const IOTTYMUX: &str = "rkt/iottymux";
/// Symlink to [`SUPERVISOR_READY`] once apps can be added and stopped.
pub const SUPERVISOR_STATUS: &str = "rkt/supervisor-status";
/// Where [`SUPERVISOR_STATUS`] points when the supervisor is ready.
pub const SUPERVISOR_READY: &str = "ready";
/// Directory of the apps' images.
pub const STAGE2: &str = "opt/stage2";
/// Resolver configuration written by stage0.
pub const RKT_RESOLV_CONF: &str = "etc/rkt-resolv.conf";
/// Hosts file written by stage0.
pub const RKT_HOSTS: &str = "etc/rkt-hosts";

/// `appsinfo/<app>/manifest`: the image manifest of an app, mode 0640.
pub fn app_image_manifest(app: &str) -> PathBuf {
    Path::new(APPS_INFO).join(app).join("manifest")
}

/// `appsinfo/<app>/treeStoreID`: the rendered image of an app; only with overlay.
pub fn app_tree_store_id(app: &str) -> PathBuf {
    Path::new(APPS_INFO).join(app).join("treeStoreID")
}

/// `stage1/rootfs/opt/stage2/<app>`: holds `manifest` and `rootfs` of an app while the pod runs.
pub fn app_dir(app: &str) -> PathBuf {
    Path::new(STAGE1_ROOTFS).join(STAGE2).join(app)
}

/// `stage1/rootfs/opt/stage2/<app>/rootfs`: the root of an app.
pub fn app_rootfs(app: &str) -> PathBuf {
    app_dir(app).join("rootfs")
}

/// `stage1/rootfs/rkt/env/<app>`: the environment of an app.
pub fn app_env(app: &str) -> PathBuf {
    Path::new(STAGE1_ROOTFS).join(ENV).join(app)
}

/// `rkt/status/<app>` in the stage1 root: the exit status of an app, a decimal number and a newline.
pub fn app_status(app: &str) -> PathBuf {
    Path::new(STATUS).join(app)
}

/// `rkt/status/<app>-created` in the stage1 root: when an app was added to a mutable pod, as the file's time.
pub fn app_created(app: &str) -> PathBuf {
    Path::new(STATUS).join(format!("{app}{APP_CREATED_SUFFIX}"))
}

/// `rkt/status/<app>-started` in the stage1 root: when an app of a mutable pod was last started, as the file's time.
pub fn app_started(app: &str) -> PathBuf {
    Path::new(STATUS).join(format!("{app}{APP_STARTED_SUFFIX}"))
}

/// What follows an app's name in [`app_created`].
pub const APP_CREATED_SUFFIX: &str = "-created";
/// What follows an app's name in [`app_started`].
pub const APP_STARTED_SUFFIX: &str = "-started";

/// `rkt/iottymux/<app>` in the stage1 root: through which one attaches to an app.
pub fn app_iottymux(app: &str) -> PathBuf {
    Path::new(IOTTYMUX).join(app)
}

/// `overlay/<tree store ID>/upper`: where the changes of a stage1 overlay are.
pub fn overlay_upper(tree_store_id: &str) -> PathBuf {
    Path::new(OVERLAY).join(tree_store_id).join("upper")
}

/// `overlay/<tree store ID>/work`: work directory of a stage1 overlay.
pub fn overlay_work(tree_store_id: &str) -> PathBuf {
    Path::new(OVERLAY).join(tree_store_id).join("work")
}

/// `sharedVolumes/<volume>`: the directory of a volume of kind `empty`.
pub fn shared_volume(volume: &str) -> PathBuf {
    Path::new(SHARED_VOLUMES).join(volume)
}
