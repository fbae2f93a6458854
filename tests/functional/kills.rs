//! Violent ends: of an app, of nspawn, of the whole machine. Whatever ends how, nothing of the pod lives on.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::isolation::Cgroups;
use crate::common::ok;
use crate::harness::{Pod, Sandbox, process, tests, wait_for};

tests! {
    host: [
        the_end_of_an_app_by_a_signal_is_the_pod_s,
        the_end_of_systemd_is_the_pod_s,
        what_outlives_nspawn_is_ended_by_stop,
        what_outlives_nspawn_is_ended_by_gc,
        what_outlives_nspawn_is_ended_by_rm,
        a_pod_can_be_stopped_while_it_starts,
        a_machine_that_lost_power_starts_clean,
    ],
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
}

/// The process of the only app of a pod, which sleeps.
fn app(pod: &Pod<'_>) -> u32 {
    let systemd = pod.first_process();
    wait_for("the app", || {
        process::children(systemd).into_iter().find(|&child| process::name(child) == "sleep")
    })
}

fn the_end_of_an_app_by_a_signal_is_the_pod_s(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let uuid = pod.uuid().to_owned();
    kill(app(&pod));
    pod.end().code(9);
    let status = sandbox.rkt_ok(["status", &uuid]);
    assert!(status.starts_with("state=exited\n") && status.ends_with("\napp-busybox=9\n"), "{status}");
}

fn the_end_of_systemd_is_the_pod_s(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let uuid = pod.uuid().to_owned();
    kill(pod.first_process());
    let ended = pod.end();
    assert_ne!(ended.code, Some(0), "{}", ended.err);
    let status = sandbox.rkt_ok(["status", &uuid]);
    assert!(status.starts_with("state=exited\n") && !status.contains("app-"), "{status}");
}

/// Kills nspawn of a pod, and gives what lives on: the pod's systemd and its app.
fn without_nspawn(sandbox: &Sandbox) -> (String, [u32; 2]) {
    let pod = sandbox.sleeping();
    let uuid = pod.uuid().to_owned();
    let survivors = [pod.first_process(), app(&pod)];
    kill(pod.process());
    assert_eq!(pod.end().signal, Some(9));
    assert_eq!(survivors.map(process::lives), [true, true], "nspawn takes its container with it");
    assert!(sandbox.rkt_ok(["status", &uuid]).starts_with("state=exited\n"));
    sandbox.ended(["enter", &uuid, "/bin/true"]).fails("isn't currently running");
    (uuid, survivors)
}

/// The first process of a pod leaves its group a moment before it is gone.
#[track_caller]
fn expect_ended(survivors: [u32; 2]) {
    wait_for("the end of what was killed", || {
        (survivors.map(process::lives) == [false, false]).then_some(())
    });
}

fn what_outlives_nspawn_is_ended_by_stop(sandbox: &Sandbox) {
    let (uuid, survivors) = without_nspawn(sandbox);
    // Without force it is not for `stop` to end what has no manager any more.
    sandbox.ended(["stop", &uuid]).fails("failed to stop 1 pod(s)").says("has processes left");
    assert_eq!(survivors.map(process::lives), [true, true]);
    assert_eq!(sandbox.rkt_ok(["stop", "--force", &uuid]), format!("\"{uuid}\"\n"));
    expect_ended(survivors);
    let stopped = format!("pod \"{uuid}\" is already stopped\n");
    assert_eq!(sandbox.rkt_ok(["stop", "--force", &uuid]), stopped);
}

fn what_outlives_nspawn_is_ended_by_gc(sandbox: &Sandbox) {
    // At once: the grace period is for what can be read of the pod, not for what runs of it.
    let (_, survivors) = without_nspawn(sandbox);
    sandbox.ended(["gc"]).ok().says("to garbage");
    expect_ended(survivors);
    sandbox.ended(["gc", "--grace-period=0s"]).ok();
    assert_eq!((sandbox.pods(), sandbox.mounts()), (Vec::new(), Vec::new()));
}

fn what_outlives_nspawn_is_ended_by_rm(sandbox: &Sandbox) {
    let (uuid, survivors) = without_nspawn(sandbox);
    assert_eq!(sandbox.rkt_ok(["rm", &uuid]), format!("\"{uuid}\"\n"));
    expect_ended(survivors);
    assert_eq!((sandbox.pods(), sandbox.mounts()), (Vec::new(), Vec::new()));
}

