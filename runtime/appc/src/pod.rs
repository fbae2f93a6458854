//! The pod manifest.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::image::check_kind;
use crate::json::{Fields, FromJson, deserialize_through_value, is_false, null_if_empty, parse};
use crate::label::{check_annotations, check_labels};
use crate::{
    AcIdentifier, AcName, Annotation, App, ExposedPort, Extra, ImageId, Isolator, Label, ManifestError,
    Mount, SemVer, Volume,
};

const KIND: &str = "PodManifest";

/// What runs together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodManifest {
    /// In pods that rkt made: the version of rkt.
    #[serde(rename = "acVersion")]
    pub ac_version: SemVer,
    #[serde(rename = "acKind")]
    ac_kind: Kind,
    /// The apps, names unique.
    #[serde(serialize_with = "null_if_empty")]
    pub apps: Vec<RuntimeApp>,
    /// Volumes of all apps.
    #[serde(serialize_with = "null_if_empty")]
    pub volumes: Vec<Volume>,
    /// Limits of the whole pod.
    #[serde(serialize_with = "null_if_empty")]
    pub isolators: Vec<Isolator>,
    /// Annotations.
    #[serde(serialize_with = "null_if_empty")]
    pub annotations: Vec<Annotation>,
    /// Ports that the host forwards.
    pub ports: Vec<ExposedPort>,
    /// Free annotations.
    #[serde(rename = "userAnnotations", skip_serializing_if = "BTreeMap::is_empty")]
    pub user_annotations: BTreeMap<String, String>,
    /// Free labels.
    #[serde(rename = "userLabels", skip_serializing_if = "BTreeMap::is_empty")]
    pub user_labels: BTreeMap<String, String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The constant value of `acKind`, which stands second here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Kind {
    PodManifest,
}

/// One app of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuntimeApp {
    /// Name in this pod.
    pub name: AcName,
    /// The image that it comes from.
    pub image: RuntimeImage,
    /// How it is started; none means as its image says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<App>,
    /// Whether its root is read-only.
    #[serde(rename = "readOnlyRootFS", skip_serializing_if = "is_false")]
    pub read_only_rootfs: bool,
    /// Volumes and where they go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Annotations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotation>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The image of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuntimeImage {
    /// Name, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<AcIdentifier>,
    /// ID.
    pub id: ImageId,
    /// Labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl PodManifest {
    /// A pod without apps.
    pub fn new(ac_version: SemVer) -> Self {
        Self {
            ac_version,
            ac_kind: Kind::PodManifest,
            apps: Vec::new(),
            volumes: Vec::new(),
            isolators: Vec::new(),
            annotations: Vec::new(),
            ports: Vec::new(),
            user_annotations: BTreeMap::new(),
            user_labels: BTreeMap::new(),
            extra: Extra::new(),
        }
    }

    /// Reads and checks a manifest. The error names the field.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        parse(json)
    }

    /// Compact JSON on one line without an end of line, keys in the original's order.
    #[expect(clippy::missing_panics_doc, reason = "strings and numbers always serialise")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialise")
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.iter().find(|a| a.name == name).map(|a| a.value.as_str())
    }

    /// The app with a name.
    pub fn app(&self, name: &str) -> Option<&RuntimeApp> {
        self.apps.iter().find(|app| app.name == name)
    }

    /// Checks the rules between the fields: for a pod that was put together.
    pub fn check(&self) -> Result<(), ManifestError> {
        let mut names = BTreeSet::new();
        for (index, app) in self.apps.iter().enumerate() {
            let check = || {
                if !names.insert(&app.name) {
                    return Err(ManifestError::new(format!("`{}` is given twice", app.name)).inside("name"));
                }
                app.app.as_ref().map_or(Ok(()), App::check).map_err(|e| e.inside("app"))?;
                check_labels(&app.image.labels).map_err(|e| e.inside("image.labels"))
            };
            let mut check = check;
            check().map_err(|e| e.inside_item(index).inside("apps"))?;
        }
        let mut names = BTreeSet::new();
        for (index, volume) in self.volumes.iter().enumerate() {
            let unique = if names.insert(&volume.name) {
                Ok(())
            } else {
                Err(ManifestError::new(format!("`{}` is given twice", volume.name)).inside("name"))
            };
            unique.and_then(|()| volume.check()).map_err(|e| e.inside_item(index).inside("volumes"))?;
        }
        check_annotations(&self.annotations).map_err(|e| e.inside("annotations"))
    }
}

impl RuntimeApp {
    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.iter().find(|a| a.name == name).map(|a| a.value.as_str())
    }

    /// An app of an image, started as the image says.
    pub fn new(name: AcName, image: ImageId) -> Self {
        Self {
            name,
            image: RuntimeImage { name: None, id: image, labels: Vec::new(), extra: Extra::new() },
            app: None,
            read_only_rootfs: false,
            mounts: Vec::new(),
            annotations: Vec::new(),
            extra: Extra::new(),
        }
    }
}

impl FromJson for PodManifest {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        check_kind(&mut fields, KIND)?;
        let manifest = Self {
            ac_version: fields.required("acVersion")?,
            ac_kind: Kind::PodManifest,
            apps: fields.or_default("apps")?,
            volumes: fields.or_default("volumes")?,
            isolators: fields.or_default("isolators")?,
            annotations: fields.or_default("annotations")?,
            ports: fields.or_default("ports")?,
            user_annotations: fields.or_default("userAnnotations")?,
            user_labels: fields.or_default("userLabels")?,
            extra: fields.rest(),
        };
        manifest.check()?;
        Ok(manifest)
    }
}

impl FromJson for RuntimeApp {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            name: fields.required("name")?,
            image: fields.required("image")?,
            app: fields.optional("app")?,
            read_only_rootfs: fields.or_default("readOnlyRootFS")?,
            mounts: fields.or_default("mounts")?,
            annotations: fields.or_default("annotations")?,
            extra: fields.rest(),
        })
    }
}

impl FromJson for RuntimeImage {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            name: fields.optional("name")?,
            id: fields.required("id")?,
            labels: fields.or_default("labels")?,
            extra: fields.rest(),
        })
    }
}

deserialize_through_value!(PodManifest, RuntimeApp, RuntimeImage);
