//! Isolators: what limits an app.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use crate::json::{Fields, FromJson, deserialize_through_value};
use crate::{AcIdentifier, Extra, ManifestError, Quantity};

/// An isolator as it stands in a manifest. Those that this crate knows have been checked; unknown ones are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Isolator {
    /// Name, such as `resource/memory`.
    pub name: AcIdentifier,
    /// Value as given; [`Isolator::parsed`] reads it.
    pub value: Value,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What an isolator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IsolatorValue {
    /// `resource/cpu`, in cores.
    Cpu(Resource),
    /// `resource/memory`, in bytes.
    Memory(Resource),
    /// `os/linux/capabilities-retain-set`: the only capabilities that are kept.
    CapabilitiesRetain(Vec<String>),
    /// `os/linux/capabilities-remove-set`.
    CapabilitiesRemove(Vec<String>),
    /// `os/linux/seccomp-retain-set`: the only system calls (or `@` groups) that are allowed.
    SeccompRetain(Seccomp),
    /// `os/linux/seccomp-remove-set`.
    SeccompRemove(Seccomp),
    /// `os/linux/cpu-shares`, 2 to 262144.
    CpuShares(u64),
    /// `os/linux/oom-score-adj`, -1000 to 1000.
    OomScoreAdj(i64),
    /// `os/linux/no-new-privileges`.
    NoNewPrivileges(bool),
    /// An isolator that is kept but not understood.
    Unknown,
}

/// A share of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What is set aside.
    pub request: Option<Quantity>,
    /// What must not be exceeded.
    pub limit: Option<Quantity>,
}

/// A seccomp filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seccomp {
    /// System calls, and groups that begin with `@`.
    pub set: Vec<String>,
    /// Error that a refused call returns, such as `ENOSYS`; none means the default of the engine.
    pub errno: Option<String>,
}

/// How the value of a known isolator is read.
type Parse = fn(Value) -> Result<IsolatorValue, ManifestError>;

/// The isolators that are understood.
const KNOWN: &[(&str, Parse)] = &[
    ("resource/cpu", |v| resource(v).map(IsolatorValue::Cpu)),
    ("resource/memory", |v| resource(v).map(IsolatorValue::Memory)),
    ("os/linux/capabilities-retain-set", |v| capabilities(v).map(IsolatorValue::CapabilitiesRetain)),
    ("os/linux/capabilities-remove-set", |v| capabilities(v).map(IsolatorValue::CapabilitiesRemove)),
    ("os/linux/seccomp-retain-set", |v| seccomp(v).map(IsolatorValue::SeccompRetain)),
    ("os/linux/seccomp-remove-set", |v| seccomp(v).map(IsolatorValue::SeccompRemove)),
    ("os/linux/cpu-shares", |v| number(v, 2, 262_144).map(|n| IsolatorValue::CpuShares(n.unsigned_abs()))),
    ("os/linux/oom-score-adj", |v| number(v, -1000, 1000).map(IsolatorValue::OomScoreAdj)),
    ("os/linux/no-new-privileges", |v| bool::from_json(v).map(IsolatorValue::NoNewPrivileges)),
];

/// Pairs of isolators that contradict each other.
const CONFLICTS: &[(&str, &str)] = &[
    ("os/linux/capabilities-retain-set", "os/linux/capabilities-remove-set"),
    ("os/linux/seccomp-retain-set", "os/linux/seccomp-remove-set"),
];

impl Isolator {
    /// An isolator with a value that must be right for its name.
    pub fn new(name: AcIdentifier, value: Value) -> Result<Self, ManifestError> {
        let isolator = Self { name, value, extra: Extra::new() };
        isolator.parsed()?;
        Ok(isolator)
    }

    /// Reads the value.
    pub fn parsed(&self) -> Result<IsolatorValue, ManifestError> {
        let Some((_, parse)) = KNOWN.iter().find(|(name, _)| self.name == *name) else {
            return Ok(IsolatorValue::Unknown);
        };
        parse(self.value.clone()).map_err(|e| e.inside("value"))
    }
}

impl From<IsolatorValue> for Option<Isolator> {
    /// The isolator in JSON; none for [`IsolatorValue::Unknown`].
    fn from(value: IsolatorValue) -> Option<Isolator> {
        let resource = |r: Resource| {
            let mut map = Extra::new();
            map.insert("default".to_owned(), json!(false));
            for (key, amount) in [("request", r.request), ("limit", r.limit)] {
                if let Some(amount) = amount {
                    map.insert(key.to_owned(), json!(amount));
                }
            }
            Value::Object(map)
        };
        let seccomp = |s: Seccomp| match s.errno {
            Some(errno) => json!({"set": s.set, "errno": errno}),
            None => json!({"set": s.set}),
        };
        let (name, value) = match value {
            IsolatorValue::Cpu(r) => ("resource/cpu", resource(r)),
            IsolatorValue::Memory(r) => ("resource/memory", resource(r)),
            IsolatorValue::CapabilitiesRetain(set) => {
                ("os/linux/capabilities-retain-set", json!({"set": set}))
            }
            IsolatorValue::CapabilitiesRemove(set) => {
                ("os/linux/capabilities-remove-set", json!({"set": set}))
            }
            IsolatorValue::SeccompRetain(s) => ("os/linux/seccomp-retain-set", seccomp(s)),
            IsolatorValue::SeccompRemove(s) => ("os/linux/seccomp-remove-set", seccomp(s)),
            IsolatorValue::CpuShares(n) => ("os/linux/cpu-shares", json!(n)),
            IsolatorValue::OomScoreAdj(n) => ("os/linux/oom-score-adj", json!(n)),
            IsolatorValue::NoNewPrivileges(on) => ("os/linux/no-new-privileges", json!(on)),
            IsolatorValue::Unknown => return None,
        };
        Some(Isolator { name: AcIdentifier::new(name).ok()?, value, extra: Extra::new() })
    }
}

