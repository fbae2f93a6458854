//! What the tests of pods share: images made on the spot, a data directory, and a mount namespace that takes every mount
//! with it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use host::processes::{Identity, rooted_in};
use rustix::mount::{MountFlags, UnmountFlags};

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A data directory in memory, in a mount namespace that the thread of the test has for itself: its commands inherit it, and
/// it takes every mount with it when the last of them ends.
#[derive(Debug)]
pub(crate) struct Bench {
    dir: tempfile::TempDir,
}

/// What a command has left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "tests of pods make mounts: run them as root");
        let dir = directory("rkt-test-");
        namespace::enter();
        // In memory: rendering an image waits until the whole file system is on the disk.
        rustix::mount::mount("tmpfs", dir.path(), "tmpfs", MountFlags::empty(), None).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// `rkt` with the options of every call.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rkt"));
        command
            .current_dir(self.dir.path())
            .arg(format!("--dir={}", self.data().display()))
            .args(["--system-config=/nonexistent", "--local-config=/nonexistent", "--insecure-options=image"])
            .args(args)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn rkt(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// `rkt run` on the fly image; `args` begin with the pod's options or the image.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.rkt(&[&["run", stage1_fly()], args].concat())
    }

    /// Starts a pod that sleeps and returns it once it runs.
    pub(crate) fn sleeping(&self) -> (Child, String) {
        let file = self.path("uuid");
        let _ = fs::remove_file(&file);
        let save = format!("--uuid-file-save={}", file.display());
        let child = self
            .command(&["run", stage1_fly(), &save, busybox(), "--exec=/bin/sleep", "--", "1000"])
            .spawn()
            .unwrap();
        wait_for("the pod to run", || {
            fs::read_to_string(&file)
                .is_ok_and(|uuid| self.data().join("pods/run").join(uuid).join("pid").exists())
        });
        let uuid = fs::read_to_string(&file).unwrap();
        wait_for("the app to be executed", || {
            let exe = fs::read_link(format!("/proc/{}/exe", self.pid(&uuid)));
            exe.is_ok_and(|exe| exe.ends_with("busybox"))
        });
        (child, uuid)
    }

    /// The process that a pod has written down.
    pub(crate) fn pid(&self, uuid: &str) -> u32 {
        let text = fs::read_to_string(self.data().join("pods/run").join(uuid).join("pid")).unwrap();
        text.trim().parse().unwrap()
    }

    /// Mounts below the data directory.
    pub(crate) fn mounts(&self) -> Vec<String> {
        let all = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        let dir = self.data().display().to_string();
        all.lines().filter(|line| line.contains(&dir)).map(str::to_owned).collect()
    }

    /// Processes whose root is in a pod: those of a failed test should be gone with it.
    fn processes(&self) -> Vec<u32> {
        let open = |path: &Path| fs::File::open(path).ok().and_then(|dir| Identity::of(dir).ok());
        let list = |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        let pods = list(self.data().join("pods")).flat_map(list);
        let places: Vec<_> =
            pods.flat_map(|pod| [open(&pod), open(&pod.join("stage1/rootfs"))]).flatten().collect();
        rooted_in(&places, |_| false).unwrap_or_default()
    }

    /// All pods of the list, as `state` words.
    pub(crate) fn states(&self) -> Vec<String> {
        let ran = self.rkt(&["list", "--full", "--no-legend"]).ok();
        ran.out
            .lines()
            .map(|line| line.split('\t').filter(|cell| !cell.is_empty()).nth(4).unwrap().to_owned())
            .collect()
    }

    /// The one pod in a directory of pods.
    pub(crate) fn only_pod(&self, directory: &str) -> String {
        let names: Vec<_> = fs::read_dir(self.data().join("pods").join(directory))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names.len(), 1, "{names:?}");
        names[0].clone()
    }

    /// Removes everything and checks that nothing is left.
    pub(crate) fn collect_all(&self) {
        let ran = self.rkt(&["gc", "--grace-period=0", "--expire-prepared=0"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(self.mounts(), [""; 0]);
        for directory in fs::read_dir(self.data().join("pods")).unwrap() {
            let directory = directory.unwrap().path();
            assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "{}", directory.display());
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for pid in self.processes() {
            if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        let _ = rustix::mount::unmount(self.dir.path(), UnmountFlags::DETACH);
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Expects exit code 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self
    }

    /// Expects a further part of standard error.
    #[track_caller]
    pub(crate) fn fails_with(self, part: &str) -> Self {
        assert!(self.err.contains(part), "not found: {part}\nin: {}", self.err);
        self
    }

    /// Expects exit code 254 and a part of standard error.
    #[track_caller]
    pub(crate) fn fails(self, part: &str) -> Self {
        assert_eq!(self.code, Some(254), "{}{}", self.out, self.err);
        assert!(self.err.contains(part), "not found: {part}\nin: {}", self.err);
        self
    }
}

pub(crate) fn wait_for(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn directory(prefix: &str) -> tempfile::TempDir {
    tempfile::Builder::new().prefix(prefix).tempdir().unwrap()
}

/// The option that chooses our fly image.
pub(crate) fn stage1_fly() -> &'static str {
    static OPTION: OnceLock<String> = OnceLock::new();
    OPTION.get_or_init(|| format!("--stage1-path={}", images().join("stage1-fly.aci").display()))
}

/// An image of Debian's busybox.
pub(crate) fn busybox() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| images().join("busybox.aci").display().to_string())
}

