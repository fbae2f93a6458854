//! Which volume goes where in an app, and making both ends ready for nspawn to mount.

use crate::failure::{Failure, at};
use crate::pod_dir::PodApp;
use crate::systemd::copy_tree;
use crate::volume::{self, Source, components, empty_directory};
use appc::{App, PodManifest, Volume};
use pod::root::{Make, Root};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};
use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// A volume and its place, as the manifests have it.
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
    /// Whether nobody asked for it: a place of the image without a volume.
    pub(crate) implicit: bool,
}

/// Matches the places of an app with volumes. Sorted so that what is mounted inside another volume
/// comes after it.
///
/// # Errors
/// All mounts whose volume the pod does not have.
pub(crate) fn plan(pod: &PodManifest, app: PodApp<'_>, section: &App) -> Result<Vec<VolumeMount>, Failure> {
    let of_pod = |name: &str| pod.volumes.iter().find(|volume| volume.name.as_str() == name);
    let mut mounts: Vec<VolumeMount> = Vec::new();
    let mut missing = Vec::new();
    for mount in &app.runtime.mounts {
        let name = mount.volume.as_str();
        let Some(found) = mount.app_volume.as_ref().or_else(|| of_pod(name)) else {
            missing.push((name, mount.path.as_str()));
            continue;
        };
        let point = section.mount_points.iter().find(|point| point.name.as_str() == name);
        mounts.push(vouched(found, &mount.path, point.is_some_and(|point| point.read_only))?);
    }
    if let Some((name, _)) = missing.first() {
        let lines: Vec<String> = missing
            .iter()
            .map(|(name, path)| {
                format!("no volume \"{name}\" for the mount at \"{path}\" of app \"{}\"", app.name())
            })
            .collect();
        return Err(Failure::new(lines.join(", "))
            .hint(format!("add --volume={name},kind=host,source=PATH or --volume={name},kind=empty")));
    }
    for point in &section.mount_points {
        if mounts.iter().any(|mount| components(&mount.path) == components(&point.path)) {
            continue;
        }
        let name = point.name.as_str();
        match of_pod(name) {
            Some(volume) => mounts.push(vouched(volume, &point.path, point.read_only)?),
            None => mounts.push(VolumeMount {
                name: format!("{}-{name}", app.name()),
                path: point.path.clone(),
                source: Source::Empty { mode: 0o755, uid: 0, gid: 0 },
                read_only: point.read_only,
                recursive: true,
                implicit: true,
            }),
        }
    }
    mounts.sort_by(|a, b| components(&a.path).cmp(&components(&b.path)));
    Ok(mounts)
}

fn vouched(volume: &Volume, path: &str, read_only: bool) -> Result<VolumeMount, Failure> {
    Ok(VolumeMount {
        name: volume.name.as_str().to_owned(),
        path: path.to_owned(),
        source: volume::source(volume)?,
        read_only: volume.read_only.unwrap_or(read_only),
        recursive: volume.recursive.unwrap_or(true),
        implicit: false,
    })
}

/// A mount that is ready to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadyMount {
    /// Name of the volume.
    pub(crate) volume: String,
    /// Path on the host; exists.
    pub(crate) source: PathBuf,
    /// Path inside the app's root, without symlinks; exists.
    pub(crate) target: PathBuf,
    /// Whether the app may not write there.
    pub(crate) read_only: bool,
    /// Whether what is mounted below the source comes along.
    pub(crate) recursive: bool,
    /// Whether the source is a device node.
    pub(crate) device: bool,
}

/// Makes the directories of empty volumes, and the places inside the app's root. Owners of new
/// directories of empty volumes are moved by `shift`.
pub(crate) fn make_ready(
    app: PodApp<'_>,
    root: &Root,
    mounts: &[VolumeMount],
    shift: u32,
) -> Result<Vec<ReadyMount>, Failure> {
    mounts.iter().map(|mount| ready(app, root, mount, shift)).collect()
}