fn resource(value: Value) -> Result<Resource, ManifestError> {
    let mut fields = Fields::of(value)?;
    if fields.or_default::<bool>("default")? {
        return Err(ManifestError::new("must be false here").inside("default"));
    }
    Ok(Resource { request: fields.optional("request")?, limit: fields.optional("limit")? })
}

fn set(fields: &mut Fields) -> Result<Vec<String>, ManifestError> {
    let set: Vec<String> = fields.or_default("set")?;
    if set.is_empty() {
        return Err(ManifestError::new("must not be empty").inside("set"));
    }
    Ok(set)
}

fn capabilities(value: Value) -> Result<Vec<String>, ManifestError> {
    let set = set(&mut Fields::of(value)?)?;
    let mut seen = BTreeSet::new();
    match set.iter().find(|name| !seen.insert(*name)) {
        Some(twice) => Err(ManifestError::new(format!("`{twice}` is given twice")).inside("set")),
        None => Ok(set),
    }
}

fn seccomp(value: Value) -> Result<Seccomp, ManifestError> {
    let mut fields = Fields::of(value)?;
    let set = set(&mut fields)?;
    let errno: Option<String> = fields.optional("errno")?.filter(|text: &String| !text.is_empty());
    let legal = |text: &str| {
        text.strip_prefix('E').is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        })
    };
    match &errno {
        Some(text) if !legal(text) => {
            let problem = format!("`{text}` is not the name of an error such as ENOSYS");
            Err(ManifestError::new(problem).inside("errno"))
        }
        _ => Ok(Seccomp { set, errno }),
    }
}

fn number(value: Value, min: i64, max: i64) -> Result<i64, ManifestError> {
    match i64::from_json(value)? {
        n if (min..=max).contains(&n) => Ok(n),
        n => Err(ManifestError::new(format!("must be from {min} to {max}, not {n}"))),
    }
}

impl FromJson for Isolator {
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let mut fields = Fields::of(value)?;
        let name = fields.required("name")?;
        let value = fields.or_default("value")?;
        let isolator = Self { name, value, extra: fields.rest() };
        isolator.parsed()?;
        Ok(isolator)
    }
}

deserialize_through_value!(Isolator);

/// The rules for all isolators of one app.
pub(crate) fn check_isolators(isolators: &[Isolator]) -> Result<(), ManifestError> {
    let has = |name: &str| isolators.iter().any(|isolator| isolator.name == name);
    match CONFLICTS.iter().find(|(a, b)| has(a) && has(b)) {
        Some((a, b)) => Err(ManifestError::new(format!("`{a}` and `{b}` exclude each other"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &Value) -> Result<IsolatorValue, String> {
        let isolator =
            Isolator::from_json(json!({"name": name, "value": value})).map_err(|e| e.to_string())?;
        isolator.parsed().map_err(|e| e.to_string())
    }

    #[test]
    fn known_isolators_are_read_and_written() {
        let quantity = |text: &str| Some(text.parse().unwrap());
        for (name, value, want) in [
            (
                "resource/cpu",
                json!({"default": false, "request": "250m", "limit": "2"}),
                IsolatorValue::Cpu(Resource { request: quantity("250m"), limit: quantity("2") }),
            ),
            (
                "resource/memory",
                json!({"default": false, "limit": "1G"}),
                IsolatorValue::Memory(Resource { request: None, limit: quantity("1G") }),
            ),
            (
                "os/linux/capabilities-retain-set",
                json!({"set": ["CAP_KILL"]}),
                IsolatorValue::CapabilitiesRetain(vec!["CAP_KILL".into()]),
            ),
            (
                "os/linux/seccomp-remove-set",
                json!({"set": ["@rkt/default-blacklist"], "errno": "ENOSYS"}),
                IsolatorValue::SeccompRemove(Seccomp {
                    set: vec!["@rkt/default-blacklist".into()],
                    errno: Some("ENOSYS".into()),
                }),
            ),
            ("os/linux/cpu-shares", json!(1024), IsolatorValue::CpuShares(1024)),
            ("os/linux/oom-score-adj", json!(-1000), IsolatorValue::OomScoreAdj(-1000)),
            ("os/linux/no-new-privileges", json!(true), IsolatorValue::NoNewPrivileges(true)),
        ] {
            let parsed = read(name, &value).unwrap();
            assert_eq!(parsed, want);
            let back: Option<Isolator> = parsed.into();
            let back = back.unwrap();
            assert_eq!((back.name.as_str(), back.value), (name, value));
        }
        assert_eq!(read("example.com/mine", &json!({"a": [1]})), Ok(IsolatorValue::Unknown));
    }

    #[test]
    fn wrong_values_are_refused() {
        for (name, value) in [
            ("resource/cpu", json!({"default": true})),
            ("resource/cpu", json!({"limit": "1X"})),
            ("resource/memory", json!("1G")),
            ("os/linux/capabilities-retain-set", json!({"set": []})),
            ("os/linux/capabilities-remove-set", json!({"set": ["CAP_KILL", "CAP_KILL"]})),
            ("os/linux/seccomp-retain-set", json!({"set": ["read"], "errno": "enosys"})),
            ("os/linux/cpu-shares", json!(1)),
            ("os/linux/cpu-shares", json!(262_145)),
            ("os/linux/oom-score-adj", json!(1001)),
            ("os/linux/no-new-privileges", json!("yes")),
        ] {
            assert!(read(name, &value).unwrap_err().contains("value"), "{name} {value}");
        }
    }
}
