//! Does an image keep the contract of stage1 images? Tables of rules, one a subject.

mod entry_points;
mod image;
mod labels;
mod layout;
mod rights;
mod systemd;

use std::fmt;

use serde_json::{Value, json};

use self::image::Image;
use super::{Contents, InspectError};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// rkt fails with this image, at once or later.
    Error,
    /// It works, but something is not as it should be.
    Warning,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// A path of the archive, or a field of the manifest.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: &'static str,
}

impl Finding {
    fn json(&self) -> Value {
        json!({
            "rule": self.rule,
            "severity": self.severity.to_string(),
            "place": self.place,
            "what": self.what,
            "hint": self.hint,
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {} [{}]\n  hint: {}", self.severity, self.place, self.what, self.rule, self.hint)
    }
}

/// All findings as one JSON object.
pub fn json(findings: &[Finding]) -> Value {
    let list: Vec<Value> = findings.iter().map(Finding::json).collect();
    json!({ "ok": passes(findings), "findings": list })
}

/// Whether there is no error among the findings.
pub fn passes(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity != Severity::Error)
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, which findings carry.
    pub name: &'static str,
    /// How bad a breach is.
    pub severity: Severity,
    /// What to do about a breach.
    pub hint: &'static str,
    check: fn(&Image<'_>, &mut Faults),
}

/// Places and what is wrong there.
type Faults = Vec<(String, String)>;

/// All rules, in the order in which they are checked.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [layout::RULES, entry_points::RULES, labels::RULES, rights::RULES, systemd::RULES].into_iter().flatten()
}

/// Checks an image, which must have been read with its programs. Errors come first.
pub fn check(contents: &Contents) -> Vec<Finding> {
    let image = Image::new(contents);
    let mut findings = Vec::new();
    for rule in rules() {
        let mut faults = Faults::new();
        (rule.check)(&image, &mut faults);
        let finding = |(place, what)| Finding {
            rule: rule.name,
            severity: rule.severity,
            place,
            what,
            hint: rule.hint,
        };
        findings.extend(faults.into_iter().map(finding));
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// The finding about an image that cannot be read as one; none if the machine is at fault, not the image.
pub fn unreadable(error: &InspectError) -> Option<Finding> {
    let hint = error.source.hint()?;
    let what = error.source.to_string();
    Some(Finding {
        rule: "archive",
        severity: Severity::Error,
        place: error.file.display().to_string(),
        what,
        hint,
    })
}
