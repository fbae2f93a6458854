//! A pod directory made by hand, and shell scripts that call its entry points.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub(crate) const UUID: &str = "15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21";

/// Functions for scripts: `run`, `gc`, `stop`, `enter` call the entry points as stage0 does; `mounts`
/// prints what is mounted below the pod. The script runs in a private mount namespace.
const PRELUDE: &str = r#"
set -u
R="$P/stage1/rootfs"
A="$R/opt/stage2/app/rootfs"
run() { ( cd "$P" && exec 9<. && RKT_LOCK_FD=9 exec "$R/run" --net=host "$@" "$UUID" ); }
gc() { ( cd "$P" && exec "$R/gc" "$@" "$UUID" ); }
stop() { ( cd "$P" && exec "$R/stop" "$@" "$UUID" ); }
enter() { ( cd "$P" && exec "$R/enter" "--pid=$(cat "$P/pid")" --appname=app -- "$@" ); }
mounts() { grep -F " $P/" /proc/self/mountinfo; true; }
wait_for() { for i in $(seq 300); do [ -e "$1" ] && return; sleep 0.02; done; echo "no $1"; exit 99; }
"#;

pub(crate) struct Scene {
    dir: TempDir,
    pub(crate) pod: PathBuf,
    app: serde_json::Value,
    image: serde_json::Value,
    manifest: serde_json::Value,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// The lines of standard output.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    /// Fails unless the script ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

/// Copies a program. By another process: while this one has a program open for writing, children that
/// other tests fork keep it open, and it cannot be run.
pub(crate) fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg(from).arg(to).status().expect("run cp");
    assert!(status.success());
}

fn busybox() -> PathBuf {
    for path in ["/usr/bin/busybox", "/bin/busybox"] {
        let Ok(bytes) = fs::read(path) else { continue };
        // Dynamic executables name their linker near the start.
        let head = &bytes[..bytes.len().min(4096)];
        assert!(
            !head.windows(8).any(|window| window == b"ld-linux"),
            "{path} is not static: install the package busybox-static"
        );
        return PathBuf::from(path);
    }
    panic!("there is no busybox: install the package busybox-static");
}

impl Scene {
    /// A pod whose app runs `/bin/sh -c SCRIPT` as root.
    pub(crate) fn new(script: &str) -> Scene {
        assert!(rustix::process::geteuid().is_root(), "these tests must run as root");
        // On the file system of the executable, so that it can be linked.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("mode");
        let pod = dir.path().canonicalize().expect("real path").join("pods/run").join(UUID);
        let stage1 = pod.join("stage1/rootfs");
        let rootfs = stage1.join("opt/stage2/app/rootfs");
        for path in ["bin", "etc", "work"] {
            fs::create_dir_all(rootfs.join(path)).expect("directories of the app");
        }
        fs::create_dir_all(stage1.join("rkt/status")).expect("directories of stage1");
        fs::create_dir_all(stage1.join("etc")).expect("directories of stage1");
        fs::hard_link(env!("CARGO_BIN_EXE_rkt-stage1"), stage1.join("stage1")).expect("link the executable");
        for name in ["run", "enter", "gc", "stop"] {
            symlink("stage1", stage1.join(name)).expect("link");
        }
        symlink("fly", stage1.join("flavor")).expect("link");
        copy(&busybox(), &rootfs.join("bin/busybox"));
        for name in [
            "sh", "cat", "id", "ls", "sleep", "stat", "env", "pwd", "mount", "touch", "echo", "readlink",
            "grep", "ps",
        ] {
            symlink("busybox", rootfs.join("bin").join(name)).expect("link");
        }
        fs::write(rootfs.join("etc/passwd"), "root:x:0:0::/:/bin/sh\nweb:x:33:34::/:/bin/sh\n")
            .expect("passwd");
        fs::write(rootfs.join("etc/group"), "root:x:0:\nstaff:x:50:\n").expect("group");
        Scene {
            dir,
            pod,
            app: serde_json::json!({ "exec": ["/bin/sh", "-c", script], "user": "0", "group": "0" }),
            image: serde_json::json!({
                "acKind": "ImageManifest", "acVersion": "0.8.11", "name": "example.com/app",
            }),
            manifest: serde_json::json!({
                "acVersion": "1.30.0", "acKind": "PodManifest", "volumes": null, "isolators": null,
                "annotations": [], "ports": [],
            }),
        }
    }

    /// Sets a field of the app.
    pub(crate) fn app(mut self, key: &str, value: serde_json::Value) -> Scene {
        self.app[key] = value;
        self
    }

    /// Sets a field of the image manifest.
    pub(crate) fn image(mut self, key: &str, value: serde_json::Value) -> Scene {
        self.image[key] = value;
        self
    }

    /// Sets a field of the pod manifest.
    pub(crate) fn manifest(mut self, key: &str, value: serde_json::Value) -> Scene {
        self.manifest[key] = value;
        self
    }

    /// The app's root.
    pub(crate) fn rootfs(&self) -> PathBuf {
        self.pod.join("stage1/rootfs/opt/stage2/app/rootfs")
    }

    /// A directory outside the pod, for volumes.
    pub(crate) fn outside(&self) -> &Path {
        self.dir.path()
    }

    /// Writes the manifests (unless the test did) and runs a script with the functions above.
    pub(crate) fn script(&self, script: &str) -> Outcome {
        self.script_with("private", script)
    }

    /// The same; the mount namespace has this propagation.
    pub(crate) fn script_with(&self, propagation: &str, script: &str) -> Outcome {
        let mut manifest = self.manifest.clone();
        let mounts = manifest.as_object_mut().and_then(|fields| fields.remove("mounts"));
        if manifest.get("apps").is_none() {
            let mut app = serde_json::json!({
                "name": "app",
                "image": { "id": format!("sha512-{}", "0".repeat(64)) },
                "app": self.app,
            });
            if let Some(mounts) = mounts {
                app["mounts"] = mounts;
            }
            manifest["apps"] = serde_json::json!([app]);
        }
        let write = |path: &str, content: String| {
            let path = self.pod.join(path);
            if !path.exists() {
                fs::write(path, content).expect("write a manifest");
            }
        };
        write("pod", manifest.to_string());
        write("stage1/rootfs/opt/stage2/app/manifest", self.image.to_string());
        let output = Command::new("unshare")
            .args(["--mount", "--propagation", propagation, "/bin/bash", "-c"])
            .arg(format!("{PRELUDE}\n{script}"))
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("P", &self.pod)
            .env("UUID", UUID)
            .env("OUTSIDE", self.outside())
            .env("SECRET", "of the caller")
            .output()
            .expect("run unshare (package util-linux)");
        Outcome {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
