//! A Debian that boots systemd in a container of its own, in which the programs under test run: for what needs systemd as
//! process 1, and for other versions of it than this machine has.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use super::{Ended, Sandbox, Started, process, wait_for};
use crate::common::isolation::Cgroups;
use crate::common::{TOP, ok};

/// Units that only take time, or have nothing to do in a container.
const MASKED: &[&str] =
    &["console-getty.service", "ldconfig.service", "modprobe@.service", "systemd-modules-load.service"];

/// How control groups are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Groups {
    /// As on this machine.
    AsHere,
    /// Those of version 2 only.
    Unified,
}

/// The machine. What it has is that of this one under the same paths: the test's directory, the programs, the images.
#[derive(Debug)]
pub(crate) struct Debian<'a> {
    sandbox: &'a Sandbox,
    root: PathBuf,
    nspawn: Started,
    first: u32,
    /// It is in memory, and gone with the test.
    _dir: tempfile::TempDir,
}

impl<'a> Debian<'a> {
    /// The unpacked suite, which is made by the first who asks.
    pub(crate) fn tree(suite: &str) -> PathBuf {
        let cache = Path::new(TOP).join("tests/cache");
        fs::create_dir_all(&cache).unwrap();
        let lock = File::create(cache.join(format!(".debian-{suite}.lock"))).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let tree = cache.join(format!("debian-{suite}"));
        ok(Command::new(Path::new(TOP).join("tests/images/debian")).arg(suite).arg(&tree));
        tree
    }

