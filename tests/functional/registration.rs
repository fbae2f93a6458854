//! Pods among the machines of a host that was booted with systemd: machined knows them, under whose unit they are depends on
//! who called rkt.

use std::fs;

use crate::harness::{Debian, Groups, Sandbox, Started, tests, wait_for};

tests! {
    host: [pods_are_machines, whose_scope_has_another_name, what_outlives_nspawn_is_ended],
}

/// A pod that was started on the host.
struct Running {
    uuid: String,
    started: Started,
}

/// Starts a pod whose app sleeps, at a shell or as a service.
fn start(host: &Debian<'_>, sandbox: &Sandbox, as_a_service: bool) -> Running {
    let file = sandbox.at("uuid-of-the-pod");
    let _ = fs::remove_file(&file);
    let save = format!("--uuid-file-save={}", file.display());
    let run = sandbox.run().options([save]).shell("trap 'exit 3' TERM; sleep 1000 & wait").command();
    let run = if as_a_service { host.as_a_service(&run) } else { host.at_a_shell(&run) };
    let mut started = Started::new(sandbox, run);
    let uuid = wait_for("the pod", || {
        started.expect_running();
        let uuid = fs::read_to_string(&file).ok()?;
        (host.rkt(["status", "--wait-ready=5s", &uuid]).code == Some(0)).then_some(uuid)
    });
    Running { uuid, started }
}

impl Running {
    fn machine(&self) -> String {
        format!("rkt-{}", self.uuid)
    }

    /// What machined says of it.
    fn property(&self, host: &Debian<'_>, name: &str) -> String {
        let option = format!("--property={name}");
        host.says(["machinectl", "show", "--value", &option, &self.machine()]).trim().to_owned()
    }

    /// Its group, as it is written down.
    fn group(&self, sandbox: &Sandbox) -> String {
        fs::read_to_string(sandbox.data().join("pods/run").join(&self.uuid).join("subcgroup")).unwrap()
    }
}

fn pods_are_machines(sandbox: &Sandbox) {
    let host = Debian::boot(sandbox, "bookworm", Groups::AsHere, |_| ());
    // At a shell: in a unit of its own, which outlives no pod.
    let pod = start(&host, sandbox, false);
    let unit = pod.property(&host, "Unit");
    assert_eq!(unit, format!("machine-rkt\\x2d{}.scope", pod.uuid.replace('-', "\\x2d")));
    assert_eq!(pod.group(sandbox), format!("/machine.slice/{unit}"));
    assert_eq!(
        (pod.property(&host, "Class"), pod.property(&host, "Service")),
        ("container".into(), "rkt".into())
    );
    assert_eq!(pod.property(&host, "Id").replace('-', ""), pod.uuid.replace('-', ""));
    let root = sandbox.data().join("pods/run").join(&pod.uuid).join("stage1/rootfs");
    assert_eq!(pod.property(&host, "RootDirectory"), root.display().to_string());
    // The order to power off has the apps end in their own way.
    host.says(["machinectl", "poweroff", &pod.machine()]);
    pod.started.end();
    assert!(host.rkt(["status", &pod.uuid]).ok().out.ends_with("\napp-busybox=3\n"));

    let pod = start(&host, sandbox, false);
    host.says(["machinectl", "terminate", &pod.machine()]);
    pod.started.end();
    assert!(host.rkt(["status", &pod.uuid]).ok().out.starts_with("state=exited\n"));

    a_service_keeps_its_unit(&host, sandbox);
    host.expect_nothing_left();
}

/// The pod is in the unit of the service, in a group of the pod's name.
fn a_service_keeps_its_unit(host: &Debian<'_>, sandbox: &Sandbox) {
    let pod = start(host, sandbox, true);
    let unit = pod.property(host, "Unit");
    assert!(unit.starts_with("run-") && unit.ends_with(".service"), "{unit}");
    let scope = format!("machine-rkt\\x2d{}.scope", pod.uuid.replace('-', "\\x2d"));
    assert_eq!(pod.group(sandbox), format!("/system.slice/{unit}/{scope}"));
    host.rkt(["stop", &pod.uuid]).ok();
    pod.started.end();
}

fn whose_scope_has_another_name(sandbox: &Sandbox) {
    let host = Debian::boot(sandbox, "sid", Groups::Unified, |_| ());
    let pod = start(&host, sandbox, false);
    // Whatever the version makes of the machine's name, it is the group that is written down.
    let unit = pod.property(&host, "Unit");
    wait_for("the name of the group", || {
        (pod.group(sandbox) == format!("/machine.slice/{unit}")).then_some(())
    });
    host.rkt(["stop", "--force", &pod.uuid]).ok();
    pod.started.end();
    a_service_keeps_its_unit(&host, sandbox);
    host.expect_nothing_left();
}

fn what_outlives_nspawn_is_ended(sandbox: &Sandbox) {
    let host = Debian::boot(sandbox, "bookworm", Groups::AsHere, |_| ());
    for as_a_service in [false, true] {
        let pod = start(&host, sandbox, as_a_service);
        let leader = pod.property(&host, "Leader");
        let parent = host.says(["grep", "^PPid:", &format!("/proc/{leader}/status")]);
        host.says(["kill", "-KILL", parent.trim_start_matches("PPid:").trim()]);
        pod.started.end();
        host.rkt(["gc"]).ok();
        wait_for("the end of the pod's first process", || {
            (!host.inside(["test", "-d", &format!("/proc/{leader}")]).status().unwrap().success())
                .then_some(())
        });
    }
    host.expect_nothing_left();
}
