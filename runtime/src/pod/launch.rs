//! Starting a pod: mounts, the files that stage0 writes into stage1, and the call of stage1's `run`.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use appc::{ImageManifest, PodManifest};
use pod::protocol::{ENV_LOCK_FD, ENV_SELINUX_CONTEXT, ENV_SELINUX_MOUNT_CONTEXT, PrivateUsers, RunArgs};
use pod::{DataDir, Pod, layout};
use rustix::fs::{Gid, Mode};

use super::dns::DnsSettings;
use super::inside::Inside;
use super::overlay::{Overlay, make_dir, open_place};
use super::prepare::owner_shift;
use super::umask::NoMask;
use crate::error::{Context as _, Failure};
use crate::stage1::entry::{EntryPoint, interface_version, locate};
use crate::store::OwnerShift;

/// A pod that has been made ready, with what starting it needs to know.
#[derive(Debug)]
pub struct ReadyPod {
    /// The pod.
    pub pod: Pod,
    /// Its stage1.
    pub stage1: ImageManifest,
    /// Names of its apps, in the manifest's order.
    pub apps: Vec<ReadyApp>,
    /// Name of the rendered stage1 image, if the pod is made of overlay mounts.
    pub overlay: Option<String>,
    /// How far the owners of the pod's files are moved.
    pub owners: OwnerShift,
    /// Whether ports of apps are to appear on the host.
    pub ports: bool,
}

/// One app of a pod that has been made ready.
#[derive(Debug)]
pub struct ReadyApp {
    /// Its name.
    pub name: String,
    /// Name of its rendered image, if the pod is made of overlay mounts.
    pub tree: Option<String>,
    /// Its image manifest, as it stands in the pod.
    pub manifest: Vec<u8>,
}

impl ReadyPod {
    /// Reads back what preparing has written.
    pub fn load(pod: Pod) -> Result<Self, Failure> {
        let failed = || format!("cannot use pod \"{}\"", pod.uuid());
        let missing = |name: &Path| {
            Failure::new("a file of the pod is missing")
                .at(pod.dir().join(name))
                .hint("remove the pod with `rkt rm`")
        };
        let read = |name: &Path| pod.read(name).context(failed())?.ok_or_else(|| missing(name));
        let stage1_path = Path::new(layout::STAGE1_MANIFEST);
        let stage1 =
            ImageManifest::parse(&read(stage1_path)?).context(layout::STAGE1_MANIFEST).context(failed())?;
        let overlay = if pod.uses_overlay().context(failed())? {
            Some(tree_id(&pod, Path::new(layout::STAGE1_TREE_STORE_ID)).context(failed())?)
        } else {
            None
        };
        let manifest = PodManifest::parse(&pod.manifest_bytes()?).context(failed())?;
        let mut apps = Vec::with_capacity(manifest.apps.len());
        for app in &manifest.apps {
            let name = app.name.as_str();
            let tree = match overlay {
                Some(_) => Some(tree_id(&pod, &layout::app_tree_store_id(name)).context(failed())?),
                None => None,
            };
            apps.push(ReadyApp {
                name: name.to_owned(),
                tree,
                manifest: read(&layout::app_image_manifest(name))?,
            });
        }
        let owners = owner_shift(private_users(&pod).context(failed())?);
        Ok(Self { pod, stage1, apps, overlay, owners, ports: !manifest.ports.is_empty() })
    }
}

/// The range of IDs of a pod in a user namespace.
pub fn private_users(pod: &Pod) -> Result<Option<PrivateUsers>, Failure> {
    match pod.read_text(layout::PRIVATE_USERS_PREPARED)? {
        Some(text) if !text.is_empty() => {
            let place = pod.dir().join(layout::PRIVATE_USERS_PREPARED);
            text.parse().map(Some).map_err(|error| Failure::from(error).at(place))
        }
        _ => Ok(None),
    }
}

/// The name of a rendered image, from a file of the pod.
pub fn tree_id(pod: &Pod, file: &Path) -> Result<String, Failure> {
    let text = pod.read_text(file)?.unwrap_or_default();
    let id: crate::store::tree::TreeStoreId =
        text.parse().map_err(|error| Failure::from(error).at(pod.dir().join(file)))?;
    Ok(id.to_string())
}

