//! Mount points, mounts, volumes and ports.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;

use crate::json::{Fields, FromJson, deserialize_through_value, is_false};
use crate::{AcName, Extra, ManifestError};

/// A place in an app's file system where it wants a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MountPoint {
    /// Name that volumes refer to.
    pub name: AcName,
    /// Path inside the app's root.
    pub path: String,
    /// Whether the app only reads there.
    #[serde(rename = "readOnly", skip_serializing_if = "is_false")]
    pub read_only: bool,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A volume at a path of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Name of the volume.
    pub volume: AcName,
    /// Path inside the app's root.
    pub path: String,
    /// The volume itself, where it belongs to this app only.
    #[serde(rename = "appVolume", skip_serializing_if = "Option::is_none")]
    pub app_volume: Option<Volume>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a volume is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VolumeKind {
    /// A directory or file of the host.
    Host,
    /// A directory that lives as long as the pod.
    Empty,
}

/// A volume of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Name.
    pub name: AcName,
    /// Kind.
    pub kind: VolumeKind,
    /// Absolute path on the host; only and always for [`VolumeKind::Host`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether apps only read it.
    #[serde(rename = "readOnly", skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Whether mounts below it come along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recursive: Option<bool>,
    /// Octal mode of an empty volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Owner of an empty volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group of an empty volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A port that an app listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Name.
    pub name: AcName,
    /// `tcp` or `udp`, or what the network plugins understand.
    pub protocol: String,
    /// First port.
    pub port: u16,
    /// How many ports from there on.
    pub count: u16,
    /// Whether the sockets are handed to the app.
    #[serde(rename = "socketActivated")]
    pub socket_activated: bool,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A port of a pod that the host forwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExposedPort {
    /// Name of the app's port.
    pub name: AcName,
    /// Port on the host.
    #[serde(rename = "hostPort")]
    pub host_port: u16,
    /// Address on the host; none means all.
    #[serde(rename = "hostIP", skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<IpAddr>,
    /// The port inside, where no app declares it.
    #[serde(rename = "podPort", skip_serializing_if = "Option::is_none")]
    pub pod_port: Option<Port>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Mount {
    /// A mount of a volume of the pod.
    pub fn new(volume: AcName, path: impl Into<String>) -> Self {
        Self { volume, path: path.into(), app_volume: None, extra: Extra::new() }
    }
}

impl Volume {
    /// The original's defaults for an empty volume: mode, owner, group.
    pub const EMPTY_DEFAULTS: (&'static str, u32, u32) = ("0755", 0, 0);

    /// A path of the host.
    pub fn host(name: AcName, source: impl Into<String>) -> Self {
        let mut volume = Self::empty(name);
        (volume.mode, volume.uid, volume.gid) = (None, None, None);
        volume.kind = VolumeKind::Host;
        volume.source = Some(source.into());
        volume
    }

    /// An empty directory with the original's defaults.
    pub fn empty(name: AcName) -> Self {
        let (mode, uid, gid) = Self::EMPTY_DEFAULTS;
        Self {
            name,
            kind: VolumeKind::Empty,
            source: None,
            read_only: None,
            recursive: None,
            mode: Some(mode.to_owned()),
            uid: Some(uid),
            gid: Some(gid),
            extra: Extra::new(),
        }
    }

    /// Checks the rules between the fields.
    pub fn check(&self) -> Result<(), ManifestError> {
        let absolute = self.source.as_ref().is_some_and(|source| source.starts_with('/'));
        let owned = self.mode.is_some() || self.uid.is_some() || self.gid.is_some();
        let octal = |text: &str| u32::from_str_radix(text, 8).is_ok_and(|mode| mode <= 0o7777);
        match self.kind {
            VolumeKind::Host if !absolute => {
                Err(ManifestError::new("a host volume needs an absolute path").inside("source"))
            }
            VolumeKind::Host if owned => {
                Err(ManifestError::new("mode, uid and gid are for empty volumes only").inside("kind"))
            }
            VolumeKind::Empty if self.source.is_some() => {
                Err(ManifestError::new("an empty volume has no source").inside("source"))
            }
            VolumeKind::Empty if self.mode.as_ref().is_some_and(|mode| !octal(mode)) => {
                Err(ManifestError::new("must be an octal mode such as 0755").inside("mode"))
            }
            _ => Ok(()),
        }
    }
}

impl FromJson for VolumeKind {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        match String::from_json(value)?.as_str() {
            "host" => Ok(Self::Host),
            "empty" => Ok(Self::Empty),
            other => Err(ManifestError::new(format!("`{other}` is neither `host` nor `empty`"))),
        }
    }
}

impl FromJson for Volume {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        let mut volume = Self {
            name: fields.required("name")?,
            kind: fields.required("kind")?,
            source: fields.optional("source")?.filter(|source: &String| !source.is_empty()),
            read_only: fields.optional("readOnly")?,
            recursive: fields.optional("recursive")?,
            mode: fields.optional("mode")?.filter(|mode: &String| !mode.is_empty()),
            uid: fields.optional("uid")?,
            gid: fields.optional("gid")?,
            extra: fields.rest(),
        };
        if volume.kind == VolumeKind::Empty {
            let (mode, uid, gid) = Self::EMPTY_DEFAULTS;
            volume.mode.get_or_insert_with(|| mode.to_owned());
            volume.uid.get_or_insert(uid);
            volume.gid.get_or_insert(gid);
        }
        volume.check()?;
        Ok(volume)
    }
}

