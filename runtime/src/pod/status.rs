//! What lists and `status` show about a pod.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use appc::{ImageManifest, PodManifest, RuntimeApp};
use pod::protocol::annotation;
use pod::{Pod, State, layout};
use serde::Serialize;
use serde_json::Value;

use super::inside::Inside;
use crate::error::{Context as _, Failure};

/// A pod as `--format=json` shows it; keys in the original's order.
#[derive(Debug, Clone, Serialize)]
pub struct PodStatus {
    /// UUID.
    pub name: String,
    /// State, as users know it.
    pub state: &'static str,
    /// Networks, as stage1 left them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    app_names: Vec<String>,
    /// The apps, in the manifest's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<AppStatus>,
    /// Seconds since 1970.
    #[serde(rename = "created_at", skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(rename = "started_at", skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    user_annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    user_labels: BTreeMap<String, String>,
    /// When the pod was created; none while it is being prepared.
    #[serde(skip)]
    pub created: Option<SystemTime>,
    /// When it was started.
    #[serde(skip)]
    pub started: Option<SystemTime>,
    /// What could not be read.
    #[serde(skip)]
    pub problems: Vec<String>,
}

/// An app of a pod as `--format=json` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct AppStatus {
    /// Name in the pod.
    pub name: String,
    /// `unknown`, `created`, `running` or `exited`.
    pub state: &'static str,
    /// Nanoseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<i64>,
    /// What its program ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// ID of its image.
    pub image_id: String,
    /// Its mounts, as the pod manifest has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<MountStatus>,
    /// Its user annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user_annotations: BTreeMap<String, String>,
    /// Its user labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user_labels: BTreeMap<String, String>,
    /// `name:version` of its image, or `--`.
    #[serde(skip)]
    pub image_name: String,
    /// When it was made.
    #[serde(skip)]
    pub created: Option<SystemTime>,
    /// When it was started.
    #[serde(skip)]
    pub started: Option<SystemTime>,
    /// When it ended, or what comes nearest to that.
    #[serde(skip)]
    pub finished: Option<SystemTime>,
}

/// A volume at a place of an app.
#[derive(Debug, Clone, Serialize)]
pub struct MountStatus {
    /// The volume.
    pub name: String,
    /// Where it is inside the app.
    pub container_path: String,
    /// Where it is on the host; empty for volumes of the whole pod and for those that are not from the host.
    pub host_path: String,
    /// Whether the app only reads there.
    pub read_only: bool,
}

impl PodStatus {
    /// Reads what there is. Never fails: what cannot be read is missing, and says so in `problems`.
    pub fn of(pod: &Pod) -> Self {
        let mut problems = Vec::new();
        let mut note =
            |failure: Failure| problems.push(failure.render(&format!("pod {}", pod.uuid()), false));
        let state = pod.state();
        let unborn = matches!(state, State::Embryo | State::Preparing | State::AbortedPrepare);
        let created = if unborn { None } else { ok(pod.created(), &mut note).flatten() };
        let started = ok(pod.started(), &mut note).flatten();
        let manifest = if unborn || matches!(state, State::Deleting | State::ExitedDeleting) {
            None
        } else {
            let parsed = pod.manifest_bytes().map_err(Failure::from).and_then(|text| {
                PodManifest::parse(&text)
                    .map_err(|error| Failure::from(error).at(pod.dir().join(layout::MANIFEST)))
            });
            ok(parsed, &mut note)
        };
        let finished = ok(pod.gc_marked(), &mut note).flatten();
        let apps: Vec<_> = manifest
            .iter()
            .flat_map(|manifest| &manifest.apps)
            .map(|app| {
                let life = Life::with_pod(pod, app.name.as_str(), [created, started, finished]);
                AppStatus::of(pod, app, &life)
            })
            .collect();
        let shows_networks = matches!(state, State::Running | State::Exited | State::ExitedGarbage);
        let (user_annotations, user_labels) =
            manifest.map(|manifest| (manifest.user_annotations, manifest.user_labels)).unwrap_or_default();
        Self {
            name: pod.uuid().to_string(),
            state: state.as_str(),
            networks: if shows_networks { networks(pod) } else { Vec::new() },
            app_names: apps.iter().map(|app| app.name.clone()).collect(),
            apps,
            created_at: created.map(seconds),
            started_at: started.map(seconds),
            user_annotations,
            user_labels,
            created,
            started,
            problems,
        }
    }

    /// The networks in one line: `name:ip4=ADDRESS, …`.
    pub fn networks_text(&self) -> String {
        let text =
            |net: &Value, key: &str| net.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let nets: Vec<_> = self
            .networks
            .iter()
            .map(|net| format!("{}:ip4={}", text(net, "netName"), text(net, "ip")))
            .collect();
        nets.join(", ")
    }
}

/// When things happened to an app, and what it ended with.
#[derive(Debug, Clone, Default)]
struct Life {
    state: &'static str,
    created: Option<SystemTime>,
    started: Option<SystemTime>,
    finished: Option<SystemTime>,
    exit_code: Option<i32>,
}

