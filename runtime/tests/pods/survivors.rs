//! Pods with a first process of their own: finding it, and what becomes of it when what holds the pod's lock is killed.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::mount::UnmountFlags;

use crate::scripted::{ScriptedPod, make_stage1};
use crate::support::{Bench, busybox};

/// Leaves a daemon that lets go of everything, of the pod's lock too, and says which it is.
const DAEMON: &str = "for fd in 3 4 5 6 7 8 9; do eval \"exec $fd<&-\"; done; \
                      sleep 1000 </dev/null >/dev/null 2>&1 & echo $!";

fn is_alive(pid: u32) -> bool {
    // A process that nobody has waited for yet has no root any more.
    fs::read_link(format!("/proc/{pid}/root")).is_ok()
}

/// Kills the process that holds the lock, as the one of nspawn may be. Its child goes on.
fn kill_holder(pod: &mut ScriptedPod) {
    pod.child.kill().unwrap();
    pod.child.wait().unwrap();
    assert!(is_alive(pod.pid));
}

#[test]
fn the_first_process_is_the_child_of_the_one_that_is_noted() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let pod = ScriptedPod::start(&bench, &["run", &stage1, busybox()], 1);
    assert_eq!(fs::read_to_string(pod.dir.join("ppid")).unwrap(), format!("{}\n", pod.child.id()));
    let ran = bench.rkt(&["enter", &pod.uuid, "/bin/echo", "x"]).ok();
    assert_eq!((ran.out.as_str(), pod.args("enter")[0].as_str()), ("x\n", &*format!("--pid={}", pod.pid)));
    let status = bench.rkt(&["status", &pod.uuid]).ok().out;
    assert!(status.starts_with("state=running\n") && status.contains("\nstarted="), "{status}");
    assert!(status.contains(&format!("\npid={}\nexited=false\n", pod.child.id())), "{status}");
    let list = bench.rkt(&["list", "--format=json"]).ok().out;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert!(list[0]["started_at"].is_i64() && list[0]["apps"][0]["state"] == "running", "{list}");
    bench.rkt(&["rm", &pod.uuid]).fails("is currently running");
    bench.rkt(&["gc", "--grace-period=0"]).ok();
    assert_eq!(bench.states(), ["running"]);
    let mut waiting = bench.command(&["status", "--wait", &pod.uuid]).stdout(Stdio::null()).spawn().unwrap();
    fs::write(pod.stage1("rkt/status/busybox"), "9\n").unwrap();
    let uuid = pod.uuid.clone();
    pod.stop(&bench);
    assert!(waiting.wait().unwrap().success());
    let status = bench.rkt(&["status", &uuid]).ok().out;
    assert!(status.contains("\nexited=true\napp-busybox=9\n"), "{status}");
    bench.collect_all();
}

#[test]
fn what_outlives_its_supervisor_is_ended_before_the_files_go() {
    for (more, mounted) in [(&[][..], true), (&[], false), (&["--no-overlay"], true)] {
        let bench = Bench::new();
        let stage1 = make_stage1(&bench, &[]);
        let mut pod = ScriptedPod::start(&bench, &[&["run", &stage1], more, &[busybox()]].concat(), 1);
        kill_holder(&mut pod);
        assert_eq!(bench.states(), ["exited"]);
        if !mounted {
            // Seen from a mount namespace that never had the pod's mounts.
            rustix::mount::unmount(pod.dir.join("stage1/rootfs"), UnmountFlags::DETACH).unwrap();
        }
        // Stage1 does not know of it: nothing may be deleted.
        let ran = bench.rkt(&["gc", "--grace-period=0"]);
        let part = format!("still has processes that its stage1 has not ended: {}\n", pod.pid);
        ran.fails(&part).fails_with("gc: unable to remove pod");
        assert!(is_alive(pod.pid));
        let dir = bench.data().join("pods/exited-garbage").join(&pod.uuid);
        let now =
            Path::new("/proc").join(pod.pid.to_string()).join("root/opt/stage2/busybox/rootfs/bin/busybox");
        assert!(now.exists() && dir.join("pod").exists());
        assert!(bench.rkt(&["list", "--no-legend"]).ok().out.contains("exited garbage"));
        // It fails for a reason of its own, and that is said; nothing is deleted either.
        fs::write(dir.join("gc.fails"), "4").unwrap();
        let ran = bench.rkt(&["rm", &pod.uuid]);
        ran.fails(
            "gc fails on purpose\nrm: error running stage1 gc: the 'gc' entrypoint failed: exit status: 4",
        )
        .fails_with(&part);
        fs::remove_file(dir.join("gc.fails")).unwrap();
        // Now it knows.
        fs::write(dir.join("survivor"), pod.pid.to_string()).unwrap();
        bench.rkt(&["gc", "--grace-period=0"]).ok();
        assert!(!is_alive(pod.pid) && !dir.exists());
        bench.collect_all();
    }
}

