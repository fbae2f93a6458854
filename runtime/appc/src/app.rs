//! The app section of image and pod manifests.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::isolator::check_isolators;
use crate::json::{Fields, FromJson, deserialize_through_value, null_if_empty};
use crate::{Extra, Isolator, ManifestError, MountPoint, Port};

/// How an app is started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct App {
    /// Program and arguments; may be empty.
    #[serde(serialize_with = "null_if_empty")]
    pub exec: Vec<String>,
    /// Programs that run before or after it.
    #[serde(rename = "eventHandlers", skip_serializing_if = "Vec::is_empty")]
    pub event_handlers: Vec<EventHandler>,
    /// User: a number, a name, or a path of the image whose owner is meant.
    pub user: String,
    /// Group, in the same three forms.
    pub group: String,
    /// Further group numbers.
    #[serde(rename = "supplementaryGIDs", skip_serializing_if = "Vec::is_empty")]
    pub supplementary_gids: Vec<u32>,
    /// Absolute path; empty means the root.
    #[serde(rename = "workingDirectory", skip_serializing_if = "String::is_empty")]
    pub working_directory: String,
    /// Environment, names unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<EnvironmentVariable>,
    /// Where volumes are wanted.
    #[serde(rename = "mountPoints", skip_serializing_if = "Vec::is_empty")]
    pub mount_points: Vec<MountPoint>,
    /// Ports that it listens on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// What limits it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub isolators: Vec<Isolator>,
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

/// When an event handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventName {
    /// Before the app; a failure prevents its start.
    PreStart,
    /// After the app has ended.
    PostStop,
}

/// A program that runs before or after an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventHandler {
    /// When.
    pub name: EventName,
    /// Program and arguments.
    #[serde(serialize_with = "null_if_empty")]
    pub exec: Vec<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvironmentVariable {
    /// Name: a letter or `_`, then letters, digits, `_`, `.`, `-`.
    pub name: String,
    /// Value.
    pub value: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl EnvironmentVariable {
    /// A variable; the name is checked.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Result<Self, ManifestError> {
        let name = name.into();
        let legal = |(index, byte): (usize, u8)| {
            byte.is_ascii_alphabetic()
                || byte == b'_'
                || (index > 0 && (byte.is_ascii_digit() || byte == b'.' || byte == b'-'))
        };
        if name.is_empty() || !name.bytes().enumerate().all(legal) {
            let problem = format!(
                "`{name}` is not a name for an environment variable: \
                 a letter or `_`, then letters, digits, `_`, `.` and `-`"
            );
            return Err(ManifestError::new(problem).inside("name"));
        }
        Ok(Self { name, value: value.into(), extra: Extra::new() })
    }
}

impl App {
    /// An app of a program with its arguments, as user and group.
    pub fn new(exec: Vec<String>, user: impl Into<String>, group: impl Into<String>) -> Self {
        Self { exec, user: user.into(), group: group.into(), ..Self::default() }
    }

    /// Checks the rules between the fields: for an app that was put together or changed.
    pub fn check(&self) -> Result<(), ManifestError> {
        for (key, text) in [("user", &self.user), ("group", &self.group)] {
            if text.is_empty() {
                return Err(ManifestError::new("must not be empty").inside(key));
            }
        }
        if !self.working_directory.is_empty() && !self.working_directory.starts_with('/') {
            return Err(ManifestError::new("must be an absolute path").inside("workingDirectory"));
        }
        let mut events = Vec::new();
        for handler in &self.event_handlers {
            if events.contains(&handler.name) {
                return Err(ManifestError::new("an event is handled twice").inside("eventHandlers"));
            }
            events.push(handler.name);
        }
        let mut names = BTreeSet::new();
        for variable in &self.environment {
            if !names.insert(&variable.name) {
                let problem = format!("`{}` is set twice", variable.name);
                return Err(ManifestError::new(problem).inside("environment"));
            }
        }
        let mut names = BTreeSet::new();
        for point in &self.mount_points {
            if !names.insert(&point.name) {
                let problem = format!("`{}` is given twice", point.name);
                return Err(ManifestError::new(problem).inside("mountPoints"));
            }
        }
        check_isolators(&self.isolators).map_err(|e| e.inside("isolators"))
    }
}

impl FromJson for EventName {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        match String::from_json(value)?.as_str() {
            "pre-start" => Ok(Self::PreStart),
            "post-stop" => Ok(Self::PostStop),
            other => Err(ManifestError::new(format!("`{other}` is neither `pre-start` nor `post-stop`"))),
        }
    }
}

impl FromJson for EventHandler {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        Ok(Self { name: fields.required("name")?, exec: fields.or_default("exec")?, extra: fields.rest() })
    }
}

impl FromJson for EnvironmentVariable {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        let (name, text): (String, String) = (fields.required("name")?, fields.or_default("value")?);
        Ok(Self { extra: fields.rest(), ..Self::new(name, text)? })
    }
}

impl FromJson for App {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        let app = Self {
            exec: fields.or_default("exec")?,
            event_handlers: fields.or_default("eventHandlers")?,
            user: fields.required("user")?,
            group: fields.required("group")?,
            supplementary_gids: fields.or_default("supplementaryGIDs")?,
            working_directory: fields.or_default("workingDirectory")?,
            environment: fields.or_default("environment")?,
            mount_points: fields.or_default("mountPoints")?,
            ports: fields.or_default("ports")?,
            isolators: fields.or_default("isolators")?,
            user_annotations: fields.or_default("userAnnotations")?,
            user_labels: fields.or_default("userLabels")?,
            extra: fields.rest(),
        };
        app.check()?;
        Ok(app)
    }
}

deserialize_through_value!(App, EventName, EventHandler, EnvironmentVariable);
