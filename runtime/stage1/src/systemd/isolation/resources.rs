//! How much of the machine an app may use.

use crate::systemd::cgroup;
use crate::systemd::unit::Unit;
use crate::systemd::unit::dialect::Dialect;
use appc::IsolatorValue;
use host::cgroup::Layout;
use rustix::thread::CapabilitySet;
use std::path::Path;

/// Limits of an app. Of several isolators of one kind the last one counts, as in the original.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Resources {
    /// Bytes.
    pub(crate) memory: Option<i64>,
    /// Thousandths of a processor.
    pub(crate) cpu: Option<i64>,
    /// Weight, 2 to 262144, as control groups of version 1 count.
    pub(crate) cpu_shares: Option<u64>,
    /// -1000 to 1000.
    pub(crate) oom_score_adj: Option<i64>,
}

/// What the host can enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Enforced {
    /// There is a memory controller for the pod.
    pub(crate) memory: bool,
    /// There is a processor controller for the pod.
    pub(crate) cpu: bool,
    /// Control groups are of version 2.
    pub(crate) unified: bool,
    /// The lowest `oom_score_adj` that we may set.
    pub(crate) oom_score_floor: i64,
}

impl Enforced {
    /// What is enforced in a pod that runs in this control group.
    pub(crate) fn in_pod(cgroups: &cgroup::Host, subcgroup: &Path) -> Enforced {
        Enforced {
            memory: cgroups.has_in("memory", subcgroup),
            cpu: cgroups.has_in("cpu", subcgroup),
            unified: cgroups.layout == Layout::Unified,
            oom_score_floor: oom_score_floor(),
        }
    }
}

/// The lowest score that a process of the pod can have: without the capability, none below its own.
pub(crate) fn oom_score_floor() -> i64 {
    let capable = rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_RESOURCE));
    if capable {
        return -1000;
    }
    let own = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
    own.trim().parse().unwrap_or(0)
}

impl Resources {
    /// Reads the isolators.
    pub(crate) fn of(isolators: &[IsolatorValue]) -> Resources {
        let mut resources = Resources::default();
        for isolator in isolators {
            match isolator {
                IsolatorValue::Memory(memory) => {
                    resources.memory = memory.limit.as_ref().map(appc::Quantity::value);
                }
                IsolatorValue::Cpu(cpu) => {
                    resources.cpu = cpu.limit.as_ref().map(appc::Quantity::milli_value);
                }
                IsolatorValue::CpuShares(shares) => resources.cpu_shares = Some(*shares),
                IsolatorValue::OomScoreAdj(score) => resources.oom_score_adj = Some(*score),
                _ => {}
            }
        }
        resources
    }

    /// Adds the directives, and gives what cannot be enforced, in words.
    pub(crate) fn add_to(&self, unit: &mut Unit, dialect: Dialect, enforced: Enforced) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut missing = |name: &str| {
            warnings.push(format!("{name} isolator set but support disabled in the kernel, skipping"));
        };
        if let Some(bytes) = self.memory {
            if enforced.memory {
                unit.service(dialect.memory_limit(), bytes.to_string());
            } else {
                missing("resource/memory");
            }
        }
        if let Some(milli) = self.cpu {
            if enforced.cpu {
                unit.service("CPUQuota", percent(milli));
            } else {
                missing("resource/cpu");
            }
        }
        if let Some(shares) = self.cpu_shares {
            if !enforced.cpu {
                missing("os/linux/cpu-shares");
            } else if enforced.unified || !dialect.understands_cpu_shares() {
                unit.service("CPUWeight", weight(shares).to_string());
            } else {
                unit.service("CPUShares", shares.to_string());
            }
        }
        if let Some(score) = self.oom_score_adj {
            unit.service("OOMScoreAdjust", score.to_string());
            if score < enforced.oom_score_floor {
                warnings.push(format!(
                    "os/linux/oom-score-adj {score} cannot be set without CAP_SYS_RESOURCE: the lowest is {}",
                    enforced.oom_score_floor
                ));
            }
        }
        warnings
    }
}

/// Thousandths of a processor as systemd's percentage, at least a hundredth of a percent.
fn percent(milli: i64) -> String {
    match (milli / 10, milli % 10) {
        (whole, 0) => format!("{whole}%"),
        (whole, tenth) => format!("{whole}.{tenth}%"),
    }
}

/// The weight of version 2 for the shares of version 1, as systemd itself converts them.
fn weight(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9_999 / 262_142
}

#[cfg(test)]
mod tests {
    use super::{Enforced, Resources};
    use crate::systemd::unit::Unit;
    use crate::systemd::unit::dialect::Dialect;
    use appc::{IsolatorValue, Resource};

    const ALL: Enforced = Enforced { memory: true, cpu: true, unified: false, oom_score_floor: -1000 };

    fn limit(text: &str) -> Resource {
        Resource { request: None, limit: Some(text.parse().expect("quantity")) }
    }

    fn made(enforced: Enforced, version: u32) -> (String, Vec<String>) {
        let isolators = [
            IsolatorValue::Memory(limit("1M")),
            IsolatorValue::Memory(limit("64M")),
            IsolatorValue::Cpu(limit("505m")),
            IsolatorValue::CpuShares(1024),
            IsolatorValue::OomScoreAdj(-100),
        ];
        let mut unit = Unit::default();
        let warnings = Resources::of(&isolators).add_to(&mut unit, Dialect::of(version), enforced);
        (unit.to_text().replace('\n', " "), warnings)
    }

    #[test]
    fn directives_by_version_and_kind_of_control_groups() {
        let (text, warnings) = made(ALL, 230);
        assert_eq!(text, "[Service] MemoryLimit=64000000 CPUQuota=50.5% CPUShares=1024 OOMScoreAdjust=-100 ");
        assert!(warnings.is_empty());
        assert!(made(ALL, 252).0.contains("CPUShares=1024"));
        let (text, _) = made(Enforced { unified: true, ..ALL }, 252);
        assert_eq!(text, "[Service] MemoryMax=64000000 CPUQuota=50.5% CPUWeight=39 OOMScoreAdjust=-100 ");
    }

    #[test]
    fn what_cannot_be_enforced_is_told() {
        let none = Enforced { memory: false, cpu: false, unified: false, oom_score_floor: 0 };
        let (text, warnings) = made(none, 252);
        assert_eq!(text, "[Service] OOMScoreAdjust=-100 ");
        assert_eq!(warnings.len(), 4);
        assert!(warnings[0].starts_with("resource/memory isolator set"), "{warnings:?}");
    }
}
