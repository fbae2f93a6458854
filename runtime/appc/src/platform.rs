//! Operating systems and architectures by their appc names: one table.

use crate::{Label, ManifestError};

/// An operating system and architecture that appc knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// Value of the label `os`.
    pub os: &'static str,
    /// Value of the label `arch`.
    pub arch: &'static str,
    /// What Go calls it (`GOARCH`, for arm with `GOARM`), where the original knows a translation.
    pub go: Option<&'static str>,
    /// Whether stage0 accepts app images with these labels.
    pub runnable: bool,
}

const fn linux(arch: &'static str, go: Option<&'static str>, runnable: bool) -> Platform {
    Platform { os: "linux", arch, go, runnable }
}

const fn other(os: &'static str, arch: &'static str) -> Platform {
    Platform { os, arch, go: None, runnable: false }
}

/// All combinations that an image may carry.
pub const PLATFORMS: &[Platform] = &[
    linux("amd64", Some("amd64"), true),
    linux("i386", Some("386"), true),
    linux("aarch64", Some("arm64"), true),
    linux("aarch64_be", None, true),
    linux("armv6l", Some("arm6"), true),
    linux("armv7l", Some("arm7"), true),
    linux("armv7b", None, true),
    linux("ppc64", None, false),
    linux("ppc64le", Some("ppc64le"), true),
    linux("s390x", None, false),
    other("freebsd", "amd64"),
    other("freebsd", "i386"),
    other("freebsd", "arm"),
    other("darwin", "x86_64"),
    other("darwin", "i386"),
];

/// The appc name of what Go calls `go` (`amd64`, `386`, `arm64`, `arm6`, `arm7`, `ppc64le`).
pub fn arch_of_go(go: &str) -> Option<&'static str> {
    PLATFORMS.iter().find(|p| p.go == Some(go)).map(|p| p.arch)
}

/// Whether stage0 accepts an app image with these labels.
pub fn runnable_by_rkt(os: &str, arch: &str) -> bool {
    PLATFORMS.iter().any(|p| p.runnable && p.os == os && p.arch == arch)
}

/// Checks the labels `os` and `arch` against the table. As in the original, `arch` counts only beside an `os`.
pub(crate) fn check(labels: &[Label]) -> Result<(), ManifestError> {
    let find = |name: &str| labels.iter().find(|label| label.name == name).map(|label| label.value.as_str());
    let Some(os) = find("os") else { return Ok(()) };
    let arches: Vec<&str> = PLATFORMS.iter().filter(|p| p.os == os).map(|p| p.arch).collect();
    if arches.is_empty() {
        let mut known: Vec<&str> = PLATFORMS.iter().map(|p| p.os).collect();
        known.dedup();
        return Err(ManifestError::new(format!("unknown os `{os}`: known are {}", known.join(", "))));
    }
    match find("arch") {
        Some(arch) if !arches.contains(&arch) => {
            let known = arches.join(", ");
            Err(ManifestError::new(format!("unknown arch `{arch}` for os `{os}`: known are {known}")))
        }
        _ => Ok(()),
    }
}