    /// Boots a suite. What `prepare` does to its root before is seen by this machine only.
    #[track_caller]
    pub(crate) fn boot(
        sandbox: &'a Sandbox,
        suite: &str,
        groups: Groups,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let dir = tempfile::Builder::new().prefix("debian-").tempdir().unwrap();
        let [upper, work, root] = ["upper", "work", "root"].map(|name| dir.path().join(name));
        for dir in [&upper, &work, &root] {
            fs::create_dir(dir).unwrap();
        }
        let [lower, upper_shown, work_shown] =
            [&Self::tree(suite), &upper, &work].map(|path| path.display().to_string());
        let options = format!("lowerdir={lower},upperdir={upper_shown},workdir={work_shown}");
        ok(Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(&root));
        for unit in MASKED {
            symlink("/dev/null", root.join("etc/systemd/system").join(unit)).unwrap();
        }
        prepare(&root);
        let mut nspawn = Command::new("systemd-nspawn");
        nspawn
            .args(["--boot", "--register=no", "--keep-unit", "--link-journal=no", "--capability=all"])
            .arg(format!("--directory={}", root.display()))
            .arg(format!("--bind={}", sandbox.path().display()))
            .args(sandbox.inputs().iter().map(|input| format!("--bind-ro={}", input.display())))
            .stdin(Stdio::null())
            .process_group(0);
        if groups == Groups::Unified {
            nspawn.env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        }
        let mut nspawn = Started::new(sandbox, nspawn);
        let first = wait_for("systemd of the machine", || {
            nspawn.expect_running();
            let first = process::children(nspawn.id()).into_iter().next()?;
            (process::name(first) == "systemd").then_some(first)
        });
        let mut machine = Self { sandbox, root, nspawn, first, _dir: dir };
        wait_for("the machine", || {
            machine.nspawn.expect_running();
            // It says more on its streams when it is not asked nicely yet.
            let output = machine.inside(["systemctl", "is-system-running", "--wait"]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            assert_ne!(said, "degraded", "{}", machine.failed_units());
            (said == "running").then_some(())
        });
        machine
    }

    fn failed_units(&self) -> String {
        let output = self.inside(["systemctl", "--failed", "--no-pager"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A command in its namespaces, but not among its control groups: for asking, not for running pods.
    pub(crate) fn inside<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--all", &format!("--target={}", self.first)]).args(words);
        command.env("PATH", "/usr/sbin:/usr/bin").stdin(Stdio::null());
        command
    }

    /// What a command in its namespaces says, which must succeed.
    #[track_caller]
    pub(crate) fn says<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> String {
        String::from_utf8_lossy(&ok(&mut self.inside(words)).stdout).into_owned()
    }

    /// A command as somebody runs it who is logged in: in a scope, and not as the leader of a session.
    pub(crate) fn at_a_shell(&self, command: &Command) -> Command {
        self.run(&["--scope"], command)
    }

    /// A command as a service of the system.
    pub(crate) fn as_a_service(&self, command: &Command) -> Command {
        self.run(&["--wait", "--pipe", "--service-type=exec"], command)
    }

    fn run(&self, options: &[&str], command: &Command) -> Command {
        let mut run = self.inside(["systemd-run", "--quiet", "--collect"]);
        run.args(options).arg(command.get_program()).args(command.get_args()).process_group(0);
        run
    }

    /// Runs `rkt` at a shell, to its end.
    pub(crate) fn rkt<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> Ended {
        Started::new(self.sandbox, self.at_a_shell(&self.sandbox.command(words))).end()
    }

    /// Removes the pods, and expects that nothing of them is left on the machine.
    #[track_caller]
    pub(crate) fn expect_nothing_left(&self) {
        self.rkt(["gc", "--grace-period=0s", "--expire-prepared=0s"]).ok();
        assert_eq!(self.sandbox.pods(), [""; 0]);
        let mounts = self.says(["cat", "/proc/1/mountinfo"]);
        let below = format!(" {}/", self.sandbox.path().display());
        let mounts: Vec<_> = mounts.lines().filter(|line| line.contains(&below)).collect();
        assert_eq!(mounts, [""; 0], "mounts are left");
        let left = wait_for_empty(pod_groups);
        assert!(left.is_empty(), "control groups are left: {left:#?}");
        assert_eq!(self.says(["machinectl", "list", "--no-legend"]).trim(), "", "machines are left");
        let journals = self.says(["ls", "/var/log/journal"]);
        let own = self.says(["cat", "/etc/machine-id"]);
        assert_eq!(journals.lines().filter(|id| *id != own.trim()).count(), 0, "{journals}");
    }
}

/// Groups of pods on the machine, in all hierarchies.
fn pod_groups() -> Vec<PathBuf> {
    let scope = |group: &PathBuf| {
        let name = group.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".scope") && name.contains("rkt")
    };
    Cgroups::of_pods().into_iter().filter(scope).collect()
}

/// What there is in the end of what may take a moment to go.
fn wait_for_empty<T>(mut list: impl FnMut() -> Vec<T>) -> Vec<T> {
    let gone = super::pod::within(std::time::Duration::from_secs(5), || list().is_empty().then_some(()));
    if gone.is_some() { Vec::new() } else { list() }
}

impl Drop for Debian<'_> {
    /// Ends it at once. Its groups are not those of pods, so they go with it.
    fn drop(&mut self) {
        if let Some(first) = Pid::from_raw(self.first.cast_signed()) {
            let _ = kill_process(first, Signal::KILL);
        }
        if !self.nspawn.has_ended_within(std::time::Duration::from_secs(10)) {
            let _ = self.nspawn.child.kill();
        }
        let _ = Command::new("umount").arg("--lazy").arg(&self.root).status();
        let groups = wait_for_empty(|| {
            let mut groups = Cgroups::of_pods();
            groups.iter().rev().for_each(|group| drop(fs::remove_dir(group)));
            groups.retain(|group| group.exists());
            groups
        });
        assert!(
            groups.is_empty() || std::thread::panicking(),
            "control groups of the machine are left: {groups:#?}"
        );
    }
}

/// A command line as units have it.
pub(crate) fn exec_line(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_str().unwrap().replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", word.replace('$', "$$").replace('%', "%%"))
    });
    quoted.collect::<Vec<_>>().join(" ")
}
