//! `run`: what the app finds, and what is left when it cannot be started.

use crate::scene::{Scene, UUID, copy};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

#[test]
fn the_exit_code_is_the_apps() {
    Scene::new("exit 0").script("run").ended(0);
    Scene::new("exit 7").script("run").ended(7);
    Scene::new("kill -9 $$").script("run; exit $?").ended(137);
}

#[test]
fn the_app_is_the_same_process_and_holds_the_lock() {
    let scene = Scene::new("echo pid $$; readlink /proc/self/fd/9; cat /proc/$PPID/comm");
    let outcome = scene
        .script(
            "run --debug & wait $!; echo rc $?; echo $! $(cat $P/pid) $(cat $P/pgid); cat $P/runtime-config",
        )
        .ended(0);
    let lines = outcome.lines();
    let pids: Vec<&str> = lines[4].split(' ').collect();
    assert_eq!(lines[0], format!("pid {}", pids[1]));
    assert_eq!(lines[1], scene.pod.to_str().expect("path"));
    // No manager in between: the parent is the script.
    assert_eq!(lines[2], "bash");
    assert_eq!(lines[3], "rc 0");
    assert!(lines[5].starts_with("{\"MetadataServiceURL\":\"\","), "{}", lines[5]);
}

#[test]
fn the_environment_is_the_apps_alone() {
    let scene = Scene::new("env")
        .app("environment", json!([{"name": "A", "value": "1 \"2\""}, {"name": "HOME", "value": "/h"}]));
    let outcome = scene.script("run; cat $R/rkt/env/app >&2").ended(0);
    let mut lines = outcome.lines();
    // Set by the shell.
    lines.retain(|line| !line.starts_with("SHLVL=") && !line.starts_with("PWD="));
    lines.sort_unstable();
    let mut expected = [
        "A=1 \"2\"",
        "AC_APP_NAME=app",
        "HOME=/h",
        "LOGNAME=root",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL=/bin/sh",
        "USER=root",
    ];
    assert_eq!(lines, expected);
    let mut file: Vec<&str> = outcome.err.lines().collect();
    file.sort_unstable();
    expected.sort_unstable();
    assert_eq!(file, expected);
}

#[test]
fn working_directory_and_program_search() {
    let scene = Scene::new("").app("workingDirectory", json!("/work")).app("exec", json!(["pwd"]));
    // Without a PATH of its own: the working directory, then /bin and /usr/bin.
    assert_eq!(scene.script("run").ended(0).out, "/work\n");

    let scene = Scene::new("").app("workingDirectory", json!("/work")).app("exec", json!(["./tool"]));
    symlink("../bin/pwd", scene.rootfs().join("work/tool")).expect("link");
    // busybox does not know the name, but it runs.
    assert!(scene.script("run").ended(127).err.contains("tool: applet not found"));

    let scene = Scene::new("").app("workingDirectory", json!("/no/where"));
    let outcome = scene.script("run; echo $?; mounts").ended(0);
    assert_eq!(outcome.out, "254\n");
    assert!(outcome.err.contains("rootfs/no/where"), "{}", outcome.err);
}