/// What the user asked for at the start of a pod.
#[derive(Debug)]
pub struct LaunchSettings {
    /// What stage1 is told; its UUID is set here.
    pub args: RunArgs,
    /// What stage0 writes for it.
    pub dns: DnsSettings,
}

/// Starts a pod: this process becomes its stage1. Returns only if that fails.
///
/// # Errors
/// If something is missing or cannot be mounted. The pod is in `run/` then and shows as exited.
pub fn launch(mut ready: ReadyPod, settings: &LaunchSettings, mask: NoMask) -> Result<Infallible, Failure> {
    ready.pod.to_run().context("unable to transition to run")?;
    let dir = ready.pod.dir();
    let rootfs = dir.join(layout::STAGE1_ROOTFS);
    if ready.overlay.is_some() {
        mount_stage1(&ready, &dir, &rootfs)?;
    }
    let tree = Inside::open(&rootfs).context("error setting up stage1")?.owned_by_root_of(ready.owners);
    if ready.overlay.is_some() {
        if settings.args.mutable {
            // What is mounted here later must be seen inside the pod, also where the host's mounts are private.
            tree.share().context("error setting up stage1")?;
        }
        // A change, so that the directory exists in the upper layer, where others look for it when nothing is mounted.
        tree.touch(layout::STATUS).context("error touching status dir").map_err(|failure| {
            failure
                .hint(format!("a stage1 image must hold the directory {}: use another one", layout::STATUS))
        })?;
    }
    for app in &ready.apps {
        set_up_app(&ready.pod, &dir, &tree, app)
            .context(format!("error setting up app image of app \"{}\"", app.name))?;
    }
    write_dns(&tree, &settings.dns).context("error with dns flags")?;

    let program =
        locate(&ready.stage1, &rootfs, EntryPoint::Run).context("error determining 'run' entrypoint")?;
    let version = interface_version(&ready.stage1).context("error determining stage1 interface version")?;
    let mut args = settings.args.clone();
    args.uuid = ready.pod.uuid();
    args.private_users = ready.pod.read_text(layout::PRIVATE_USERS_PREPARED)?.unwrap_or_default();
    let (words, omissions) = args.encode(version);
    for omission in omissions {
        eprintln!("stage0: warning: {omission}");
    }
    if args.debug {
        let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        eprintln!("stage0: Execing {} {}", program.display(), shown.join(" "));
    }
    ready.pod.keep_over_exec().context("error getting pod lock fd")?;
    drop(mask);
    exec(&program, &words, &dir, ready.pod.lock_fd().as_raw_fd())
}

fn exec(program: &Path, words: &[OsString], dir: &Path, lock: i32) -> Result<Infallible, Failure> {
    // `exec` also takes back that Rust programs ignore SIGPIPE; stage1 and its apps must not inherit that.
    let error = Command::new(program)
        .args(words)
        .current_dir(dir)
        .env(ENV_LOCK_FD, lock.to_string())
        .env(ENV_SELINUX_CONTEXT, "")
        .env(ENV_SELINUX_MOUNT_CONTEXT, "")
        .exec();
    Err(Failure::from(error)
        .within(format!("error execing {}", program.display()))
        .hint("the stage1 image must be made for this machine's architecture"))
}

/// The stage1 overlay of a pod, mounted on its `stage1/rootfs`.
fn mount_stage1(ready: &ReadyPod, dir: &Path, rootfs: &Path) -> Result<(), Failure> {
    let Some(id) = &ready.overlay else { return Ok(()) };
    let setup = || {
        make_dir(rootfs, Mode::from_raw_mode(0o755))?;
        make_dir(&dir.join(layout::OVERLAY), Mode::from_raw_mode(0o750))?;
        if group_of_all(&ready.pod)?.is_some() {
            // Else the roots of the apps would inherit group and bit by way of their upper directories.
            rustix::fs::chmod(dir.join(layout::OVERLAY), Mode::from_raw_mode(0o750))?;
        }
        make_overlay_dir(&ready.pod, dir, id)
    };
    setup().context("error setting up stage1")?;
    let lower = tree_rootfs(ready.pod.data_dir(), id);
    mount_overlay(dir, id, None, &lower, &open_place(rootfs).context("error setting up stage1")?)
        .context("error setting up stage1")
}