fn filled(fields: &mut Fields, key: &str) -> Result<String, ManifestError> {
    let text: String = fields.required(key)?;
    if text.is_empty() { Err(ManifestError::new("must not be empty").inside(key)) } else { Ok(text) }
}

impl FromJson for MountPoint {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            name: fields.required("name")?,
            path: filled(&mut fields, "path")?,
            read_only: fields.or_default("readOnly")?,
            extra: fields.rest(),
        })
    }
}

impl FromJson for Mount {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            volume: fields.required("volume")?,
            path: filled(&mut fields, "path")?,
            app_volume: fields.optional("appVolume")?,
            extra: fields.rest(),
        })
    }
}

impl FromJson for Port {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        let port = Self {
            name: fields.required("name")?,
            protocol: filled(&mut fields, "protocol")?,
            port: fields.required("port")?,
            count: fields.optional("count")?.unwrap_or(1),
            socket_activated: fields.or_default("socketActivated")?,
            extra: fields.rest(),
        };
        if port.port == 0 {
            return Err(ManifestError::new("must be from 1 to 65535").inside("port"));
        }
        if u32::from(port.port) + u32::from(port.count) > 65536 {
            return Err(ManifestError::new("the ports end beyond 65535").inside("count"));
        }
        Ok(port)
    }
}

impl FromJson for ExposedPort {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            name: fields.required("name")?,
            host_port: fields.required("hostPort")?,
            host_ip: fields.optional("hostIP")?,
            pod_port: fields.optional("podPort")?,
            extra: fields.rest(),
        })
    }
}

deserialize_through_value!(MountPoint, Mount, VolumeKind, Volume, Port, ExposedPort);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes() {
        for (text, want) in [
            (r#"{"name":"v","kind":"host","source":"/a","readOnly":true}"#, Ok("")),
            (
                r#"{"name":"v","kind":"empty"}"#,
                Ok(r#"{"name":"v","kind":"empty","mode":"0755","uid":0,"gid":0}"#),
            ),
            (r#"{"name":"v","kind":"host"}"#, Err("source")),
            (r#"{"name":"v","kind":"host","source":"a"}"#, Err("source")),
            (r#"{"name":"v","kind":"host","source":"/a","uid":1}"#, Err("kind")),
            (r#"{"name":"v","kind":"empty","source":"/a"}"#, Err("source")),
            (r#"{"name":"v","kind":"empty","mode":"99"}"#, Err("mode")),
            (r#"{"name":"v","kind":"other"}"#, Err("kind")),
        ] {
            match (crate::json::parse::<Volume>(text.as_bytes()), want) {
                (Ok(volume), Ok(want)) => {
                    let want = if want.is_empty() { text } else { want };
                    assert_eq!(serde_json::to_string(&volume).unwrap(), want);
                }
                (Err(error), Err(field)) => assert_eq!(error.field, field, "{text}"),
                (got, want) => panic!("{text}: {got:?}, wanted {want:?}"),
            }
        }
    }

    #[test]
    fn port_ranges() {
        let read = |port: u64, count: u64| {
            let text = format!(r#"{{"name":"w","protocol":"tcp","port":{port},"count":{count}}}"#);
            crate::json::parse::<Port>(text.as_bytes()).is_ok()
        };
        assert!(read(80, 1) && read(65535, 1) && read(1, 65535));
        assert!(!read(0, 1) && !read(65535, 2) && !read(65536, 1) && !read(2, 65535));
    }
}