#[test]
fn users_by_name_number_and_path() {
    let rows = [
        ("0", "0", 0, 0),
        ("web", "staff", 33, 50),
        ("1000", "1001", 1000, 1001),
        ("/owned", "/owned", 1234, 4321),
    ];
    for (user, group, uid, gid) in rows {
        let script =
            "id | cat; grep -E '^(Uid|Gid|Groups|CapEff|CapPrm|CapAmb|SigIgn|SigBlk)' /proc/self/status";
        let scene = Scene::new(script)
            .app("user", json!(user))
            .app("group", json!(group))
            .app("supplementaryGIDs", json!([77, 78]));
        fs::write(scene.rootfs().join("owned"), "").expect("file");
        chown(scene.rootfs().join("owned"), Some(1234), Some(4321)).expect("chown");
        let outcome = scene.script("run").ended(0);
        let status = &outcome.out;
        assert!(status.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n")), "{status}");
        assert!(status.contains(&format!("Gid:\t{gid}\t{gid}\t{gid}\t{gid}\n")), "{status}");
        for group in [gid, 77, 78].map(|group: u32| group.to_string()) {
            let groups = status.lines().find(|line| line.starts_with("Groups:")).expect("groups");
            assert!(groups.split_ascii_whitespace().any(|word| word == group.as_str()), "{status}");
        }
        if uid != 0 {
            for set in ["CapPrm", "CapEff", "CapAmb"] {
                assert!(status.contains(&format!("{set}:\t0000000000000000\n")), "{status}");
            }
        }
    }
}

#[test]
fn capabilities_of_the_caller_do_not_survive_a_change_of_user() {
    let scene = Scene::new("grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status")
        .app("user", json!("1000"))
        .app("group", json!("1000"));
    let outcome = scene
        .script(
            "cd $P; exec 9<.; export RKT_LOCK_FD=9; \
             exec setpriv --inh-caps=+chown,+sys_admin --ambient-caps=+chown,+sys_admin $R/run --net=host $UUID",
        )
        .ended(0);
    let none = "0000000000000000";
    assert_eq!(outcome.out, format!("CapPrm:\t{none}\nCapEff:\t{none}\nCapAmb:\t{none}\n"));
}

#[test]
fn signals_and_umask_are_the_callers() {
    let status = ["/bin/grep", "-E", "^(Umask|Sig(Blk|Ign))", "/proc/self/status"];
    let scene = Scene::new("").app("exec", json!(status));
    let outcome =
        scene.script("umask 027; grep -E '^(Umask|Sig(Blk|Ign))' /proc/self/status >&2; run").ended(0);
    assert!(outcome.out.contains("Umask:\t0027\n"), "{}", outcome.out);
    assert_eq!(outcome.out, outcome.err);
    // A writer into a closed pipe dies of it.
    let scene = Scene::new("while :; do echo y; done");
    assert_eq!(scene.script("run | head -1; echo ${PIPESTATUS[0]}").ended(0).out, "y\n141\n");
}

#[test]
fn what_the_app_sees_of_the_host() {
    let scene = Scene::new(
        "[ -c /dev/null ] && [ -d /dev/pts ] && [ -d /proc/self ] && [ -d /sys/kernel ] && echo all; \
         stat -c %a /tmp; touch /tmp/x; ls /",
    );
    let outcome = scene.script("run; ls $A/tmp; gc; echo after; ls $A/tmp").ended(0);
    assert_eq!(
        outcome.lines(),
        ["all", "1777", "bin", "dev", "etc", "proc", "sys", "tmp", "work", "x", "after"]
    );
}

#[test]
fn hosts_and_resolver_files() {
    let rows: &[(&str, &str, &str)] = &[
        ("", "127.0.0.1 localhost localdomain\n", "image\n"),
        ("--dns-conf-mode=resolv=default,hosts=default", "127.0.0.1 localhost localdomain\n", "image\n"),
        ("--dns-conf-mode=resolv=none,hosts=stage0", "of stage0\n", "image\n"),
        ("--dns-conf-mode=resolv=stage0,hosts=stage0", "of stage0\n", "resolver of stage0\n"),
        ("--dns-conf-mode=resolv=host,hosts=host", "of the host\n", "resolver of the host\n"),
    ];
    for (flag, hosts, resolver) in rows {
        let scene = Scene::new("cat /etc/hosts /etc/resolv.conf");
        fs::write(scene.pod.join("stage1/rootfs/etc/rkt-hosts"), "of stage0\n").expect("hosts");
        fs::write(scene.pod.join("stage1/rootfs/etc/rkt-resolv.conf"), "resolver of stage0\n")
            .expect("resolver");
        fs::write(scene.rootfs().join("etc/resolv.conf"), "image\n").expect("resolver");
        let outcome = scene
            .script(&format!(
                "echo of the host >$OUTSIDE/h; echo resolver of the host >$OUTSIDE/r
                 mount --bind $OUTSIDE/h /etc/hosts; mount --bind $OUTSIDE/r /etc/resolv.conf
                 run {flag}; gc; mounts"
            ))
            .ended(0);
        assert_eq!(outcome.out, format!("{hosts}{resolver}"), "{flag}");
    }
}

#[test]
fn bound_files_cannot_be_written() {
    let scene = Scene::new("echo x >>/etc/hosts; echo x >>/etc/resolv.conf; echo done");
    let outcome = scene
        .script(
            "echo h >$OUTSIDE/h; mount --bind $OUTSIDE/h /etc/hosts; mount --bind $OUTSIDE/h /etc/resolv.conf
             run --dns-conf-mode=resolv=host,hosts=host; cat $OUTSIDE/h",
        )
        .ended(0);
    assert_eq!(outcome.out, "done\nh\n");
    assert_eq!(outcome.err.matches("Read-only file system").count(), 2, "{}", outcome.err);
}

#[test]
fn resolver_of_stage0_needs_no_etc_in_the_image() {
    let scene = Scene::new("cat /etc/resolv.conf; ls /etc");
    fs::remove_dir_all(scene.rootfs().join("etc")).expect("remove etc");
    fs::write(scene.pod.join("stage1/rootfs/etc/rkt-resolv.conf"), "nameserver 1.2.3.4\n").expect("resolver");
    let outcome = scene.script("run --dns-conf-mode=resolv=stage0,hosts=default").ended(0);
    assert_eq!(outcome.out, "nameserver 1.2.3.4\nhosts\nresolv.conf\n");
}

#[test]
fn wishes_that_fly_ignores_are_named_once() {
    let scene = Scene::new("echo ran")
        .app("isolators", json!([{"name": "os/linux/no-new-privileges", "value": true}]))
        .app("eventHandlers", json!([{"name": "pre-start", "exec": ["/bin/false"]}]))
        .manifest("ports", json!([{"name": "www", "hostPort": 80}]));
    let outcome = scene.script("run").ended(0);
    assert_eq!(outcome.out, "ran\n");
    assert_eq!(
        outcome.err,
        "Warning: fly ignores of app \"app\": isolators, forwarded ports, event handlers\n"
    );
}

/// What is printed, and that nothing is left mounted and the pod does not look started.
#[track_caller]
fn fails(scene: &Scene, expected: &[&str]) {
    let outcome = scene.script("run; echo code $?; mounts; ls $P").ended(0);
    let mut lines = outcome.lines();
    lines.retain(|line| !matches!(*line, "runtime-config" | "sharedVolumes"));
    assert_eq!(lines, ["code 254", "pod", "stage1"], "{}", outcome.err);
    for text in expected {
        assert!(outcome.err.contains(text), "{text:?} is not in:\n{}", outcome.err);
    }
    assert!(outcome.err.starts_with("fly-run: "), "{}", outcome.err);
}

#[test]
fn programs_that_cannot_run() {
    let app = |exec: &str| Scene::new("").app("exec", json!([exec]));
    fails(&app("/bin/missing"), &["\"/bin/missing\" does not exist in the app's image", "hint: "]);
    fails(&app("missing"), &["unable to find \"missing\" in \"/:/bin:/usr/bin\""]);
    fails(&app("/bin"), &["\"/bin\" is not a regular file"]);
    fails(&app("/etc/passwd"), &["\"/etc/passwd\" is not executable"]);
    let scene = app("/bin/script");
    fs::write(scene.rootfs().join("bin/script"), "#!/bin/absent\n").expect("script");
    fs::set_permissions(scene.rootfs().join("bin/script"), fs::Permissions::from_mode(0o755)).expect("mode");
    fails(&scene, &["needs \"/bin/absent\" to run it"]);
    // The test itself needs a dynamic linker, which the image does not have.
    let scene = app("/bin/dynamic");
    copy(&std::env::current_exe().expect("own executable"), &scene.rootfs().join("bin/dynamic"));
    if cfg!(not(target_feature = "crt-static")) {
        fails(&scene, &["\"/bin/dynamic\" needs \"/lib", "which the app's image does not have"]);
    }
    // Only the kernel finds these, when this process already is the user in the app's root.
    let scene = app("/bin/noise");
    fs::write(scene.rootfs().join("bin/noise"), "\x01\x02").expect("noise");
    fs::set_permissions(scene.rootfs().join("bin/noise"), fs::Permissions::from_mode(0o755)).expect("mode");
    fails(&scene, &["cannot run \"/bin/noise\" of app \"app\": Exec format error"]);
    let scene = app("/bin/busybox").app("user", json!("1000")).app("group", json!("1000"));
    fs::set_permissions(scene.rootfs().join("bin/busybox"), fs::Permissions::from_mode(0o700)).expect("mode");
    fails(&scene, &["Permission denied", "it runs as user 1000 and group 1000"]);
}

#[test]
fn pods_that_cannot_run() {
    fails(&Scene::new("").app("exec", json!([])), &["has an empty \"exec\" (try --exec=BINARY)"]);
    fails(
        &Scene::new("").app("user", json!("nobody")),
        &["user \"nobody\" is not in /etc/passwd", "--user=UID"],
    );
    fails(&Scene::new("").app("group", json!("web")), &["group \"web\" is not in /etc/group"]);
    fails(&Scene::new("").manifest("apps", json!([])), &["fly only supports 1 application per Pod for now"]);
    fails(&Scene::new("").manifest("acKind", json!("Other")), &["/pod: ", "acKind"]);
    let scene = Scene::new("");
    fs::remove_dir_all(scene.rootfs()).expect("remove");
    symlink("/", scene.rootfs()).expect("link");
    fails(&scene, &["cannot use as root of the app", "symbolic"]);
    let scene = Scene::new("");
    let outcome = scene.script("cd $P; RKT_LOCK_FD=99 exec $R/run --net=host $UUID").ended(254);
    assert!(
        outcome.err.contains("RKT_LOCK_FD=99 in the environment is not an open descriptor"),
        "{}",
        outcome.err
    );
    let outcome = scene.script("cd $P; exec $R/run --net=host $UUID").ended(254);
    assert!(outcome.err.contains("RKT_LOCK_FD is not set"), "{}", outcome.err);
}

#[test]
fn a_group_that_docker_copied_from_the_user() {
    let docker = |group: &str| {
        Scene::new("id -u; id -g")
            .app("user", json!("web"))
            .app("group", json!(group))
            .image("annotations", json!([{"name": "appc.io/docker/repository", "value": "x"}]))
            .image("app", json!({"exec": ["/x"], "user": "web", "group": "web"}))
    };
    assert_eq!(docker("web").script("run").ended(0).out, "33\n33\n");
    fails(&docker("other"), &["group \"other\" is not in /etc/group"]);
}

#[test]
fn a_pod_is_running_as_long_as_a_process_of_it_holds_the_lock() {
    let scene = Scene::new("sleep 1 & exit 3");
    let outcome = scene
        .script(
            "( cd $P; exec 9<.; flock -x 9; RKT_LOCK_FD=9 exec $R/run --net=host $UUID ); echo $?
             flock -n -s $P true || echo locked
             flock -s $P true && echo free",
        )
        .ended(0);
    assert_eq!(outcome.out, "3\nlocked\nfree\n");
    assert_eq!(UUID.len(), 36);
}

#[test]
fn a_read_only_root_with_writable_volumes() {
    let app = json!([{
        "name": "app",
        "image": {"id": format!("sha512-{}", "0".repeat(64))},
        "app": {
            "exec": ["/bin/sh", "-c", "touch /x || echo refused; touch /tmp/x /vol/x && echo written; ls /vol"],
            "user": "0", "group": "0",
        },
        "readOnlyRootFS": true,
        "mounts": [{"volume": "vol", "path": "/vol"}],
    }]);
    let scene =
        Scene::new("").manifest("apps", app).manifest("volumes", json!([{"name": "vol", "kind": "empty"}]));
    let outcome = scene.script("run; gc; touch $A/x && echo free; mounts").ended(0);
    assert_eq!(outcome.out, "refused\nwritten\nx\nfree\n");
}

#[test]
fn mounts_of_the_app_are_not_seen_by_other_namespaces() {
    let scene = Scene::new("true");
    let outcome = scene
        .script_with(
            "slave",
            "mount --make-rshared /
             unshare --mount --propagation slave sleep 30 & other=$!
             while [ /proc/$other/ns/mnt -ef /proc/self/ns/mnt ]; do sleep 0.02; done
             run; grep -c \" $A/\" /proc/$other/mountinfo; gc; grep -c \" $P\" /proc/$other/mountinfo; kill $other",
        );
    assert_eq!(outcome.out, "0\n0\n", "{}", outcome.err);
}