/// Mounts the stage1 overlay of a pod that has run, so that its own programs can clean up. The pod's directory moves; the
/// overlay need not have been mounted there before.
pub fn mount_stage1_again(data: &DataDir, dir: &Path, id: &str) -> Result<(), Failure> {
    let rootfs = dir.join(layout::STAGE1_ROOTFS);
    mount_overlay(dir, id, None, &tree_rootfs(data, id), &open_place(&rootfs)?)
}

/// Root of a rendered image.
pub fn tree_rootfs(data: &DataDir, id: &str) -> PathBuf {
    data.tree().join(id).join("rootfs")
}

/// `overlay/<id>`, with the group of the pod: those who may list pods find the state of stage1 there.
fn make_overlay_dir(pod: &Pod, dir: &Path, id: &str) -> std::io::Result<()> {
    let path = dir.join(layout::OVERLAY).join(id);
    make_dir(&path, Mode::from_raw_mode(0o750))?;
    if let Some(group) = group_of_all(pod)? {
        rustix::fs::chown(&path, None, Some(group))?;
    }
    Ok(())
}

/// The group that everything in a pod's directory inherits, where distributions have set the data directory up so.
fn group_of_all(pod: &Pod) -> std::io::Result<Option<Gid>> {
    let stat = rustix::fs::fstat(pod.lock_fd())?;
    let inherits = Mode::from_raw_mode(stat.st_mode).contains(Mode::SGID);
    Ok(inherits.then(|| Gid::from_raw(stat.st_gid)))
}

fn mount_overlay(
    dir: &Path,
    id: &str,
    app: Option<&str>,
    lower: &Path,
    place: &std::os::fd::OwnedFd,
) -> Result<(), Failure> {
    let (mut upper, mut work) = (dir.join(layout::overlay_upper(id)), dir.join(layout::overlay_work(id)));
    if let Some(app) = app {
        for path in [&mut upper, &mut work] {
            make_dir(path, Mode::from_raw_mode(0o750))?;
            path.push(app);
        }
    }
    Overlay { lower, upper: &upper, work: &work }.mount(place)
}

/// Makes an app's root appear inside stage1.
pub fn set_up_app(pod: &Pod, dir: &Path, stage1: &Inside, app: &ReadyApp) -> Result<(), Failure> {
    let inside = format!("{}/{}", layout::STAGE2, app.name);
    if let Some(id) = &app.tree {
        match stage1.make_dir(&inside, 0o750) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Images of others need not hold it.
                for parent in ["opt", layout::STAGE2] {
                    stage1.make_dir(parent, 0o755)?;
                }
                stage1.make_dir(&inside, 0o750)?
            }
            made => made?,
        };
        stage1.write(&format!("{inside}/manifest"), &app.manifest, 0o640)?;
        let place = stage1.make_dir(&format!("{inside}/rootfs"), 0o755)?;
        make_overlay_dir(pod, dir, id)?;
        mount_overlay(dir, id, Some(&app.name), &tree_rootfs(pod.data_dir(), id), &place)?;
    }
    // Opened anew: what is mounted there now, not what it is mounted on.
    let root = Inside::below(stage1, &format!("{inside}/rootfs"))?;
    root.link_unless_there("etc", "mtab", "../proc/self/mounts")?;
    Ok(())
}

/// Writes what the flags ask stage0 to write.
fn write_dns(stage1: &Inside, dns: &DnsSettings) -> Result<(), Failure> {
    let fallback = || stage1.read_text("etc/hosts-fallback");
    let files = [
        (layout::RKT_RESOLV_CONF, dns.resolv_conf()),
        (layout::RKT_HOSTS, if dns.writes_hosts() { dns.hosts_file(fallback()?.as_deref()) } else { None }),
    ];
    for (path, text) in files {
        if let Some(text) = text {
            stage1.make_dir("etc", 0o755)?;
            stage1.write(path, text.as_bytes(), 0o644)?;
        }
    }
    Ok(())
}
