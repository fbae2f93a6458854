//! What `run` and `prepare` ask for: the flags, checked as far as that needs no store, and the pod made of them.

use std::path::PathBuf;

use appc::{ImageId, PodManifest};
use grammar::{AppArgs, PrepareOnlyArgs, PullArgs, SandboxArgs, Stage1Args};
use pod::protocol::{PrivateUsers, annotation};
use pod::{DataDir, Pod};

use super::assemble::{AppImage, PodSettings, WantedApp, check_name_length, check_platform, pod_manifest};
use super::environment::{self, PodEnvironment};
use super::launch::ReadyPod;
use super::pairs::{parse_annotations, parse_pairs};
use super::port::{check_ports, parse_port, parse_sandbox_port};
use super::prepare::{Recipe, prepare, take_prepare_lock};
use super::{streams, volume};
use crate::cli::TypedApp;
use crate::error::{Context as _, Failure};
use crate::fetch::{Finder, PullPolicy, Purpose};
use crate::session::Session;
use crate::stage1::entry::{self, EntryPoint};
use crate::stage1::select::{Choice, select};
use crate::store::Store;

/// The pod's manifest, its text if a user wrote it, and the images in its order.
type Contents = (PodManifest, Option<Vec<u8>>, Vec<AppImage>);

/// A pod that somebody wants.
#[derive(Debug)]
pub struct PodRequest {
    stage1: Choice,
    apps: Vec<WantedApp>,
    settings: PodSettings,
    manifest_file: Option<PathBuf>,
    policy: PullPolicy,
    no_overlay: bool,
    private_users: bool,
}

impl PodRequest {
    /// Checks the flags and reads the environment files.
    pub fn new(
        stage1: &Stage1Args,
        args: &PrepareOnlyArgs,
        for_all: &AppArgs,
        typed: &[TypedApp],
    ) -> Result<Self, Failure> {
        let policy = policy(&args.pull)?;
        if args.pod_manifest.is_some() {
            let conflicts = !typed.is_empty()
                || !args.volume.is_empty()
                || !for_all.mount.is_empty()
                || policy != PullPolicy::New
                || args.inherit_env
                || !args.set_env.is_empty()
                || !args.set_env_file.is_empty()
                || !args.port.is_empty();
            if conflicts {
                return Err(Failure::new("conflicting flags set with --pod-manifest (see --help)").hint(
                    "with --pod-manifest leave out images, --volume, --mount, --port, --pull-policy, --inherit-env, --set-env and --set-env-file",
                ));
            }
        } else if typed.is_empty() {
            return Err(Failure::new("must provide at least one image or specify the pod manifest"));
        }
        let apps = typed
            .iter()
            .map(|app| WantedApp::new(app).context("error parsing app image arguments"))
            .collect::<Result<Vec<_>, _>>()?;
        let settings = PodSettings {
            volumes: volume::parse_volumes(&args.volume)?,
            mounts: volume::parse_mounts(&for_all.mount)?,
            environment: pod_environment(args)?,
            ports: args.port.iter().map(|text| parse_port(text)).collect::<Result<_, _>>()?,
            ..PodSettings::default()
        };
        let mounts = settings.mounts.iter().chain(apps.iter().flat_map(WantedApp::mounts));
        volume::check_mounts(mounts, &settings.volumes)?;
        Ok(Self {
            stage1: Choice::new(stage1)?,
            apps,
            settings,
            manifest_file: args.pod_manifest.clone(),
            policy,
            no_overlay: args.no_overlay,
            private_users: args.private_users,
        })
    }

    /// A pod without apps, to which apps will be added.
    pub fn sandbox(args: &SandboxArgs) -> Result<Self, Failure> {
        let settings = PodSettings {
            ports: args.port.iter().map(|text| parse_sandbox_port(text)).collect::<Result<_, _>>()?,
            mutable: true,
            annotations: parse_annotations(&args.annotation)?,
            user_annotations: parse_pairs("user-annotation", &args.user_annotation)?,
            user_labels: parse_pairs("user-label", &args.user_label)?,
            ..PodSettings::default()
        };
        Ok(Self {
            stage1: Choice::new(&args.stage1)?,
            apps: Vec::new(),
            settings,
            manifest_file: None,
            policy: PullPolicy::New,
            no_overlay: args.no_overlay,
            private_users: false,
        })
    }

    /// Whether ports of apps are to appear on the host.
    pub fn has_ports(&self) -> bool {
        !self.settings.ports.is_empty()
    }

    /// How many images were named.
    pub fn app_count(&self) -> usize {
        self.apps.len()
    }

    /// Finds the images and makes the pod, locked and in `prepare/`. `created` is told its UUID as soon as there is
    /// one.
    pub fn fulfil(
        &self,
        session: &Session,
        created: impl FnOnce(pod::Uuid) -> Result<(), Failure>,
    ) -> Result<ReadyPod, Failure> {
        let data = session.pods()?;
        let store = session.store()?;
        let stage1 = select(session, &store, &self.stage1)?;
        let (manifest, manifest_text, images) = self.manifest(session, &store)?;

        self.check_stage1(&stage1, &manifest)?;
        let overlay = !self.no_overlay && overlay_works(&data);
        let private_users = if self.private_users { Some(draw_users(overlay)?) } else { None };

        let pod = Pod::create(&data).context("error creating new pod")?;
        created(pod.uuid())?;
        let recipe = Recipe {
            manifest,
            manifest_text,
            stage1: &stage1,
            images: images.iter().collect(),
            overlay,
            private_users,
        };
        let lock = take_prepare_lock(&data)?;
        let ready = prepare(pod, &store, &recipe).context("error setting up stage0")?;
        drop(lock);
        Ok(ready)
    }

