//! A test in a world of its own: what it mounts, starts and puts into cgroups is gone when it ends, however it ends.
//!
//! Three processes, all of this test program. The first one is the test that was asked for: it makes the cgroups, waits, and
//! clears away. The second one is process 1 of new process and mount namespaces: when it ends the kernel kills all that
//! is left in them, so that neither a panic nor a kill leaves a pod behind. The third one does the test.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, exit};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, mount};
use rustix::process::{WaitOptions, getpid, setsid, wait};

use super::programs::{BUILD, programs};

/// Tells a process of a test which one it is: `init` or `test`.
const ROLE: &str = "RKT_TEST_ROLE";
/// The name of the test's cgroup, in every hierarchy that processes are followed by.
const CGROUP: &str = "RKT_TEST_CGROUP";
/// What the names of all cgroups and directories of tests begin with; the number of the test program follows.
const PREFIX: &str = "rkt-test-";
/// Longest time for a test; it only keeps a broken one from hanging.
const PATIENCE: Duration = Duration::from_secs(300);

/// Does `test` in its own world, and fails with what it printed if it fails. `name` is the path of the test as the test
/// program lists it. The temporary directory of the test goes with it.
#[track_caller]
pub(crate) fn isolated(name: &str, test: impl FnOnce()) {
    if let Err(said) = in_a_world(name, test) {
        panic!("{said}");
    }
}

/// Like [`isolated`], for tests of what a failed test leaves. It never returns in the process that does the test.
pub(crate) fn in_a_world(name: &str, test: impl FnOnce()) -> Result<(), String> {
    match env::var(ROLE).as_deref() {
        Err(_) => outside(name),
        Ok("init") => process_1(name),
        Ok(_) => exit(if catch_unwind(AssertUnwindSafe(test)).is_ok() { 0 } else { 101 }),
    }
}

/// The test as it was asked for.
fn outside(name: &str) -> Result<(), String> {
    assert!(rustix::process::geteuid().is_root(), "this test starts pods: run it as root");
    // Built here, once for all tests of this program.
    let programs = programs();
    let cgroups = Cgroups::new();
    let dir = tempfile::Builder::new().prefix(&format!("{}-", cgroups.name)).tempdir().unwrap();
    let log = dir.path().join("output");
    let file = File::create(&log).unwrap();
    // Should this test program be killed, its worlds end too.
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare"])
        .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ROLE, "init")
        .env(CGROUP, &cgroups.name)
        .env(BUILD, programs.build())
        .env("TMPDIR", dir.path())
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .expect("setpriv (package util-linux) runs");
    let begun = Instant::now();
    let (status, ended) = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break (status, "failed in its namespaces");
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            break (child.wait().unwrap(), "did not end and was killed");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
    drop(cgroups);
    if status.success() { Ok(()) } else { Err(format!("{name} {ended} ({status}):\n{said}")) }
}

/// Process 1: prepares the namespaces, starts the test, and waits for every process that loses its parent.
fn process_1(name: &str) -> ! {
    assert_eq!(getpid().as_raw_nonzero().get(), 1);
    // No terminal, and process groups that can be seen from inside.
    setsid().unwrap();
    Cgroups::join(&env::var(CGROUP).unwrap());
    private_run();
    // In memory: rendering an image waits until the whole file system is on the disk.
    mount("tmpfs", env::temp_dir(), "tmpfs", MountFlags::empty(), c"mode=755").unwrap();
    #[expect(clippy::zombie_processes, reason = "it is waited for with all others")]
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ROLE, "test")
        .spawn()
        .unwrap();
    loop {
        let (pid, status) = wait(WaitOptions::empty()).unwrap().unwrap();
        if pid.as_raw_nonzero().get().cast_unsigned() == child.id() {
            exit(status.exit_status().unwrap_or(101));
        }
    }
}

