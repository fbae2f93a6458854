//! The rules as rows of a table: a machine, and what is said about it.

use super::{FLAVORS, Flavor, Verdict};
use crate::cgroup::Layout;
use crate::facts::{Cgroups, Facts, Kernel, Namespaces, Overlay, Registration, Systemd};
use crate::kernel::{Call, OPTIONS, OptionFact, Source, State};
use crate::systemd::assets::ASSETS;
use crate::systemd::tools::Tools;

/// A machine on which everything is there.
fn machine() -> Facts {
    let call = |name, since| Call { name, since, obstacle: None };
    let option = |name| OptionFact { name, state: State::On, source: Source::Config };
    Facts {
        root: true,
        missing_capabilities: Ok(Vec::new()),
        kernel: Kernel {
            release: "6.18.0".to_owned(),
            version: "#1 SMP".to_owned(),
            config: Ok(Some("/proc/config.gz".into())),
            options: OPTIONS.iter().map(|known| option(known.name)).collect(),
            calls: vec![call("mount_setattr", "5.12"), call("openat2", "5.6"), call("pidfd_open", "5.3")],
        },
        cgroups: Cgroups {
            layout: Ok(Layout::Unified),
            controllers: ["cpu", "memory", "pids"].map(str::to_owned).into(),
        },
        namespaces: Namespaces {
            kinds: Ok(["ipc", "mnt", "net", "pid", "user", "uts"].map(str::to_owned).into()),
            user_limit: Ok(1000),
            user: Ok(()),
            in_first_user: true,
        },
        overlay: Overlay { directory: "/var/lib/rkt".into(), usable: Ok(()) },
        kvm: Ok(12),
        processor_helps: Some(true),
        systemd: Systemd {
            booted: true,
            registration: Registration::Machined,
            tools: Tools {
                nspawn: Some("/usr/bin/systemd-nspawn".into()),
                version: Some(Ok(252)),
                abilities: None,
                assets: ASSETS
                    .iter()
                    .map(|asset| (asset, Some(format!("/usr/lib/{}", asset.name).into())))
                    .collect(),
                libraries: Ok(()),
            },
        },
    }
}

/// What is said about each flavor, in one line a finding.
fn told(facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    for flavor in FLAVORS {
        let Verdict { obstacles, notes } = flavor.judge(facts);
        for (mark, findings) in [("does not work", obstacles), ("note", notes)] {
            for finding in findings {
                lines.push(format!("{}: {mark}: {}", flavor.name, finding.what));
            }
        }
    }
    lines
}

/// A change of the machine makes these flavors say these things, and the others nothing.
#[track_caller]
fn expect(change: impl FnOnce(&mut Facts), expected: &[(&str, &str)]) {
    let mut facts = machine();
    change(&mut facts);
    let mut lines = Vec::new();
    for flavor in FLAVORS {
        for (flavors, line) in expected {
            if *flavors == "all" || flavors.split(' ').any(|name| name == flavor.name) {
                lines.push(format!("{}: {line}", flavor.name));
            }
        }
    }
    assert_eq!(told(&facts), lines);
}

fn set_option(facts: &mut Facts, name: &str, state: State) {
    facts.kernel.options.iter_mut().find(|option| option.name == name).unwrap().state = state;
}

const CONTAINERS: &str = "host coreos src";

#[test]
fn nothing_to_say() {
    expect(|_| {}, &[]);
    expect(|facts| facts.systemd.booted = false, &[]);
    expect(|facts| facts.cgroups.layout = Ok(Layout::Hybrid), &[]);
    expect(|facts| set_option(facts, "OVERLAY_FS", State::Off), &[]);
    expect(|facts| set_option(facts, "TUN", State::Module), &[]);
    expect(|facts| facts.namespaces.user_limit = Err("none".to_owned()), &[]);
}

#[test]
fn rights() {
    let missing = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect());
    expect(
        |facts| {
            facts.root = false;
            facts.missing_capabilities = missing(&["CAP_SYS_ADMIN", "CAP_SYS_RESOURCE"]);
        },
        &[("all", "does not work: this is not root")],
    );
    expect(
        |facts| facts.missing_capabilities = missing(&["CAP_SYS_ADMIN"]),
        &[
            ("all", "does not work: root does not have CAP_SYS_ADMIN here"),
            (
                CONTAINERS,
                "note: root does not have CAP_SYS_ADMIN here: apps cannot have it either, and limits that ask for it \
                 stay as they are",
            ),
        ],
    );
    expect(
        |facts| facts.missing_capabilities = missing(&["CAP_NET_ADMIN"]),
        &[
            ("kvm", "does not work: root does not have CAP_NET_ADMIN here"),
            (
                CONTAINERS,
                "note: root does not have CAP_NET_ADMIN here: apps cannot have it either, and limits that ask for it \
                 stay as they are",
            ),
        ],
    );
    expect(
        |facts| facts.namespaces.in_first_user = false,
        &[(
            "all",
            "note: root is only that of a user namespace: images with device files or with owners outside its range \
             cannot be unpacked",
        )],
    );
}

