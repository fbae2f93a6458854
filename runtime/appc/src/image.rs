//! The image manifest.

use serde::Serialize;
use serde_json::Value;

use crate::json::{Fields, FromJson, deserialize_through_value, parse};
use crate::label::{check_annotations, check_labels};
use crate::{AcIdentifier, Annotation, App, Extra, ImageId, Label, ManifestError, SemVer};

/// The version of the specification that the original's images name, and ours.
pub const AC_VERSION: SemVer = SemVer::new(0, 8, 11);

const KIND: &str = "ImageManifest";

/// What an image says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "acKind", rename = "ImageManifest")]
pub struct ImageManifest {
    /// Version of the specification.
    #[serde(rename = "acVersion")]
    pub ac_version: SemVer,
    /// Name.
    pub name: AcIdentifier,
    /// Labels, names unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// How it is started, if it can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<App>,
    /// Annotations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotation>,
    /// Images below this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// The only paths that a rendered image keeps; empty means all.
    #[serde(rename = "pathWhitelist", skip_serializing_if = "Vec::is_empty")]
    pub path_whitelist: Vec<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An image below another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// Name.
    #[serde(rename = "imageName")]
    pub image_name: AcIdentifier,
    /// ID, if only this one will do.
    #[serde(rename = "imageID", skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
    /// Labels that it must have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// Size of its file in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ImageManifest {
    /// A manifest of today's version with nothing but a name.
    pub fn new(name: AcIdentifier) -> Self {
        Self {
            ac_version: AC_VERSION,
            name,
            labels: Vec::new(),
            app: None,
            annotations: Vec::new(),
            dependencies: Vec::new(),
            path_whitelist: Vec::new(),
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

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str())
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.iter().find(|a| a.name == name).map(|a| a.value.as_str())
    }
}

impl FromJson for ImageManifest {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        check_kind(&mut fields, KIND)?;
        let manifest = Self {
            ac_version: fields.required("acVersion")?,
            name: fields.required("name")?,
            labels: fields.or_default("labels")?,
            app: fields.optional("app")?,
            annotations: fields.or_default("annotations")?,
            dependencies: fields.or_default("dependencies")?,
            path_whitelist: fields.or_default("pathWhitelist")?,
            extra: fields.rest(),
        };
        check_labels(&manifest.labels).map_err(|e| e.inside("labels"))?;
        check_annotations(&manifest.annotations).map_err(|e| e.inside("annotations"))?;
        Ok(manifest)
    }
}

/// Takes `acKind`, which must be `kind`.
pub(crate) fn check_kind(fields: &mut Fields, kind: &str) -> Result<(), ManifestError> {
    match fields.required::<String>("acKind")? {
        found if found == kind => Ok(()),
        found => Err(ManifestError::new(format!("must be `{kind}`, not `{found}`")).inside("acKind")),
    }
}

impl FromJson for Dependency {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        let dependency = Self {
            image_name: fields.required("imageName")?,
            image_id: fields.optional("imageID")?,
            labels: fields.or_default("labels")?,
            size: fields.optional("size")?,
            extra: fields.rest(),
        };
        check_labels(&dependency.labels).map_err(|e| e.inside("labels"))?;
        Ok(dependency)
    }
}

deserialize_through_value!(ImageManifest, Dependency);
