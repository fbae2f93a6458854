//! Which flavors of stage1 a machine can run pods of: a rule a flavor, over facts.

use crate::cgroup::Layout;
use crate::facts::{Facts, Registration};
use crate::kernel::State;
use crate::kvm;

/// A flavor and what it asks of the machine. What its image brings is not asked.
#[derive(Debug)]
pub struct Flavor {
    /// Its name.
    pub name: &'static str,
    /// Without these it does not work.
    needs: &'static [&'static [Need]],
    /// Without these it works, but not fully: what then is otherwise.
    wishes: &'static [(Need, &'static str)],
}

/// One thing that is asked.
#[derive(Debug, Clone, Copy)]
enum Need {
    Root,
    Capability(&'static str),
    /// All that the kernel has, for what is handed on to apps.
    EveryCapability,
    FirstUserNamespace,
    Call(&'static str),
    Option(&'static str),
    Cgroups,
    Controller(&'static str),
    UserNamespaces,
    Overlay,
    Kvm,
    Processor,
    SystemdTools,
    SystemdForTheseCgroups,
    Registration,
}

/// What stage0 itself does: unpack images and mount.
const STAGE0: &[Need] = &[
    Need::Root,
    Need::Capability("CAP_SYS_ADMIN"),
    Need::Capability("CAP_SYS_CHROOT"),
    Need::Capability("CAP_CHOWN"),
    Need::Capability("CAP_DAC_OVERRIDE"),
    Need::Capability("CAP_FOWNER"),
    Need::Capability("CAP_MKNOD"),
    Need::Capability("CAP_SETGID"),
    Need::Capability("CAP_SETUID"),
    Need::Call("mount_setattr"),
    Need::Call("openat2"),
];

/// Containers of systemd-nspawn.
const CONTAINERS: &[Need] = &[
    Need::Option("CGROUPS"),
    Need::Option("NAMESPACES"),
    Need::Option("UTS_NS"),
    Need::Option("IPC_NS"),
    Need::Option("PID_NS"),
    Need::Option("NET_NS"),
    Need::Cgroups,
];

const HOST_SYSTEMD: &[Need] = &[Need::SystemdTools, Need::SystemdForTheseCgroups];

const VIRTUAL_MACHINES: &[Need] =
    &[Need::Capability("CAP_NET_ADMIN"), Need::Option("NET_NS"), Need::Option("TUN"), Need::Kvm];

const OVERLAY: (Need, &str) = (Need::Overlay, "every pod copies its images, which takes time and space");

const DEVICES: (Need, &str) = (
    Need::FirstUserNamespace,
    "images with device files or with owners outside its range cannot be unpacked",
);

const PROCESSOR: (Need, &str) =
    (Need::Processor, "lkvm does not start, and qemu may not get a guest to boot");

const CONTAINER_WISHES: &[(Need, &str)] = &[
    OVERLAY,
    DEVICES,
    (Need::Registration, "pods are not registered, and machinectl does not list them"),
    (Need::Option("SECCOMP_FILTER"), "the calls of apps cannot be restricted"),
    (Need::Controller("memory"), "the memory of apps cannot be limited"),
    (Need::Controller("cpu"), "the processor time of apps cannot be limited"),
    (Need::UserNamespaces, "--private-users cannot be used"),
    (Need::EveryCapability, "apps cannot have it either, and limits that ask for it stay as they are"),
];

/// All flavors.
pub const FLAVORS: &[Flavor] = &[
    Flavor { name: "fly", needs: &[STAGE0], wishes: &[OVERLAY, DEVICES] },
    Flavor { name: "host", needs: &[STAGE0, CONTAINERS, HOST_SYSTEMD], wishes: CONTAINER_WISHES },
    Flavor { name: "coreos", needs: &[STAGE0, CONTAINERS], wishes: CONTAINER_WISHES },
    Flavor { name: "src", needs: &[STAGE0, CONTAINERS], wishes: CONTAINER_WISHES },
    Flavor { name: "kvm", needs: &[STAGE0, VIRTUAL_MACHINES], wishes: &[OVERLAY, DEVICES, PROCESSOR] },
];

/// Something about the machine that is in the way, or a pity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is, and what follows from it.
    pub what: String,
    /// What to do, where something can be done.
    pub hint: Option<String>,
}

/// Whether pods of a flavor can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Why they cannot; empty when they can.
    pub obstacles: Vec<Finding>,
    /// What is not as it should be, and does not keep them from running.
    pub notes: Vec<Finding>,
}

impl Verdict {
    /// Whether pods can run.
    pub fn works(&self) -> bool {
        self.obstacles.is_empty()
    }
}

impl Flavor {
    /// The flavor with this name.
    pub fn named(name: &str) -> Option<&'static Flavor> {
        FLAVORS.iter().find(|flavor| flavor.name == name)
    }

    /// The rule: all that is in the way, and all that is a pity.
    pub fn judge(&self, facts: &Facts) -> Verdict {
        let mut verdict = Verdict { obstacles: Vec::new(), notes: Vec::new() };
        for need in self.needs.iter().copied().flatten() {
            for Answer { certain, finding } in need.answers(facts) {
                if certain { &mut verdict.obstacles } else { &mut verdict.notes }.push(finding);
            }
        }
        for (wish, consequence) in self.wishes {
            for Answer { finding, .. } in wish.answers(facts) {
                let what = format!("{}: {consequence}", finding.what);
                verdict.notes.push(Finding { what, hint: finding.hint });
            }
        }
        verdict
    }
}

/// A need that is not met, or of which that is not certain.
struct Answer {
    certain: bool,
    finding: Finding,
}

fn no(what: impl Into<String>, hint: impl Into<String>) -> Vec<Answer> {
    answer(true, what.into(), Some(hint.into()))
}

fn perhaps(what: String) -> Vec<Answer> {
    answer(false, what, None)
}

fn answer(certain: bool, what: String, hint: Option<String>) -> Vec<Answer> {
    vec![Answer { certain, finding: Finding { what, hint } }]
}

impl Need {
    /// What is missing; nothing when the need is met.
    fn answers(self, facts: &Facts) -> Vec<Answer> {
        match self {
            Need::Root if !facts.root => no("this is not root", "run it as root"),
            Need::Capability(name) => match &facts.missing_capabilities {
                // Who is not root has been told so.
                Ok(missing) if facts.root && missing.iter().any(|missing| missing == name) => {
                    no(format!("root does not have {name} here"), "start the container around this with it")
                }
                Err(reason) => perhaps(format!("cannot tell whether {name} is there: {reason}")),
                Ok(_) => Vec::new(),
            },
            Need::EveryCapability => match &facts.missing_capabilities {
                Ok(missing) if facts.root && !missing.is_empty() => {
                    answer(true, format!("root does not have {} here", missing.join(", ")), None)
                }
                _ => Vec::new(),
            },
            Need::FirstUserNamespace if !facts.namespaces.in_first_user => {
                answer(true, "root is only that of a user namespace".to_owned(), None)
            }
            Need::Call(name) => call(facts, name),
            Need::Option(name) => option(facts, name),
            Need::Cgroups => match &facts.cgroups.layout {
                Ok(Layout::Absent) => no(
                    "no control groups are mounted on /sys/fs/cgroup",
                    "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
                ),
                Ok(_) => Vec::new(),
                Err(reason) => perhaps(format!("cannot look at /sys/fs/cgroup: {reason}")),
            },
            Need::Controller(name) if !facts.cgroups.controllers.iter().any(|known| known == name) => no(
                format!("the control groups have no controller \"{name}\""),
                format!("see whether the kernel's command line switches it off (cgroup_disable={name})"),
            ),
            Need::UserNamespaces => match &facts.namespaces.user {
                Ok(()) => Vec::new(),
                Err(reason) => no(
                    format!("user namespaces cannot be made: {reason}"),
                    "see /proc/sys/user/max_user_namespaces",
                ),
            },
            Need::Overlay => match &facts.overlay.usable {
                Ok(()) => Vec::new(),
                Err(reason) => answer(true, format!("no overlay mounts: {reason}"), None),
            },
            Need::Kvm => match &facts.kvm {
                Ok(kvm::API_VERSION) => Vec::new(),
                Ok(version) => no(
                    format!(
                        "{} speaks version {version} of its interface, not {}",
                        kvm::DEVICE,
                        kvm::API_VERSION
                    ),
                    "use another kernel",
                ),
                // The device is root's.
                Err(reason) if !facts.root => perhaps(format!("cannot use {}: {reason}", kvm::DEVICE)),
                Err(reason) => no(
                    format!("cannot use {}: {reason}", kvm::DEVICE),
                    "switch virtualization on in the firmware and load the module kvm_intel or kvm_amd; in a virtual \
                     machine, its host has to allow it",
                ),
            },
            // Where the device cannot be used at all, that has been told.
            Need::Processor if facts.processor_helps == Some(false) && facts.kvm.is_ok() => {
                answer(true, "the processor has neither vmx nor svm among its flags".to_owned(), None)
            }
            Need::SystemdTools => {
                let misses = facts.systemd.tools.misses(facts.systemd.booted);
                misses.iter().flat_map(|miss| no(miss.to_string(), miss.hint())).collect()
            }
            Need::SystemdForTheseCgroups => {
                match (facts.systemd.tools.known_version(), &facts.cgroups.layout) {
                    (Some(version), Ok(layout @ (Layout::Legacy | Layout::Hybrid)))
                        if version > crate::systemd::LAST_FOR_LEGACY =>
                    {
                        no(
                            format!(
                                "systemd {version} needs the unified control groups, and the layout here is {}",
                                layout.name()
                            ),
                            "boot with the unified control groups (systemd.unified_cgroup_hierarchy=1)",
                        )
                    }
                    _ => Vec::new(),
                }
            }
            Need::Registration => match &facts.systemd.registration {
                Registration::Machined => Vec::new(),
                Registration::NoMachined => no(
                    "systemd-machined is not on the system bus",
                    "install it; distributions have it in the package systemd-container",
                ),
                Registration::NoBus(reason) => answer(true, format!("no system bus: {reason}"), None),
            },
            Need::Root | Need::FirstUserNamespace | Need::Controller(_) | Need::Processor => Vec::new(),
        }
    }
}

fn call(facts: &Facts, name: &str) -> Vec<Answer> {
    match facts.kernel.calls.iter().find(|call| call.name == name) {
        Some(call) => match &call.obstacle {
            Some(reason) => no(
                format!("the call {name} cannot be used: {reason}"),
                format!(
                    "it came with Linux {}; a container around this may also forbid it with a filter",
                    call.since
                ),
            ),
            None => Vec::new(),
        },
        None => perhaps(format!("it was not tried whether there is the call {name}")),
    }
}

fn option(facts: &Facts, name: &str) -> Vec<Answer> {
    let state = facts.kernel.options.iter().find(|option| option.name == name).map(|option| option.state);
    match state.unwrap_or(State::Unknown) {
        State::On | State::Module => Vec::new(),
        State::Off => no(
            format!("the kernel is built without CONFIG_{name}"),
            format!("use a kernel with CONFIG_{name}"),
        ),
        State::Unknown => perhaps(format!("cannot tell whether the kernel is built with CONFIG_{name}")),
    }
}

#[cfg(test)]
mod tests;