#[test]
fn kernels() {
    expect(
        |facts| facts.kernel.calls[0].obstacle = Some("Function not implemented".to_owned()),
        &[("all", "does not work: the call mount_setattr cannot be used: Function not implemented")],
    );
    expect(|facts| facts.kernel.calls[2].obstacle = Some("no".to_owned()), &[]);
    for name in ["CGROUPS", "NAMESPACES", "UTS_NS", "IPC_NS", "PID_NS"] {
        let line = format!("does not work: the kernel is built without CONFIG_{name}");
        expect(|facts| set_option(facts, name, State::Off), &[(CONTAINERS, &line)]);
    }
    expect(
        |facts| set_option(facts, "NET_NS", State::Off),
        &[("host coreos src kvm", "does not work: the kernel is built without CONFIG_NET_NS")],
    );
    expect(
        |facts| set_option(facts, "TUN", State::Unknown),
        &[("kvm", "note: cannot tell whether the kernel is built with CONFIG_TUN")],
    );
    expect(
        |facts| set_option(facts, "SECCOMP_FILTER", State::Off),
        &[(
            CONTAINERS,
            "note: the kernel is built without CONFIG_SECCOMP_FILTER: the calls of apps cannot be restricted",
        )],
    );
    expect(
        |facts| facts.namespaces.user = Err("No space left on device".to_owned()),
        &[(
            CONTAINERS,
            "note: user namespaces cannot be made: No space left on device: --private-users cannot be used",
        )],
    );
    expect(
        |facts| facts.overlay.usable = Err("no module".to_owned()),
        &[(
            "all",
            "note: no overlay mounts: no module: every pod copies its images, which takes time and space",
        )],
    );
    for (kvm, line) in [
        (Err("No such file".to_owned()), "does not work: cannot use /dev/kvm: No such file"),
        (Ok(11), "does not work: /dev/kvm speaks version 11 of its interface, not 12"),
    ] {
        expect(|facts| facts.kvm = kvm, &[("kvm", line)]);
    }
    expect(|facts| facts.processor_helps = None, &[]);
    expect(
        |facts| facts.processor_helps = Some(false),
        &[(
            "kvm",
            "note: the processor has neither vmx nor svm among its flags: lkvm does not start, and qemu may not get a \
             guest to boot",
        )],
    );
}

#[test]
fn control_groups() {
    expect(
        |facts| facts.cgroups.layout = Ok(Layout::Absent),
        &[(CONTAINERS, "does not work: no control groups are mounted on /sys/fs/cgroup")],
    );
    expect(
        |facts| facts.cgroups.layout = Err("Permission denied".to_owned()),
        &[(CONTAINERS, "note: cannot look at /sys/fs/cgroup: Permission denied")],
    );
    expect(
        |facts| facts.cgroups.controllers.retain(|name| name != "memory"),
        &[(
            CONTAINERS,
            "note: the control groups have no controller \"memory\": the memory of apps cannot be limited",
        )],
    );
}

#[test]
fn systemd_of_the_machine() {
    let version = |version| move |facts: &mut Facts| facts.systemd.tools.version = Some(Ok(version));
    expect(
        version(219),
        &[("host", "does not work: systemd-nspawn is of systemd 219, and 220 or newer is needed")],
    );
    for (number, layout, fits) in [
        (257, Layout::Hybrid, true),
        (257, Layout::Legacy, true),
        (258, Layout::Unified, true),
        (258, Layout::Hybrid, false),
        (262, Layout::Legacy, false),
    ] {
        let line = format!(
            "does not work: systemd {number} needs the unified control groups, and the layout here is {}",
            layout.name()
        );
        let expected = [("host", line.as_str())];
        expect(
            |facts| {
                version(number)(facts);
                facts.cgroups.layout = Ok(layout);
            },
            if fits { &[] } else { &expected },
        );
    }
    let without = |name: &'static str| {
        move |facts: &mut Facts| {
            let assets = &mut facts.systemd.tools.assets;
            assets.iter_mut().find(|(asset, _)| asset.name == name).unwrap().1 = None;
        }
    };
    let lacks = "does not work: systemctl, needed for exit codes, and changing pods: not in PATH";
    expect(without("systemctl"), &[("host", lacks)]);
    let lacks = "does not work: journalctl, needed for keeping the journal: not in PATH";
    expect(without("journalctl"), &[("host", lacks)]);
    expect(
        |facts| {
            without("journalctl")(facts);
            facts.systemd.booted = false;
        },
        &[],
    );
    for (registration, reason) in [
        (Registration::NoMachined, "systemd-machined is not on the system bus"),
        (Registration::NoBus("nobody listens".to_owned()), "no system bus: nobody listens"),
    ] {
        let line = format!("note: {reason}: pods are not registered, and machinectl does not list them");
        expect(|facts| facts.systemd.registration = registration, &[(CONTAINERS, &line)]);
    }
}

#[test]
fn flavors_by_name() {
    assert_eq!(Flavor::named("kvm").unwrap().name, "kvm");
    assert!(Flavor::named("KVM").is_none());
}

/// A rule that asks for what is not among the facts would never be met.
#[test]
fn what_is_asked_is_known() {
    let mut facts = machine();
    facts.kernel.options.clear();
    facts.kernel.calls.clear();
    for line in told(&facts) {
        assert!(line.contains("cannot tell whether") || line.contains("not tried"), "{line}");
    }
    assert_eq!(told(&machine()), [""; 0]);
}