#[test]
fn a_pod_that_only_counts_as_exited_can_be_stopped() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let mut pod = ScriptedPod::start(&bench, &["run", &stage1, busybox()], 1);
    kill_holder(&mut pod);
    pod.calls();
    let part = "counts as exited, but has processes left";
    bench
        .rkt(&["stop", "--force", &pod.uuid])
        .fails(part)
        .fails_with(&format!("has not ended: {}\n", pod.pid));
    assert_eq!(
        (pod.calls(), pod.args("stop")),
        (vec!["stop".to_owned()], vec!["--force".to_owned(), pod.uuid.clone()])
    );
    fs::write(pod.dir.join("survivor"), pod.pid.to_string()).unwrap();
    assert_eq!(bench.rkt(&["stop", "--force", &pod.uuid]).ok().out, format!("\"{}\"\n", pod.uuid));
    assert!(!is_alive(pod.pid));
    let again = bench.rkt(&["stop", &pod.uuid]).ok();
    assert_eq!(again.out, format!("pod \"{}\" is already stopped\n", pod.uuid));
    bench.collect_all();
}

#[test]
fn processes_of_other_pods_and_of_the_host_are_none_of_it() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let run = ["run", &stage1, busybox()];
    let other = ScriptedPod::start(&bench, &run, 1);
    let mut ended = bench.command(&run);
    assert!(ended.env("AT_ONCE", "1").status().unwrap().success());
    // Neither a process of another pod of the same images nor one that only stands in the directory counts.
    let exited = bench.rkt(&["list", "--full", "--no-legend"]).ok().out;
    let exited = exited.lines().find(|line| line.contains("exited")).unwrap()[..36].to_owned();
    let mut visitor = std::process::Command::new("sleep");
    let dir = bench.data().join("pods/run").join(&exited).join("stage1/rootfs/rkt");
    let mut visitor = visitor.arg("1000").current_dir(dir).spawn().unwrap();
    bench.rkt(&["gc", "--grace-period=0"]).ok();
    assert_eq!(bench.states(), ["running"]);
    visitor.kill().unwrap();
    visitor.wait().unwrap();
    other.stop(&bench);
    bench.collect_all();
}

#[test]
fn what_an_app_of_fly_leaves_behind_ends_before_its_files() {
    for (more, command) in [
        (&[][..], &["gc", "--mark-only"][..]),
        (&["--no-overlay"], &["gc", "--grace-period=0"]),
        (&[], &["rm"]),
        (&["--no-overlay"], &["rm"]),
    ] {
        let bench = Bench::new();
        let ran = bench.run(&[more, &[busybox(), "--", "-c", DAEMON]].concat()).ok();
        let pid = ran.out.trim().parse().unwrap();
        assert!(is_alive(pid));
        let uuid = bench.only_pod("run");
        let uuid = if command == ["rm"] { Some(uuid.as_str()) } else { None };
        bench.rkt(&[command, uuid.as_slice()].concat()).ok();
        assert!(!is_alive(pid));
        bench.collect_all();
    }
}

#[test]
fn a_process_counts_even_when_stage1_has_taken_its_mounts_away() {
    let bench = Bench::new();
    let ran = bench.run(&[busybox(), "--", "-c", DAEMON]).ok();
    let pid = ran.out.trim().parse().unwrap();
    let uuid = bench.only_pod("run");
    // Marked by a rkt that did not look for it, as the original does.
    let dirs = ["run", "exited-garbage"].map(|state| bench.data().join("pods").join(state).join(&uuid));
    fs::rename(&dirs[0], &dirs[1]).unwrap();
    bench.rkt(&["gc", "--grace-period=0"]).fails(&format!("has not ended: {pid}\n"));
    assert!(is_alive(pid) && dirs[1].join("pod").exists());
    let sees = Path::new("/proc").join(pid.to_string()).join("root/bin/busybox");
    assert!(sees.exists(), "its files are still there");
    let process = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    bench.collect_all();
}
