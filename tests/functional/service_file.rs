//! rkt as a service of a system that was booted with systemd.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::{Debian, Groups, Image, Sandbox, exec_line, tests, wait_for};

tests! {
    host: [
        a_service_is_started_when_the_pod_is_ready,
        a_service_ends_as_its_app_does,
        a_service_that_restarts_has_a_new_pod_each_time,
        a_socket_of_the_system_reaches_the_app,
    ],
}

/// A unit of the machine that runs a command.
fn service(root: &Path, command: &Command, more: &str) {
    let text = format!("[Service]\nType=notify\nKillMode=mixed\nExecStart={}\n{more}", exec_line(command));
    fs::write(root.join("etc/systemd/system/pod.service"), text).unwrap();
}

fn property(host: &Debian<'_>, name: &str) -> String {
    let option = format!("--property={name}");
    host.says(["systemctl", "show", "--value", &option, "pod.service"]).trim().to_owned()
}

fn a_service_is_started_when_the_pod_is_ready(sandbox: &Sandbox) {
    let annotations = json!([{"name": "appc.io/executor/supports-systemd-notify", "value": "true"}]);
    let go = sandbox.at("shared");
    fs::create_dir(&go).unwrap();
    let image = Image::program("example.com/notifier", sandbox, &["notify", "/shared/go"]);
    let image = image.set("", "annotations", annotations).make(sandbox);
    let volume = format!("--volume=shared,kind=host,source={}", go.display());
    let run = sandbox.run().options([volume]).app(&image, &["--mount=volume=shared,target=/shared"], &[]);
    let mark = sandbox.command(["gc", "--mark-only"]);
    let host = Debian::boot(sandbox, "bookworm", Groups::AsHere, |root| {
        service(root, &run.command(), &format!("ExecStopPost={}\n", exec_line(&mark)));
    });
    host.says(["systemctl", "start", "--no-block", "pod.service"]);
    let uuid = wait_for("the pod", || {
        let pods = sandbox.pods();
        Some(pods.iter().find_map(|pod| pod.strip_prefix("run/"))?.to_owned())
    });
    wait_for("the machine", || {
        host.says(["machinectl", "list", "--no-legend"]).contains(&uuid).then_some(())
    });
    assert_eq!(property(&host, "ActiveState"), "activating");
    fs::write(go.join("go"), "").unwrap();
    wait_for("the service", || (property(&host, "ActiveState") == "active").then_some(()));
    let main = property(&host, "MainPID");
    assert_eq!(host.says(["cat", &format!("/proc/{main}/comm")]), "systemd-nspawn\n");
    host.says(["systemctl", "stop", "pod.service"]);
    // Its last word was to mark the pod.
    assert_eq!(sandbox.pods(), [format!("exited-garbage/{uuid}")]);
    host.expect_nothing_left();
}

fn a_service_ends_as_its_app_does(sandbox: &Sandbox) {
    let run = sandbox.run().shell("exit 7");
    let host = Debian::boot(sandbox, "bookworm", Groups::AsHere, |root| service(root, &run.command(), ""));
    host.inside(["systemctl", "start", "pod.service"]).status().unwrap();
    wait_for("the end", || (property(&host, "ActiveState") == "failed").then_some(()));
    assert_eq!(
        (property(&host, "Result"), property(&host, "ExecMainStatus")),
        ("exit-code".into(), "7".into())
    );
    host.says(["systemctl", "reset-failed"]);
    host.expect_nothing_left();
}

fn a_service_that_restarts_has_a_new_pod_each_time(sandbox: &Sandbox) {
    let shared = sandbox.at("shared");
    fs::create_dir(&shared).unwrap();
    let volume = format!("--volume=shared,kind=host,source={}", shared.display());
    // The first pod fails, the second one stays.
    let line = "mkdir /shared/been-here && exit 4; touch /shared/second; exec sleep 1000";
    let run = sandbox.run().options([volume]).shell_with(&["--mount=volume=shared,target=/shared"], line);
    let host = Debian::boot(sandbox, "bookworm", Groups::AsHere, |root| {
        service(root, &run.command(), "Restart=on-failure\nRestartSec=0\n");
    });
    host.inside(["systemctl", "start", "--no-block", "pod.service"]).status().unwrap();
    wait_for("the second pod", || shared.join("second").exists().then_some(()));
    assert_eq!(property(&host, "NRestarts"), "1");
    let main = property(&host, "MainPID");
    // Collecting the first, which was in the same unit, does nothing to the second.
    let collected = host.rkt(["gc", "--grace-period=0s"]).ok();
    assert_eq!(collected.out.matches("Garbage collecting pod").count(), 1, "{}", collected.out);
    assert_eq!(sandbox.pods().len(), 1);
    assert_eq!((property(&host, "MainPID"), property(&host, "ActiveState")), (main, "active".to_owned()));
    assert_eq!(host.says(["machinectl", "list", "--no-legend"]).lines().count(), 1);
    host.says(["systemctl", "stop", "pod.service"]);
    host.expect_nothing_left();
}

fn a_socket_of_the_system_reaches_the_app(sandbox: &Sandbox) {
    let port = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap().local_addr().unwrap().port();
    let ports = json!([{"name": "www", "protocol": "tcp", "port": port, "socketActivated": true}]);
    let image = Image::program("example.com/server", sandbox, &["serve", "tcp"]).app("ports", ports);
    let run = sandbox.run().app(image.make(sandbox), &[], &[]);
    let host = Debian::boot(sandbox, "bookworm", Groups::AsHere, |root| {
        service(root, &run.command(), "");
        let socket = format!("[Socket]\nListenStream={port}\n");
        fs::write(root.join("etc/systemd/system/pod.socket"), socket).unwrap();
    });
    host.says(["systemctl", "start", "pod.socket"]);
    assert_eq!(property(&host, "ActiveState"), "inactive");
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "server answers on tcp\n");
    host.says(["systemctl", "stop", "pod.socket", "pod.service"]);
    host.expect_nothing_left();
}