impl Life {
    /// Of an app that lives as long as its pod. `times` are those of the pod: created, started, marked for deletion.
    fn with_pod(pod: &Pod, app: &str, times: [Option<SystemTime>; 3]) -> Self {
        let [created, started, finished] = times;
        let exit_code = exit_code(pod, app);
        let state = match pod.state() {
            _ if exit_code.is_some() => "exited",
            State::Prepared => "created",
            State::Running => "running",
            state if state.is_after_run() => "exited",
            _ => "unknown",
        };
        Self { state, created, started, finished, exit_code }
    }

    /// Of an app that comes and goes while its pod runs: files beside each other tell how far it has come.
    fn within_pod(pod: &Pod, app: &str) -> Self {
        let root = pod.stage1_state_root().ok().and_then(|root| Inside::open(&pod.dir().join(root)).ok());
        let time = |path: &Path| -> Option<SystemTime> {
            Some(pod::modified(&root.as_ref()?.stat_strictly(path.to_str()?).ok()?))
        };
        let created = time(&layout::app_created(app));
        let started = time(&layout::app_started(app));
        let finished = time(&layout::app_status(app));
        let state = match (created, started, finished) {
            _ if pod.state().is_after_run() => "exited",
            (_, _, Some(_)) => "exited",
            (_, Some(_), None) => "running",
            (Some(_), None, None) => "created",
            (None, None, None) => "unknown",
        };
        // What cannot be read is no success.
        let exit_code = finished.map(|_| exit_code(pod, app).unwrap_or(1));
        Self { state, created, started, finished, exit_code }
    }
}

/// The apps of a pod with what happened to each.
///
/// # Errors
/// If the pod has no manifest that can be read.
pub fn apps(pod: &Pod) -> Result<Vec<AppStatus>, Failure> {
    let manifest = PodManifest::parse(&pod.manifest_bytes()?)
        .map_err(|error| Failure::from(error).at(pod.dir().join(layout::MANIFEST)))?;
    let mutable = manifest.annotation(annotation::MUTABLE) == Some("true");
    let times = [pod.created()?, pod.started()?, pod.gc_marked()?];
    let status = |app: &RuntimeApp| {
        let name = app.name.as_str();
        let life = if mutable { Life::within_pod(pod, name) } else { Life::with_pod(pod, name, times) };
        AppStatus::of(pod, app, &life)
    };
    Ok(manifest.apps.iter().map(status).collect())
}

/// Whether stage1 has said that its supervisor is ready: that apps can be added, started and stopped.
pub fn supervisor_is_ready(pod: &Pod) -> bool {
    let Ok(root) = pod.stage1_state_root() else { return false };
    let Ok(tree) = Inside::open(&pod.dir().join(root)) else { return false };
    tree.read_link(layout::SUPERVISOR_STATUS).is_ok_and(|target| target == layout::SUPERVISOR_READY)
}

impl AppStatus {
    fn of(pod: &Pod, app: &RuntimeApp, life: &Life) -> Self {
        let Life { state, created, started, finished, exit_code } = *life;
        let section = app.app.as_ref();
        let mounts = app.mounts.iter().map(|mount| MountStatus {
            name: mount.volume.to_string(),
            container_path: mount.path.clone(),
            host_path: mount.app_volume.as_ref().and_then(|volume| volume.source.clone()).unwrap_or_default(),
            read_only: mount.app_volume.as_ref().and_then(|volume| volume.read_only).unwrap_or(false),
        });
        Self {
            name: app.name.to_string(),
            state,
            created_at: created.map(nanoseconds),
            started_at: started.map(nanoseconds),
            finished_at: finished.map(nanoseconds),
            created,
            started,
            finished,
            exit_code,
            image_id: app.image.id.to_string(),
            mounts: mounts.collect(),
            user_annotations: section.map(|app| app.user_annotations.clone()).unwrap_or_default(),
            user_labels: section.map(|app| app.user_labels.clone()).unwrap_or_default(),
            image_name: image_name(pod, app.name.as_str()).unwrap_or_else(|_| "--".to_owned()),
        }
    }
}

/// What an app ended with, if its stage1 has written it down.
pub fn exit_code(pod: &Pod, app: &str) -> Option<i32> {
    let root = pod.dir().join(pod.stage1_state_root().ok()?);
    // The directory belongs to the pod, which may have put links there.
    let text = Inside::open(&root).ok()?.read_text(&format!("{}/{app}", layout::STATUS)).ok()??;
    text.trim().parse().ok()
}

fn image_name(pod: &Pod, app: &str) -> Result<String, Failure> {
    let file = layout::app_image_manifest(app);
    let text = pod.read(&file)?.ok_or_else(|| Failure::new("missing").at(&file))?;
    let manifest = ImageManifest::parse(&text)?;
    Ok(match manifest.label("version") {
        Some(version) => format!("{}:{version}", manifest.name),
        None => manifest.name.to_string(),
    })
}

fn networks(pod: &Pod) -> Vec<Value> {
    let text = pod.read(layout::NET_INFO).ok().flatten().unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn ok<T, E: Into<Failure>>(result: Result<T, E>, note: &mut impl FnMut(Failure)) -> Option<T> {
    match result.context("cannot be read") {
        Ok(value) => Some(value),
        Err(failure) => {
            note(failure);
            None
        }
    }
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn nanoseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
