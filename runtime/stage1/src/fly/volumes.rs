//! Which volume goes where: a pure function of the manifests.

use crate::failure::Failure;
use crate::volume::{Source, components, source};
use appc::{App, ImageManifest, PodManifest, RuntimeApp, Volume};

/// A volume and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeMount {
    /// Name of the volume.
    pub(crate) name: String,
    /// Path inside the app's root.
    pub(crate) path: String,
    /// What is mounted there.
    pub(crate) source: Source,
    /// Whether the app may not write there.
    pub(crate) read_only: bool,
    /// Whether what is mounted below the source comes along.
    pub(crate) recursive: bool,
}

/// A place that wants a volume.
struct Wanted<'a> {
    name: &'a str,
    path: &'a str,
    volume: Option<&'a Volume>,
    read_only: bool,
}

/// Matches volumes with the places that want them. Sorted so that what is mounted inside another
/// volume comes after it.
pub(crate) fn plan(
    pod: &PodManifest,
    runtime_app: &RuntimeApp,
    app: &App,
    image: &ImageManifest,
) -> Result<Vec<VolumeMount>, Failure> {
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    for mount in &runtime_app.mounts {
        let name = mount.volume.as_str();
        if wanted.iter().any(|other| other.name == name) {
            return Err(Failure::new(format!("duplicate mount given: \"{name}\""))
                .hint("give the second place a volume of its own with the same source"));
        }
        wanted.push(Wanted { name, path: &mount.path, volume: mount.app_volume.as_ref(), read_only: false });
    }
    let of_image = image.app.iter().flat_map(|app| &app.mount_points);
    for point in of_image.chain(&app.mount_points) {
        let name = point.name.as_str();
        match wanted.iter_mut().find(|other| other.name == name) {
            Some(other) if other.path != point.path => {
                return Err(Failure::new(format!(
                    "conflicting path information from mount and mountpoint \"{name}\": \"{}\" and \"{}\"",
                    other.path, point.path
                ))
                .hint("mount the volume where the image wants it, or name the volume differently"));
            }
            Some(other) => other.read_only |= point.read_only,
            None => wanted.push(Wanted { name, path: &point.path, volume: None, read_only: point.read_only }),
        }
    }
    let mut mounts = Vec::with_capacity(wanted.len());
    let mut missing = Vec::new();
    for place in wanted {
        let of_pod = || pod.volumes.iter().find(|volume| volume.name.as_str() == place.name);
        match place.volume.or_else(of_pod) {
            Some(volume) => mounts.push(VolumeMount {
                name: volume.name.as_str().to_owned(),
                path: place.path.to_owned(),
                source: source(volume)?,
                read_only: volume.read_only.unwrap_or(place.read_only),
                recursive: volume.recursive == Some(true),
            }),
            None => missing.push(place),
        }
    }
    if let Some(first) = missing.first() {
        let lines: Vec<String> = missing
            .iter()
            .map(|place| format!("missing volume for mountpoint \"{}\" ({})", place.name, place.path))
            .collect();
        return Err(Failure::new(lines.join(", "))
            .hint(format!("add --volume={0},kind=host,source=PATH or --volume={0},kind=empty", first.name)));
    }
    mounts.sort_by(|a, b| components(&a.path).cmp(&components(&b.path)));
    Ok(mounts)
}