fn ready(app: PodApp<'_>, root: &Root, mount: &VolumeMount, shift: u32) -> Result<ReadyMount, Failure> {
    let source = match &mount.source {
        Source::Host(path) => path.clone(),
        Source::Empty { mode, uid, gid } => {
            let (uid, gid) = (uid.saturating_add(shift), gid.saturating_add(shift));
            let path = empty_directory(app.dir, &mount.name, *mode, uid, gid)?;
            if mount.implicit && app.is_from_docker() {
                // Images of docker expect to find there what the image has.
                copy_tree::fill_from_image(root, Path::new(&mount.path), &path)?;
            }
            path
        }
    };
    let stat = fs::metadata(&source).map_err(|error| {
        let what = format!(
            "volume \"{}\" of app \"{}\": cannot use {}: {error}",
            mount.name,
            app.name(),
            source.display()
        );
        Failure::new(what).hint("make it on the host, or correct the volume's source")
    })?;
    let kind = FileType::from_raw_mode(std::os::unix::fs::MetadataExt::mode(&stat));
    let make = if kind.is_dir() { Make::Directory } else { Make::File(0o700) };
    let path = Path::new(&mount.path);
    let outside = root.outside(path);
    let new_places = missing(root, path, shift);
    let place = root.ensure(path, make, &[]).map_err(|error| {
        let (volume, outside) = (&mount.name, outside.display());
        let what = match error.kind() {
            ErrorKind::NotADirectory | ErrorKind::IsADirectory => format!(
                "cannot mount volume \"{volume}\" on {outside}: one is a directory and the other is not"
            ),
            _ => format!("cannot make {outside} to mount volume \"{volume}\" on: {error}"),
        };
        Failure::new(what).hint("correct the target of the mount, or the image")
    })?;
    for path in new_places {
        give_away(root, path, shift).map_err(at("give away", &root.outside(path)))?;
    }
    let target = inside(root, &place).map_err(at("find the real path of", &outside))?;
    if target.as_os_str() == "/" {
        return Err(Failure::new(format!(
            "volume \"{}\" would hide the whole app \"{}\"",
            mount.name,
            app.name()
        ))
        .hint("choose a target below the root"));
    }
    Ok(ReadyMount {
        volume: mount.name.clone(),
        source,
        target,
        read_only: mount.read_only,
        recursive: mount.recursive,
        device: kind.is_char_device() || kind.is_block_device(),
    })
}

/// What on the way to a path does not exist yet and is to belong to the pod's root user, who would be locked out of it otherwise.
/// Nothing where that one is root on the host too.
fn missing<'a>(root: &Root, path: &'a Path, shift: u32) -> Vec<&'a Path> {
    let way = path.ancestors().filter(|_| shift != 0);
    way.filter(|path| root.stat(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)).collect()
}

fn give_away(root: &Root, path: &Path, user: u32) -> std::io::Result<()> {
    let place = root.open_file(path, OFlags::PATH)?;
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    rustix::fs::chownat(place, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
    Ok(())
}

/// Where inside a root something is that was opened there.
fn inside(root: &Root, place: &impl AsRawFd) -> std::io::Result<PathBuf> {
    let real = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}"));
    let top = rustix::fs::openat(root, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let (top, place) = (real(top.as_raw_fd())?, real(place.as_raw_fd())?);
    let below =
        place.strip_prefix(&top).map_err(|_| std::io::Error::other("it is not below the app's root"))?;
    Ok(Path::new("/").join(below))
}

#[cfg(test)]
mod tests {
    use super::plan;
    use crate::pod_dir::PodApp;
    use appc::{ImageManifest, PodManifest};
    use std::path::Path;

    /// One line a mount.
    fn planned(mounts: &str, points: &str, volumes: &str) -> Result<Vec<String>, String> {
        let id = format!("sha512-{}", "a".repeat(64));
        let app = format!(r#"{{"exec":["/x"],"user":"0","group":"0","mountPoints":[{points}]}}"#);
        let image = format!(r#"{{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a/b","app":{app}}}"#);
        let pod = format!(
            r#"{{"acKind":"PodManifest","acVersion":"1.0.0","apps":[{{"name":"b","image":{{"id":"{id}"}},"mounts":[{mounts}]}}],"volumes":[{volumes}]}}"#
        );
        let image = ImageManifest::parse(image.as_bytes()).expect("image");
        let pod = PodManifest::parse(pod.as_bytes()).expect("pod");
        let app = PodApp { dir: Path::new("/p"), runtime: &pod.apps[0], image: &image };
        let planned = plan(&pod, app, app.app().expect("app")).map_err(|failure| format!("{failure:?}"))?;
        Ok(planned
            .iter()
            .map(|m| {
                format!(
                    "{} {} ro={} rec={} implicit={}",
                    m.name, m.path, m.read_only, m.recursive, m.implicit
                )
            })
            .collect())
    }

    #[test]
    fn places_and_volumes() {
        let volumes = r#"{"name":"v","kind":"host","source":"/s","recursive":false},{"name":"w","kind":"empty","readOnly":true}"#;
        let points = r#"{"name":"v","path":"/v","readOnly":true},{"name":"u","path":"/u"}"#;
        assert_eq!(
            planned(r#"{"volume":"w","path":"/u/"},{"volume":"v","path":"/a/b"}"#, points, volumes),
            Ok(vec![
                "v /a/b ro=true rec=false implicit=false".to_owned(),
                "w /u/ ro=true rec=true implicit=false".to_owned(),
                "v /v ro=true rec=false implicit=false".to_owned(),
            ])
        );
        assert_eq!(
            planned("", points, ""),
            Ok(vec![
                "b-u /u ro=false rec=true implicit=true".to_owned(),
                "b-v /v ro=true rec=true implicit=true".to_owned(),
            ])
        );
        let error = planned(r#"{"volume":"x","path":"/x"},{"volume":"y","path":"/y"}"#, "", volumes)
            .expect_err("none");
        assert!(error.contains("\\\"x\\\"") && error.contains("\\\"y\\\""), "{error}");
    }
}