/// The directory of the images that all tests of one program share.
fn images() -> &'static Path {
    static DIR: OnceLock<tempfile::TempDir> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = directory("rkt-images-");
        make_stage1_fly(&dir.path().join("stage1-fly.aci"), stage1_executable(), "2.0.0-test");
        make_busybox(&dir.path().join("busybox.aci"), "");
        dir
    })
    .path()
}

/// The executable of stage1, built beside `rkt`, without its debug information.
pub(crate) fn stage1_executable() -> &'static Path {
    static FILE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, file) = FILE.get_or_init(|| {
        let dir = directory("rkt-stage1-");
        let file = dir.path().join("stage1");
        let strip = Command::new("strip").arg("-o").arg(&file).arg(build_stage1()).status();
        assert!(strip.expect("run strip (package binutils)").success());
        (dir, file)
    });
    file
}

fn build_stage1() -> PathBuf {
    let rkt = Path::new(env!("CARGO_BIN_EXE_rkt"));
    let profile = rkt.parent().unwrap();
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--package=rkt-stage1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    build.arg("--target-dir").arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "building rkt-stage1");
    profile.join("rkt-stage1")
}

/// The manifest of an image for this machine with `more` at its end.
pub(crate) fn manifest(name: &str, more: &str) -> String {
    format!("{{{}{more}}}", image_head(name, "1.0.0"))
}

/// The manifest of a fly image.
pub(crate) fn stage1_manifest(name: &str, version: &str) -> String {
    let entries =
        [("run", "/run"), ("enter", "/enter"), ("gc", "/gc"), ("stop", "/stop"), ("interface-version", "5")];
    let annotations = entries
        .map(|(name, value)| format!("{{\"name\":\"coreos.com/rkt/stage1/{name}\",\"value\":\"{value}\"}}"));
    format!("{{{},\"annotations\":[{}]}}", image_head(name, version), annotations.join(","))
}

/// A fly image as the contract describes it.
pub(crate) fn make_stage1_fly(aci: &Path, executable: &Path, version: &str) {
    let manifest = stage1_manifest("coreos.com/rkt/stage1-fly", version);
    make_image(aci, &manifest, |root| {
        fs::copy(executable, root.join("stage1")).unwrap();
        for name in ["run", "enter", "gc", "stop"] {
            symlink("stage1", root.join(name)).unwrap();
        }
        symlink("fly", root.join("flavor")).unwrap();
        fs::create_dir_all(root.join("rkt/status")).unwrap();
        fs::create_dir_all(root.join("opt/stage2")).unwrap();
    });
}

/// An image of busybox whose app section has `more` at its end.
pub(crate) fn make_busybox(aci: &Path, more: &str) {
    let manifest = format!(
        "{{{},\"app\":{{\"exec\":[\"/bin/sh\"],\"user\":\"0\",\"group\":\"0\",\"environment\":[{{\"name\":\"PLACE\",\"value\":\"image\"}}]{more}}}}}",
        image_head("example.com/busybox", "1.0.0")
    );
    make_image(aci, &manifest, |root| {
        for dir in ["bin", "etc", "data", "home"] {
            fs::create_dir(root.join(dir)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("bin/busybox"))
            .expect("copy /bin/busybox (package busybox-static)");
        for name in ["sh", "echo", "cat", "env", "sleep", "ls", "id", "pwd", "true", "touch", "kill"] {
            symlink("busybox", root.join("bin").join(name)).unwrap();
        }
        fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n")
            .unwrap();
        fs::write(root.join("etc/group"), "root:x:0:\nuser:x:1000:\n").unwrap();
    });
}

/// How the manifest of an image for this machine begins.
pub(crate) fn image_head(name: &str, version: &str) -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    };
    format!(
        "\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"{name}\",\"labels\":[{{\"name\":\"version\",\"value\":\"{version}\"}},{{\"name\":\"arch\",\"value\":\"{arch}\"}},{{\"name\":\"os\",\"value\":\"linux\"}}]"
    )
}

/// An image of a manifest and whatever `fill` puts into its root.
pub(crate) fn make_image(aci: &Path, manifest: &str, fill: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("rootfs");
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    fill(&root);
    fs::write(dir.path().join("manifest"), manifest).unwrap();
    tar(dir.path(), aci);
}

fn tar(dir: &Path, aci: impl AsRef<OsStr>) {
    let status = Command::new("tar")
        .arg("-C")
        .arg(dir)
        .args(["--sort=name", "--owner=0", "--group=0", "-cf"])
        .arg(aci)
        .args(["manifest", "rootfs"])
        .status();
    assert!(status.expect("run tar").success());
}

mod namespace {
    #![expect(unsafe_code, reason = "the call is unsafe for the sake of a flag that is not used here")]

    use rustix::mount::{MountPropagationFlags, mount_change};
    use rustix::thread::{UnshareFlags, unshare_unsafe};

    /// Gives this thread a mount namespace of its own.
    pub(super) fn enter() {
        // SAFETY: descriptors stay shared with the other threads.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.expect("a mount namespace of our own");
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
    }
}