/// An empty `/run` in memory, as every system has that boots, with the file that `/etc/resolv.conf` may lead to.
fn private_run() {
    let resolv = fs::canonicalize("/etc/resolv.conf").ok().filter(|path| path.starts_with("/run"));
    let text = resolv.as_ref().map(|path| fs::read(path).unwrap());
    mount("tmpfs", "/run", "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=755").unwrap();
    if let (Some(path), Some(text)) = (resolv, text) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The cgroups of a world: one in cgroup2 and one in systemd's own hierarchy, as far as they are mounted. They are
/// removed when the world is gone, with what the pods of the test have made below them and in other hierarchies.
#[derive(Debug)]
pub(crate) struct Cgroups {
    name: String,
}

impl Cgroups {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let cgroups = Self { name: format!("{PREFIX}{}-{number}", std::process::id()) };
        let hierarchies = hierarchies();
        let followed: Vec<_> = hierarchies.iter().filter(|hierarchy| hierarchy.follows).collect();
        assert!(
            !followed.is_empty(),
            "neither cgroup2 nor systemd's hierarchy is mounted below /sys/fs/cgroup"
        );
        for hierarchy in followed {
            fs::create_dir(hierarchy.at.join(&cgroups.name)).unwrap();
        }
        cgroups
    }

    /// Moves this process into them.
    fn join(name: &str) {
        for hierarchy in hierarchies().iter().filter(|hierarchy| hierarchy.follows) {
            fs::write(hierarchy.at.join(name).join("cgroup.procs"), "0").unwrap();
        }
    }

    /// Those of the test that this process does.
    pub(crate) fn own() -> Vec<PathBuf> {
        let name = env::var(CGROUP).expect("the test runs in a world of its own");
        let all = hierarchies().into_iter().filter(|hierarchy| hierarchy.follows);
        all.map(|hierarchy| hierarchy.at.join(&name)).collect()
    }

    /// Cgroups of pods of the test that this process does: whatever lies below those of its world, and where the world has
    /// none, the one of its name.
    pub(crate) fn of_pods() -> Vec<PathBuf> {
        let name = env::var(CGROUP).expect("the test runs in a world of its own");
        let mut found = Vec::new();
        for hierarchy in hierarchies() {
            let cgroup = hierarchy.at.join(&name);
            if !hierarchy.follows && cgroup.exists() {
                found.push(cgroup.clone());
            }
            below(&cgroup, &mut found);
        }
        found
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for hierarchy in hierarchies() {
            remove(&hierarchy.at.join(&self.name));
        }
    }
}

/// Removes what killed test programs have left.
fn sweep() {
    for hierarchy in hierarchies() {
        orphans(&hierarchy.at).for_each(|cgroup| remove(&cgroup));
    }
    orphans(&env::temp_dir()).for_each(|dir| {
        let _ = fs::remove_dir_all(dir);
    });
}

/// What lies in a directory and belongs to a test program that has ended.
fn orphans(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        // A directory of other tests has letters there.
        let owner = owner.and_then(|pid| pid.parse::<u32>().ok());
        owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
    })
}

/// Removes a cgroup and those in it. The kernel may still be busy with the end of the last process.
fn remove(cgroup: &Path) {
    let mut all = Vec::new();
    below(cgroup, &mut all);
    all.reverse();
    if cgroup.is_dir() {
        all.push(cgroup.to_owned());
    }
    for cgroup in all {
        let begun = Instant::now();
        while let Err(error) = fs::remove_dir(&cgroup) {
            if begun.elapsed() > Duration::from_secs(10) {
                eprintln!("{} is left: {error}", cgroup.display());
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The cgroups below one, each before those below it.
fn below(cgroup: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
            below(&entry.path(), found);
        }
    }
}

struct Hierarchy {
    at: PathBuf,
    /// Whether a system follows its processes by it.
    follows: bool,
}

fn hierarchies() -> Vec<Hierarchy> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for line in mounts.lines() {
        let (place, about) = line.split_once(" - ").unwrap();
        let at = PathBuf::from(place.split(' ').nth(4).unwrap());
        let mut about = about.split(' ');
        let (kind, options) = (about.next().unwrap(), about.nth(1).unwrap_or_default());
        // Pods may have bound a hierarchy somewhere else too.
        if !matches!(kind, "cgroup" | "cgroup2")
            || !at.starts_with("/sys/fs/cgroup")
            || !seen.insert(at.clone())
        {
            continue;
        }
        let follows = kind == "cgroup2" || options.split(',').any(|option| option == "name=systemd");
        found.push(Hierarchy { at, follows });
    }
    found
}