    /// Refuses what the stage1 image cannot do, as far as its manifest says so.
    fn check_stage1(&self, stage1: &AppImage, manifest: &PodManifest) -> Result<(), Failure> {
        let image = &stage1.manifest;
        if self.settings.mutable {
            entry::require_mutable(image)?;
        }
        if self.private_users && entry::shares_host_network(image) {
            return Err(Failure::new(format!(
                "stage1 image \"{}\" cannot run pods in user namespaces (--private-users)",
                image.name
            ))
            .hint("choose another stage1 image, or run the app as another user with --user"));
        }
        let attached = manifest.apps.iter().find(|app| streams::can_be_attached(&app.annotations));
        match attached {
            Some(app) if entry::declared(image, EntryPoint::Attach).is_none() => Err(Failure::new(format!(
                "stage1 image \"{}\" has no streams that one could attach to, as app \"{}\" asks for",
                image.name, app.name
            ))
            .hint("choose another stage1 image, or leave out --stdin, --stdout and --stderr")),
            _ => Ok(()),
        }
    }

    /// What the pod is made of.
    fn manifest(&self, session: &Session, store: &Store) -> Result<Contents, Failure> {
        if let Some(path) = &self.manifest_file {
            let (manifest, text) = read_manifest(path)?;
            let images = manifest
                .apps
                .iter()
                .map(|app| stored_image(store, &app.image.id, app.app.is_some()))
                .collect::<Result<Vec<_>, _>>()
                .context(format!("cannot use the pod manifest {}", path.display()))?;
            let apps = manifest.apps.iter().zip(&images);
            let apps = apps.filter_map(|(app, image)| app.app.as_ref().or(image.manifest.app.as_ref()));
            check_ports(&manifest.ports, &apps)
                .context(format!("cannot use the pod manifest {}", path.display()))?;
            return Ok((manifest, Some(text), images));
        }
        let finder = Finder {
            store,
            insecure: session.insecure,
            policy: self.policy,
            trusted: false,
            debug: session.global.debug,
        };
        let images = self
            .apps
            .iter()
            .map(|app| {
                let id = finder.find(&app.image, Purpose::Run)?;
                Ok(AppImage { id, manifest: store.manifest(&id)? })
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let pairs: Vec<_> = self.apps.iter().zip(&images).collect();
        let manifest = pod_manifest(&pairs, &self.settings)?;
        Ok((manifest, None, images))
    }
}

fn read_manifest(path: &std::path::Path) -> Result<(PodManifest, Vec<u8>), Failure> {
    let failed = || format!("cannot use the pod manifest {}", path.display());
    let text = std::fs::read(path).context(failed())?;
    let manifest = PodManifest::parse(&text).context(failed())?;
    if manifest.apps.is_empty() {
        return Err(Failure::new("pod must contain at least one application").within(failed()));
    }
    manifest.apps.iter().try_for_each(|app| check_name_length(&app.name)).context(failed())?;
    if manifest.annotation(annotation::MUTABLE) == Some("true") {
        return Err(Failure::new("pods whose apps may change begin without apps")
            .within(failed())
            .hint("make the pod with `rkt app sandbox`, then add the apps with `rkt app add`"));
    }
    Ok((manifest, text))
}

/// An image that a pod manifest names; it must be stored, and the app's section must be in one of the two manifests.
fn stored_image(store: &Store, id: &ImageId, has_app: bool) -> Result<AppImage, Failure> {
    let image = AppImage { id: *id, manifest: store.manifest(id)? };
    check_platform(&image.manifest)?;
    if !has_app && image.manifest.app.is_none() {
        return Err(Failure::new(format!(
            "no app section in the pod manifest or in the manifest of image \"{}\"",
            image.manifest.name
        )));
    }
    Ok(image)
}

/// Whether pods can be made of overlay mounts; says why not.
pub fn overlay_works(data: &DataDir) -> bool {
    match host::overlay::support(data.root()) {
        Ok(()) => true,
        Err(reason) => {
            eprintln!("disabling overlay support: \"{reason}\"");
            false
        }
    }
}

/// A range of IDs for a pod in a user namespace.
fn draw_users(overlay: bool) -> Result<PrivateUsers, Failure> {
    if !std::path::Path::new("/proc/self/uid_map").exists() {
        return Err(Failure::new(
            "--private-users is not supported, kernel compiled without user namespace support",
        ));
    }
    if overlay {
        return Err(Failure::new(
            "cannot use both overlay and user namespace: not implemented yet. (Try --no-overlay)",
        ));
    }
    PrivateUsers::random().context("cannot draw a range of user IDs")
}

fn policy(args: &PullArgs) -> Result<PullPolicy, Failure> {
    match (args.store_only, args.no_store, &args.pull_policy) {
        (true, true, _) => Err(Failure::new("both --store-only and --no-store specified")),
        (true, false, _) => Ok(PullPolicy::Never),
        (false, true, _) => Ok(PullPolicy::Update),
        (false, false, Some(text)) => Ok(text.parse()?),
        (false, false, None) => Ok(PullPolicy::New),
    }
}

fn pod_environment(args: &PrepareOnlyArgs) -> Result<PodEnvironment, Failure> {
    let mut settings = PodEnvironment {
        set: environment::parse_variables("set-env", &args.set_env)?,
        ..PodEnvironment::default()
    };
    for file in &args.set_env_file {
        settings.files.extend(environment::read_file(file)?);
    }
    if args.inherit_env {
        let (inherited, odd) = environment::inherit(std::env::vars_os());
        if !odd.is_empty() {
            eprintln!("warning: --inherit-env leaves out what a manifest cannot hold: {}", odd.join(", "));
        }
        settings.inherited = inherited;
    }
    Ok(settings)
}