/// At counted points from the first sight of the pod until its app runs, in turns by asking and by force.
fn a_pod_can_be_stopped_while_it_starts(sandbox: &Sandbox) {
    const POINTS: u32 = 24;
    // The first start renders images; that one is not the measure.
    sandbox.shell("true").ok();
    let begun = std::time::Instant::now();
    let pod = sandbox.sleeping();
    let step = begun.elapsed() / POINTS;
    pod.stop();
    for point in 0..POINTS {
        let file = sandbox.at("uuid-of-the-pod");
        let _ = fs::remove_file(&file);
        let save = format!("--uuid-file-save={}", file.display());
        let started = sandbox.run().options([save]).shell("exec sleep 1000").spawn();
        let uuid =
            wait_for("the pod's name", || fs::read_to_string(&file).ok().filter(|text| !text.is_empty()));
        std::thread::sleep(step * point);
        let force = if point % 2 == 0 { &["--force"][..] } else { &[] };
        // It may be refused as long as there is nothing to stop. Once it is not, once is enough.
        wait_for("a pod that can be stopped", || {
            let ended = sandbox.ended([&["stop"], force, &[&uuid]].concat());
            let refused = ["it is preparing", "has not been started yet"];
            let understood = ended.code == Some(0) || refused.iter().any(|reason| ended.err.contains(reason));
            assert!(understood, "point {point}: {}{}", ended.out, ended.err);
            (ended.code == Some(0)).then_some(())
        });
        started.end();
        // A copy of it that was just about to watch the start may take a moment to let go of the pod.
        wait_for("the state", || {
            sandbox.rkt_ok(["status", &uuid]).starts_with("state=exited\n").then_some(())
        });
        assert_eq!(sandbox.rkt_ok(["rm", &uuid]), format!("\"{uuid}\"\n"));
    }
}

fn a_machine_that_lost_power_starts_clean(sandbox: &Sandbox) {
    let prepared = sandbox.prepare().shell("exit 5").end().ok();
    let pods = ["gc", "rm"].map(|_| sandbox.sleeping());
    let uuids = [0, 1].map(|index: usize| pods[index].uuid().to_owned());
    // All processes at once, then what only lives in the kernel.
    let groups: Vec<_> = Cgroups::of_pods();
    let kill: Vec<_> =
        groups.iter().map(|group| group.join("cgroup.kill")).filter(|kill| kill.exists()).collect();
    assert!(!kill.is_empty(), "no group of version 2: {groups:?}");
    for kill in &kill {
        fs::write(kill, "1").unwrap();
    }
    for pod in pods {
        assert_eq!(pod.end().signal, Some(9));
    }
    for line in sandbox.mounts().iter().rev() {
        ok(Command::new("umount").args(["--lazy", line.split(' ').nth(4).unwrap()]));
    }
    ok(Command::new("umount").args(["--lazy", "/run"]));
    ok(Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]));
    for group in groups.iter().rev() {
        wait_for("the end of a group", || (fs::remove_dir(group).is_ok() || !group.exists()).then_some(()));
    }

    let list = sandbox.rkt_ok(["list", "--full", "--no-legend"]);
    for (uuid, state) in
        [(&uuids[0], "exited"), (&uuids[1], "exited"), (&prepared.out.trim().to_owned(), "prepared")]
    {
        let row =
            list.lines().find(|line| line.starts_with(uuid.as_str())).unwrap_or_else(|| panic!("{list}"));
        assert!(row.contains(&format!("\t{state}\t")), "{row}");
        assert!(sandbox.rkt_ok(["status", uuid]).starts_with(&format!("state={state}\n")));
    }
    sandbox.ended(["enter", &uuids[0], "/bin/true"]).fails("isn't currently running");
    assert!(sandbox.rkt_ok(["stop", "--force", &uuids[0]]).contains("is already stopped"));
    assert_eq!(sandbox.rkt_ok(["rm", &uuids[1]]), format!("\"{}\"\n", uuids[1]));
    let ended = sandbox.ended(["gc", "--grace-period=0s"]).ok();
    assert_eq!(ended.err, format!("gc: moving pod \"{}\" to garbage\n", uuids[0]));
    assert_eq!(ended.out, format!("Garbage collecting pod \"{}\"\n", uuids[0]));
    // What was prepared runs.
    sandbox.ended(["run-prepared", "--net=host", prepared.out.trim()]).code(5);
}
