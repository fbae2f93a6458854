//! The contract between stage0 and a stage1 made by somebody else: a shell script as an execution engine writes down how it
//! was called, in the shapes that rkt 1.30 calls its images.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::isolation::isolated;
use common::sandbox::{Sandbox, show};

/// Writes what it was given, then ends like an app would.
const RUN: &str = r#"#!/bin/sh
echo "program=$0"
for argument; do echo "argument=$argument"; done
echo "cwd=$(pwd -P)"
env | grep '^RKT_' | sort
echo "lock=$(readlink /proc/self/fd/$RKT_LOCK_FD)"
echo $$ > ppid
exit 7
"#;

const RECORD: &str = r#"#!/bin/sh
{ echo "program=$0"; for argument; do echo "argument=$argument"; done; echo "cwd=$(pwd -P)"; } >&2
"#;

/// A stage1 image of this interface version, made by GNU tar.
fn stage1(sandbox: &Sandbox, interface_version: Option<u32>) -> PathBuf {
    let name = interface_version.map_or("none".to_owned(), |v| v.to_string());
    let dir = sandbox.path().join(format!("stage1-{name}"));
    let rootfs = dir.join("rootfs");
    std::fs::create_dir_all(rootfs.join("rkt/status")).unwrap();
    std::fs::create_dir_all(rootfs.join("opt/stage2")).unwrap();
    for (file, text) in [("run", RUN), ("enter", RECORD), ("gc", RECORD), ("stop", RECORD)] {
        std::fs::write(rootfs.join(file), text).unwrap();
        assert!(Command::new("chmod").arg("755").arg(rootfs.join(file)).status().unwrap().success());
    }
    let version = interface_version.map_or(String::new(), |v| {
        format!(r#",{{"name":"coreos.com/rkt/stage1/interface-version","value":"{v}"}}"#)
    });
    let points = ["run", "enter", "gc", "stop"]
        .map(|point| format!(r#"{{"name":"coreos.com/rkt/stage1/{point}","value":"/{point}"}}"#))
        .join(",");
    std::fs::write(
        dir.join("manifest"),
        format!(
            r#"{{"acKind":"ImageManifest","acVersion":"0.8.11","name":"localhost/stub-{name}","labels":[{{"name":"version","value":"0.0.1"}}],"annotations":[{points}{version}]}}"#
        ),
    )
    .unwrap();
    let aci = sandbox.path().join(format!("stub-{name}.aci"));
    let tar = Command::new("tar")
        .arg("-C")
        .arg(&dir)
        .arg("-czf")
        .arg(&aci)
        .args(["manifest", "rootfs"])
        .status()
        .unwrap();
    assert!(tar.success());
    aci
}

fn lines<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

fn run(sandbox: &Sandbox, stage1: &Path, flags: &[&str]) -> (String, String) {
    let mut args = vec!["run".to_owned(), format!("--stage1-path={}", stage1.display())];
    args.extend(flags.iter().map(|&flag| flag.to_owned()));
    args.push(sandbox.app().display().to_string());
    let output = sandbox.rkt(&args);
    assert_eq!(output.status.code(), Some(7), "the exit code is the engine's own: {}", show(&output));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_engine_is_called_as_the_original_calls_it() {
    isolated("an_engine_is_called_as_the_original_calls_it", || {
        for no_overlay in [false, true] {
            let sandbox = Sandbox::new("fly");
            let image = stage1(&sandbox, Some(6));
            let uuid_file = sandbox.path().join("uuid");
            let save = format!("--uuid-file-save={}", uuid_file.display());
            let mut flags =
                vec!["--net=host", "--hostname=box", "--dns=192.0.2.1", "--hosts-entry=192.0.2.2=two", &save];
            if no_overlay {
                flags.push("--no-overlay");
            }
            let (out, err) = run(&sandbox, &image, &flags);
            let uuid = std::fs::read_to_string(&uuid_file).unwrap();
            let pod = sandbox.data().join("pods/run").join(&uuid).canonicalize().unwrap();
            assert_eq!(lines(&out, "program"), [pod.join("stage1/rootfs/run").to_str().unwrap()]);
            let local = format!("--local-config={}", sandbox.path().join("no-config").display());
            assert_eq!(
                lines(&out, "argument"),
                ["--net=host", &local, "--hostname=box", "--dns-conf-mode=resolv=stage0,hosts=stage0", &uuid],
                "{err}"
            );
            assert_eq!(lines(&out, "cwd"), [pod.to_str().unwrap()]);
            assert_eq!(lines(&out, "lock"), [pod.to_str().unwrap()]);
            assert_eq!(lines(&out, "RKT_SELINUX_CONTEXT"), [""]);
            assert_eq!(lines(&out, "RKT_SELINUX_MOUNT_CONTEXT"), [""]);
            for file in [
                "pod",
                "pod.lck",
                "pod-created",
                "stage1TreeStoreID",
                "stage1/manifest",
                "appsinfo/busybox/manifest",
            ] {
                assert!(pod.join(file).is_file(), "{file} is missing in the pod");
            }
            assert_eq!(pod.join("overlay-prepared").exists(), !no_overlay);
            let etc = pod.join("stage1/rootfs/etc");
            let resolv = std::fs::read_to_string(etc.join("rkt-resolv.conf")).unwrap();
            assert_eq!(resolv, "# Generated by rkt run\n\nnameserver 192.0.2.1\n");
            assert!(std::fs::read_to_string(etc.join("rkt-hosts")).unwrap().contains("192.0.2.2 two"));
            let app = pod.join("stage1/rootfs/opt/stage2/busybox");
            assert!(app.join("manifest").is_file() && app.join("rootfs/bin/busybox").is_file());
            let mtab = std::fs::read_link(app.join("rootfs/etc/mtab")).unwrap();
            assert_eq!(mtab, Path::new("../proc/self/mounts"));

            // gc gets `--local-config` as two words, in the pod's directory.
            let gc = sandbox.rkt(["gc", "--grace-period=0"]);
            assert!(gc.status.success(), "{}", show(&gc));
            let said = String::from_utf8(gc.stderr).unwrap();
            let directory = sandbox.path().join("no-config").display().to_string();
            assert_eq!(lines(&said, "argument"), ["--local-config", &directory, &uuid], "{said}");
            assert!(lines(&said, "cwd")[0].ends_with(&format!("exited-garbage/{uuid}")), "{said}");
            assert!(!sandbox.data().join("pods/exited-garbage").join(&uuid).exists());
        }
    });
}

#[test]
fn an_engine_gets_only_what_its_interface_version_knows() {
    isolated("an_engine_gets_only_what_its_interface_version_knows", || {
        let sandbox = Sandbox::new("fly");
        let cases: [(Option<u32>, &[&str]); 4] = [
            (None, &[]),
            (Some(2), &["--hostname=box"]),
            (Some(4), &["--hostname=box", "--dns-conf-mode=resolv=host,hosts=default"]),
            (Some(6), &["--hostname=box", "--dns-conf-mode=resolv=host,hosts=default", "--ipc=parent"]),
        ];
        for (version, known) in cases {
            let image = stage1(&sandbox, version);
            let (out, err) =
                run(&sandbox, &image, &["--net=host", "--hostname=box", "--dns=host", "--ipc=parent"]);
            let arguments = lines(&out, "argument");
            // The net, the configuration directory, then what this version knows, then the pod.
            assert_eq!(arguments.len(), 2 + known.len() + 1, "version {version:?}: {arguments:?}");
            assert_eq!(&arguments[2..arguments.len() - 1], known, "version {version:?}");
            let dropped = 3 - known.len();
            assert!(
                err.lines().filter(|line| line.contains("interface version")).count() >= dropped,
                "said: {err}"
            );
        }
    });
}

#[test]
fn enter_and_stop_reach_the_engine() {
    isolated("enter_and_stop_reach_the_engine", || {
        let sandbox = Sandbox::new("fly");
        let image = stage1(&sandbox, Some(5));
        // An engine that stays, with one child that is the first of its process namespace: the pod's first process.
        let rootfs = sandbox.path().join("stage1-5/rootfs");
        std::fs::write(
            rootfs.join("run"),
            "#!/bin/sh\necho $$ > ppid\nexec unshare --pid --fork --kill-child sleep 1000\n",
        )
        .unwrap();
        let stop = format!("{RECORD}kill -KILL $(cat ppid)\n");
        std::fs::write(rootfs.join("stop"), stop).unwrap();
        let tar = Command::new("tar")
            .arg("-C")
            .arg(sandbox.path().join("stage1-5"))
            .arg("-czf")
            .arg(&image)
            .args(["manifest", "rootfs"])
            .status()
            .unwrap();
        assert!(tar.success());
        let uuid_file = sandbox.path().join("uuid");
        let mut engine = sandbox
            .command([
                "run".to_owned(),
                "--net=host".to_owned(),
                format!("--stage1-path={}", image.display()),
                format!("--uuid-file-save={}", uuid_file.display()),
                sandbox.app().display().to_string(),
            ])
            .spawn()
            .unwrap();
        let uuid = loop {
            match std::fs::read_to_string(&uuid_file) {
                Ok(uuid) if sandbox.data().join("pods/run").join(&uuid).join("ppid").exists() => break uuid,
                _ => std::thread::sleep(std::time::Duration::from_millis(10)),
            }
        };
        let entered = sandbox.rkt(["enter", &uuid, "/bin/ls", "-l"]);
        let said = String::from_utf8(entered.stderr).unwrap();
        let first = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", engine.id())).unwrap();
        let expected = [
            format!("--pid={}", first.trim()),
            "--appname=busybox".into(),
            "--".into(),
            "/bin/ls".into(),
            "-l".into(),
        ];
        assert_eq!(lines(&said, "argument"), expected, "{said}");
        assert!(
            lines(&said, "program")[0].starts_with(sandbox.data().join("cas/tree").to_str().unwrap()),
            "{said}"
        );
        let pod = sandbox.data().join("pods/run").join(&uuid);
        assert_eq!(lines(&said, "cwd"), [pod.canonicalize().unwrap().to_str().unwrap()]);

        let stopped = sandbox.rkt(["stop", "--force", &uuid]);
        assert!(stopped.status.success(), "{}", show(&stopped));
        assert_eq!(String::from_utf8_lossy(&stopped.stdout).trim(), format!("\"{uuid}\""));
        let said = String::from_utf8(stopped.stderr).unwrap();
        assert_eq!(lines(&said, "argument"), ["--force", &uuid], "{said}");

        engine.wait().unwrap();
        sandbox.rkt_ok(["gc", "--grace-period=0"]);
    });
}
