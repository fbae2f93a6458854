//! `rkt gc`: pods are marked, wait, and go with everything that they have left outside of their directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::isolation::Cgroups;
use crate::common::ok;
use crate::harness::{Sandbox, Started, tests};

tests! {
    fly: [
        pods_wait_for_the_end_of_the_grace_period,
        prepared_pods_expire,
        running_pods_stay,
        a_second_run_has_nothing_to_do,
        lost_mounts_are_no_obstacle,
    ],
    host: [
        pods_wait_for_the_end_of_the_grace_period,
        prepared_pods_expire,
        running_pods_stay,
        a_second_run_has_nothing_to_do,
        lost_mounts_are_no_obstacle,
        no_group_is_left_in_any_hierarchy,
        the_entry_point_may_be_called_again,
        it_may_be_called_from_the_pod_s_own_group,
    ],
}

fn pods_wait_for_the_end_of_the_grace_period(sandbox: &Sandbox) {
    sandbox.shell("true").ok();
    let pods = sandbox.pods();
    let [pod] = &pods[..] else { panic!("{pods:?}") };
    let uuid = pod.strip_prefix("run/").unwrap();
    // Marked first; how long it waits counts from then.
    for args in [&["gc", "--mark-only"][..], &["gc"], &["gc", "--grace-period=1h"]] {
        let ended = sandbox.ended(args).ok();
        assert_eq!(ended.out, "");
        assert_eq!(sandbox.pods(), [format!("exited-garbage/{uuid}")]);
        match args {
            ["gc", "--mark-only"] => ended.says(&format!("gc: moving pod \"{uuid}\" to garbage\n")),
            ["gc"] => ended.says(&format!("pod \"{uuid}\" not removed: still within grace period (30m0s)")),
            _ => ended.says("still within grace period (1h0m0s)"),
        };
    }
    let ended = sandbox.ended(["gc", "--grace-period=0s"]).ok();
    assert_eq!(
        (ended.out.as_str(), ended.err.as_str()),
        (&*format!("Garbage collecting pod \"{uuid}\"\n"), "")
    );
    assert_eq!(sandbox.pods(), [""; 0]);
    sandbox.ended(["gc", "--grace-period=soon"]).fails("invalid argument \"soon\" for --grace-period");
}

fn prepared_pods_expire(sandbox: &Sandbox) {
    let prepared = sandbox.prepare().shell("true").end().ok();
    let uuid = prepared.out.trim();
    sandbox.ended(["gc", "--grace-period=0s"]).ok();
    assert_eq!(sandbox.pods(), [format!("prepared/{uuid}")]);
    let ended = sandbox.ended(["gc", "--expire-prepared=0s"]).ok();
    assert_eq!(ended.out, format!("Garbage collecting pod \"{uuid}\"\n"));
    assert_eq!(sandbox.pods(), [""; 0]);
}

fn running_pods_stay(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let ended = sandbox.ended(["gc", "--grace-period=0s", "--expire-prepared=0s"]).ok();
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
    assert_eq!(sandbox.pods(), [format!("run/{}", pod.uuid())]);
    pod.enter(["/bin/true"]).ok();
    pod.stop();
}

fn a_second_run_has_nothing_to_do(sandbox: &Sandbox) {
    sandbox.shell("true").ok();
    sandbox.ended(["gc", "--grace-period=0s"]).ok();
    let ended = sandbox.ended(["gc", "--grace-period=0s"]).ok();
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
}

fn lost_mounts_are_no_obstacle(sandbox: &Sandbox) {
    sandbox.shell("true").ok();
    for line in sandbox.mounts().iter().rev() {
        let place = line.split(' ').nth(4).unwrap();
        if place.contains("/pods/") {
            ok(Command::new("umount").args(["--lazy", place]));
        }
    }
    let ended = sandbox.ended(["gc", "--grace-period=0s"]).ok();
    assert!(ended.out.starts_with("Garbage collecting pod"), "{}", ended.out);
    assert!(!ended.err.contains("stage1 gc"), "{}", ended.err);
    assert_eq!((sandbox.pods(), sandbox.mounts()), (Vec::new(), Vec::new()));
}

