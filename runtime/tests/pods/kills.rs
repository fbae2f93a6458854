//! `rkt` killed at every point where it changes something: the next command works, and the next collection leaves nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::killing::{self, killed_at, strace};
use crate::scripted::{ScriptedPod, make_stage1};
use crate::support::{Bench, busybox, stage1_fly};

/// System calls that change something, or are a step before a change.
const CALLS: &str = "open,openat,openat2,mkdir,mkdirat,rename,renameat,renameat2,write,flock,mount,umount2,utimensat,\
                     symlinkat,unlink,unlinkat,rmdir,fsync,syncfs,chdir,umask,getdents64,clone,clone3,vfork,execve";
/// Points of one command that are tried.
const POINTS: usize = 60;

/// One call: the `count`th of its kind.
#[derive(Debug, Clone)]
struct Point {
    call: String,
    count: usize,
}

/// The points of a command, after the program itself has been loaded.
fn points(bench: &Bench, args: &[&str]) -> Vec<Point> {
    let file = bench.path("trace");
    let status = strace(&bench.command(args), &[&format!("--trace={CALLS}")], &file);
    assert!(status.success(), "{status}");
    let mut counts = BTreeMap::<String, usize>::new();
    let mut points = Vec::new();
    let mut loaded = false;
    for line in fs::read_to_string(&file).unwrap().lines() {
        let Some((call, _)) = line.split_once('(') else { continue };
        let count = counts.entry(call.to_owned()).or_default();
        *count += 1;
        loaded |= line.contains("/data");
        if loaded {
            points.push(Point { call: call.to_owned(), count: *count });
        }
    }
    let step = (points.len() / POINTS).max(1);
    points.into_iter().step_by(step).collect()
}

/// What is in the data directory. Databases change inside; their size does not count.
fn tree(bench: &Bench) -> BTreeMap<PathBuf, String> {
    let mut tree = killing::tree(&bench.data());
    for (path, about) in &mut tree {
        if path.starts_with("cas/db") {
            about.truncate(about.find(" bytes").map_or(0, |end| about[..end].rfind(' ').unwrap_or(0)));
        }
    }
    tree
}

/// Kills a command at points spread over its calls; `before` makes what the command works on.
fn kill_everywhere(bench: &Bench, args: &[&str], before: &dyn Fn()) {
    let hello = || bench.run(&["example.com/busybox", "--", "-c", "echo hello"]).ok().out;
    assert_eq!(bench.run(&[busybox(), "--", "-c", "echo hello"]).ok().out, "hello\n");
    bench.collect_all();
    let clean = tree(bench);
    before();
    let points = points(bench, args);
    bench.collect_all();
    let mut killed = 0;
    for point in &points {
        before();
        killed += usize::from(killed_at(&bench.command(args), &point.call, point.count));
        bench.rkt(&["list"]).ok();
        assert_eq!(hello(), "hello\n", "after a kill at {point:?}");
        bench.collect_all();
        assert_eq!(tree(bench), clean, "after a kill at {point:?}");
    }
    assert!(killed >= 50, "killed at {killed} of {} calls only", points.len());
}

#[test]
fn run() {
    let bench = Bench::new();
    kill_everywhere(&bench, &["run", stage1_fly(), busybox(), "--", "-c", "true"], &|| {});
}

#[test]
fn prepare() {
    let bench = Bench::new();
    kill_everywhere(&bench, &["prepare", stage1_fly(), "--no-overlay", busybox()], &|| {});
}

#[test]
fn gc() {
    let bench = Bench::new();
    let pods = || {
        bench.run(&["example.com/busybox", "--", "-c", "true"]).ok();
        bench.rkt(&["prepare", stage1_fly(), "example.com/busybox"]).ok();
    };
    kill_everywhere(&bench, &["gc", "--grace-period=0", "--expire-prepared=0"], &pods);
}

/// What apps leave in a running pod: their files as the host sees them, and their mounts.
fn of_apps(bench: &Bench, pod: &ScriptedPod) -> (BTreeMap<PathBuf, String>, Vec<String>) {
    let mut tree = BTreeMap::new();
    for part in ["appsinfo", "overlay", "stage1/rootfs/opt", "stage1/rootfs/rkt"] {
        let below = killing::tree(&pod.dir.join(part));
        tree.extend(below.into_iter().map(|(path, about)| (PathBuf::from(part).join(path), about)));
    }
    (tree, bench.mounts())
}

#[test]
fn apps_that_come_and_go() {
    for more in [&[][..], &["--no-overlay"]] {
        let bench = Bench::new();
        bench.rkt(&["fetch", busybox()]).ok();
        let pod = ScriptedPod::sandbox(&bench, &make_stage1(&bench, &[]), more);
        let add = ["app", "add", &pod.uuid, "example.com/busybox", "--name=web"];
        let rm = ["app", "rm", &pod.uuid, "--app=web"];
        bench.rkt(&add).ok();
        bench.rkt(&rm).ok();
        let clean = of_apps(&bench, &pod);
        for (args, before, after) in [(&add[..], None, Some(&rm[..])), (&rm[..], Some(&add[..]), None)] {
            let run = |args: Option<&[&str]>| {
                args.map(|args| bench.rkt(args).ok());
            };
            run(before);
            let points = points(&bench, args);
            run(after);
            let mut killed = 0;
            for point in &points {
                run(before);
                killed += usize::from(killed_at(&bench.command(args), &point.call, point.count));
                // Whatever is left of it: an app that is listed can be removed, and else its name is free.
                if bench.rkt(&["app", "list", "--no-legend", &pod.uuid]).ok().out.is_empty() {
                    bench.rkt(&add).ok();
                }
                bench.rkt(&rm).ok();
                assert_eq!(of_apps(&bench, &pod), clean, "after a kill at {point:?}");
            }
            assert!(killed >= 50, "killed at {killed} of {} calls only", points.len());
        }
        pod.stop(&bench);
        bench.collect_all();
    }
}
