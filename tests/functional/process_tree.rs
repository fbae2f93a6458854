//! rkt becomes systemd-nspawn, whose only child is the pod's systemd, whose children are the apps.

use std::fs;

use crate::harness::{Sandbox, process, tests, wait_for};

tests! {
    host: [rkt_becomes_nspawn_and_systemd_starts_the_apps, the_network_is_the_only_namespace_of_the_host],
}

fn rkt_becomes_nspawn_and_systemd_starts_the_apps(sandbox: &Sandbox) {
    let names = ["--name=one", "--name=two"];
    let run = names
        .iter()
        .fold(sandbox.run(), |run, name| run.app(sandbox.app(), &[name, "--exec=/bin/sleep"], &["1000"]));
    let pod = run.start();
    // Before that, rkt may not have become nspawn yet.
    let systemd = pod.first_process();
    let nspawn = pod.process();
    wait_for("nspawn", || (process::name(nspawn) == "systemd-nspawn").then_some(()));
    assert_eq!(pod.status()["pid"], nspawn.to_string());
    assert_eq!(fs::read_to_string(pod.dir().join("ppid")).unwrap(), format!("{nspawn}\n"));
    assert_eq!(process::status(nspawn, "PPid"), std::process::id().to_string());

    assert_eq!(process::children(nspawn), [systemd]);
    let apps = wait_for("the apps", || {
        let mut children: Vec<_> =
            process::children(systemd).into_iter().map(|pid| (process::name(pid), pid)).collect();
        children.sort();
        let names: Vec<_> = children.iter().map(|(name, _)| name.as_str()).collect();
        (names == ["sleep", "sleep", "systemd-journal"]).then(|| children[..2].to_vec())
    });
    // In the pod it is the first process.
    let last = |pids: &str| pids.split_ascii_whitespace().next_back().unwrap_or_default().to_owned();
    assert_eq!(last(&process::status(systemd, "NSpid")), "1");
    for (_, app) in apps {
        assert!(process::children(app).is_empty());
    }
    pod.stop();
}

fn the_network_is_the_only_namespace_of_the_host(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let systemd = pod.first_process();
    let own = std::process::id();
    for (kind, is_own) in
        [("mnt", false), ("pid", false), ("ipc", false), ("uts", false), ("net", true), ("user", true)]
    {
        assert_eq!(process::namespace(systemd, kind) == process::namespace(own, kind), is_own, "{kind}");
    }
    pod.stop();
}