/// The names of the groups in the hierarchies, as far as pods have made them.
fn hierarchies_with_groups() -> Vec<PathBuf> {
    let hierarchy = |group: PathBuf| group.components().take(5).collect::<PathBuf>();
    let mut found: Vec<_> = Cgroups::of_pods().into_iter().map(hierarchy).collect();
    found.dedup();
    found
}

fn no_group_is_left_in_any_hierarchy(sandbox: &Sandbox) {
    for command in ["gc", "rm"] {
        // The limit is what it gets a group in the hierarchy of its controller for.
        let pod = sandbox.run().app(sandbox.app(), &["--memory=64M", "--exec=/bin/sleep"], &["1000"]).start();
        pod.first_process();
        let uuid = pod.uuid().to_owned();
        let found = hierarchies_with_groups();
        for own in Cgroups::own() {
            assert!(found.iter().any(|hierarchy| own.starts_with(hierarchy)), "{}: {found:?}", own.display());
        }
        if Path::new("/sys/fs/cgroup/memory/cgroup.procs").exists() {
            assert!(found.contains(&"/sys/fs/cgroup/memory".into()), "{found:?}");
        }
        pod.stop();
        sandbox.ended(["gc", "--mark-only"]).ok();
        let words = if command == "gc" { ["gc", "--grace-period=0s"] } else { ["rm", &uuid] };
        sandbox.ended(words).ok();
        assert_eq!(Cgroups::of_pods(), Vec::<PathBuf>::new(), "after {command}");
    }
}

/// A call of stage1's `gc` in the directory of the only pod, which has been marked.
fn gc_of_stage1(sandbox: &Sandbox) -> Command {
    let pods = sandbox.pods();
    let [pod] = &pods[..] else { panic!("{pods:?}") };
    let dir = sandbox.data().join("pods").join(pod);
    let tree = fs::read_to_string(dir.join("stage1TreeStoreID")).unwrap();
    let mut gc = Command::new(sandbox.data().join("cas/tree").join(tree.trim()).join("rootfs/gc"));
    gc.arg(dir.file_name().unwrap()).current_dir(dir);
    gc
}

fn the_entry_point_may_be_called_again(sandbox: &Sandbox) {
    sandbox.shell("true").ok();
    sandbox.ended(["gc", "--mark-only"]).ok();
    for _ in 0..2 {
        let output = ok(&mut gc_of_stage1(sandbox));
        assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()));
        assert_eq!(Cgroups::of_pods(), Vec::<PathBuf>::new());
    }
    let ended = sandbox.ended(["gc", "--grace-period=0s"]).ok();
    assert_eq!(ended.err, "");
}

fn it_may_be_called_from_the_pod_s_own_group(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let group = fs::read_to_string(pod.dir().join("subcgroup")).unwrap();
    pod.stop();
    let own = Cgroups::own();
    let own: Vec<_> = own.iter().map(|own| own.join(Path::new(group.trim()).file_name().unwrap())).collect();
    let join: Vec<_> = own.iter().map(|own| format!("echo $$ > '{}/cgroup.procs'", own.display())).collect();
    let line = format!("{}; exec \"$0\" \"$@\"", join.join("; "));
    let rkt = sandbox.command(["gc", "--grace-period=0s"]);
    let mut shell = Command::new("sh");
    shell.args(["-ec", &line]).arg(rkt.get_program()).args(rkt.get_args()).current_dir(sandbox.path());
    let ended = Started::new(sandbox, shell).end().ok();
    assert!(ended.out.starts_with("Garbage collecting pod"), "{}", ended.out);
    assert!(!ended.err.contains("stage1 gc"), "{}", ended.err);
    assert_eq!(sandbox.pods(), [""; 0]);
    // Only the groups that the caller was in could not go, and those are the caller's to remove.
    let mut left = Cgroups::of_pods();
    left.retain(|group| !own.contains(group));
    assert_eq!(left, Vec::<PathBuf>::new());
    for group in &own {
        fs::remove_dir(group).unwrap();
    }
}
