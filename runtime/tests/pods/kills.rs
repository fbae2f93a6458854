//! `rkt` killed at every point where it changes something: the next command works, and the next collection leaves nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

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

/// `strace` of `rkt`, quiet in every respect.
fn strace(bench: &Bench, options: &[&str], output: &Path, args: &[&str]) -> ExitStatus {
    let rkt = bench.command(args);
    Command::new("strace")
        .arg("--quiet=all")
        .args(options)
        .arg("--output")
        .arg(output)
        .arg(rkt.get_program())
        .args(rkt.get_args())
        .current_dir(rkt.get_current_dir().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("run strace (package strace)")
}

/// Runs `rkt`, killed at a point. `false` if it ended by itself before.
fn killed_at(bench: &Bench, args: &[&str], point: &Point) -> bool {
    let inject = format!("--inject={}:signal=KILL:when={}", point.call, point.count);
    let status = strace(bench, &[&format!("--trace={}", point.call), &inject], Path::new("/dev/null"), args);
    status.signal() == Some(9)
}

/// The points of a command, after the program itself has been loaded.
fn points(bench: &Bench, args: &[&str]) -> Vec<Point> {
    let file = bench.path("trace");
    let status = strace(bench, &[&format!("--trace={CALLS}")], &file, args);
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

/// Every file below a directory with what it is: type, mode, size, links. Databases change inside; their size does not count.
fn tree(dir: &Path) -> BTreeMap<String, (u32, u64, u64)> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let about = fs::symlink_metadata(&path).unwrap();
            let is_dir = about.is_dir();
            let size = if is_dir || path.to_string_lossy().contains("/db/") { 0 } else { about.len() };
            let links = if is_dir { 0 } else { about.nlink() };
            found.insert(path.strip_prefix(dir).unwrap().display().to_string(), (about.mode(), size, links));
            if is_dir {
                dirs.push(path);
            }
        }
    }
    found
}

/// Kills a command at points spread over its calls; `before` makes what the command works on.
fn kill_everywhere(bench: &Bench, args: &[&str], before: &dyn Fn()) {
    let hello = || bench.run(&["example.com/busybox", "--", "-c", "echo hello"]).ok().out;
    assert_eq!(bench.run(&[busybox(), "--", "-c", "echo hello"]).ok().out, "hello\n");
    bench.collect_all();
    let clean = tree(&bench.data());
    before();
    let points = points(bench, args);
    bench.collect_all();
    let mut killed = 0;
    for point in &points {
        before();
        killed += usize::from(killed_at(bench, args, point));
        bench.rkt(&["list"]).ok();
        assert_eq!(hello(), "hello\n", "after a kill at {point:?}");
        bench.collect_all();
        assert_eq!(tree(&bench.data()), clean, "after a kill at {point:?}");
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
