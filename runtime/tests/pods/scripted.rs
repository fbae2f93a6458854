//! A stage1 image whose entry points are shell scripts: they write down how they are called, and keep a pod with a
//! first process of its own in namespaces of its own, as nspawn does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Child;

use crate::support::{Bench, image_head, make_image, wait_for};

/// What each script does first: `NAME.args` and `NAME.env` tell how it was called, `calls` in which order; a file
/// `NAME.fails` makes it fail with the exit code in it.
const RECORD: &str = r#"#!/bin/sh
name=${0##*/}
printf '%s\n' "$0" "$@" >"$name.args"
env >"$name.env"
echo "$name" >>calls
if [ -e "$name.fails" ]; then
    echo "$name fails on purpose" >&2
    exit "$(cat "$name.fails")"
fi
"#;

/// The one child of the process in `ppid` becomes the pod's first process. It does not hold the pod's lock.
const RUN: &str = r#"
[ -n "$NOT_READY" ] || ln -s ready stage1/rootfs/rkt/supervisor-status
[ -n "$READ_FD" ] && cat <&"$READ_FD" >fd
[ -n "$AT_ONCE" ] && exit
echo $$ >ppid
exec unshare --mount --propagation slave --pid --fork sh stage1/rootfs/inner 2>/dev/null
"#;
const INNER: &str = r#"
eval "exec $RKT_LOCK_FD<&-"
mount --rbind stage1/rootfs stage1/rootfs
cd stage1/rootfs
pivot_root . mnt
exec /bin/busybox sh -c '/bin/busybox umount -l /mnt; exec /bin/busybox sleep 1000'
"#;

/// Kills whatever the pod's directory names, as the real ones do.
const KILL: &str = r#"
for pid in $(cat /proc/$(cat ppid)/task/*/children 2>/dev/null) $(cat survivor 2>/dev/null); do
    kill -9 "$pid"
done
exit 0
"#;
const ENTER: &str = r#"
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"#;
const ATTACH: &str = "exec cat\n";

/// Entry points: what follows `coreos.com/rkt/stage1/`, the file, the script.
const ENTRIES: [(&str, &str, &str); 9] = [
    ("run", "run", RUN),
    ("enter", "enter", ENTER),
    ("gc", "gc", KILL),
    ("stop", "stop", KILL),
    ("app/add", "app_add", ""),
    ("app/start", "app_start", ""),
    ("app/stop", "app_stop", ""),
    ("app/rm", "app_rm", ""),
    ("attach", "attach", ATTACH),
];

/// Makes the image, without some entry points; returns the option that chooses it.
pub(crate) fn make_stage1(bench: &Bench, without: &[&str]) -> String {
    let aci = bench.path("stage1-scripted.aci");
    let entries: Vec<_> = ENTRIES.into_iter().filter(|(name, ..)| !without.contains(name)).collect();
    let mut annotations: Vec<_> = entries.iter().map(|(name, file, _)| (*name, format!("/{file}"))).collect();
    annotations.push(("interface-version", "6".to_owned()));
    let annotations = annotations
        .iter()
        .map(|(name, value)| format!("{{\"name\":\"coreos.com/rkt/stage1/{name}\",\"value\":\"{value}\"}}"));
    let annotations = annotations.collect::<Vec<_>>().join(",");
    let head = image_head("example.com/stage1-scripted", &format!("1.0.{}", without.len()));
    make_image(&aci, &format!("{{{head},\"annotations\":[{annotations}]}}"), |root| {
        for dir in ["bin", "mnt", "rkt/status", "rkt/env", "rkt/iottymux", "opt/stage2"] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("bin/busybox"))
            .expect("copy /bin/busybox (package busybox-static)");
        fs::write(root.join("inner"), INNER).unwrap();
        for (_, file, script) in &entries {
            fs::write(root.join(file), format!("{RECORD}{script}")).unwrap();
            fs::set_permissions(root.join(file), fs::Permissions::from_mode(0o755)).unwrap();
        }
    });
    format!("--stage1-path={}", aci.display())
}

/// A running pod of this image.
#[derive(Debug)]
pub(crate) struct ScriptedPod {
    pub(crate) child: Child,
    pub(crate) uuid: String,
    /// Its directory as long as it is in `run/`.
    pub(crate) dir: PathBuf,
    /// The pod's first process.
    pub(crate) pid: u32,
}

impl ScriptedPod {
    /// Starts `rkt` with words that make it a pod; `--uuid-file-save` is added after the first `verb` of them.
    pub(crate) fn start(bench: &Bench, words: &[&str], verb: usize) -> Self {
        let file = bench.path("uuid");
        let _ = fs::remove_file(&file);
        let save = format!("--uuid-file-save={}", file.display());
        let child = bench.command(&[&words[..verb], &[&save], &words[verb..]].concat()).spawn().unwrap();
        let parent = child.id();
        // Both steps of the first process: it is there, and it is where it stays.
        let first = || -> Option<u32> {
            let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
            let pid = list.trim().parse().ok()?;
            let sleeps = fs::read(format!("/proc/{pid}/cmdline")).ok()?.starts_with(b"/bin/busybox\0sleep");
            sleeps.then_some(pid)
        };
        wait_for("the pod's first process", || first().is_some());
        let uuid = fs::read_to_string(&file).unwrap();
        let dir = bench.data().join("pods/run").join(&uuid);
        Self { child, uuid, dir, pid: first().unwrap() }
    }

    /// Starts a pod without apps.
    pub(crate) fn sandbox(bench: &Bench, stage1: &str, more: &[&str]) -> Self {
        Self::start(bench, &[&["app", "sandbox", stage1], more].concat(), 2)
    }

    /// A path inside stage1 as the pod's first process sees it.
    pub(crate) fn inside(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join("root").join(path)
    }

    /// A file of stage1 as the host sees it.
    pub(crate) fn stage1(&self, path: &str) -> PathBuf {
        self.dir.join("stage1/rootfs").join(path)
    }

    /// The arguments of the last call of an entry point.
    pub(crate) fn args(&self, entry: &str) -> Vec<String> {
        let text = fs::read_to_string(self.dir.join(format!("{entry}.args"))).unwrap();
        text.lines().skip(1).map(str::to_owned).collect()
    }

    /// The environment of the last call of an entry point.
    pub(crate) fn environment(&self, entry: &str) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.dir.join(format!("{entry}.env"))).unwrap();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The entry points that were called since this was last asked.
    pub(crate) fn calls(&self) -> Vec<String> {
        let file = self.dir.join("calls");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(&file);
        text.lines().map(str::to_owned).collect()
    }

    /// Lets an entry point fail from now on, or no longer.
    pub(crate) fn fails(&self, entry: &str, code: Option<u8>) {
        let file = self.dir.join(format!("{entry}.fails"));
        match code {
            Some(code) => fs::write(file, code.to_string()).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
    }

    /// Ends the pod as a user does, and waits for it.
    pub(crate) fn stop(mut self, bench: &Bench) {
        bench.rkt(&["stop", "--force", &self.uuid]).ok();
        self.child.wait().unwrap();
        assert!(!Path::new("/proc").join(self.pid.to_string()).exists());
    }
}
