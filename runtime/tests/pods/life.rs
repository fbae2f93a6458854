//! The life of a pod, from `rkt run` to `rkt gc`, with the real programs.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::support::{self, Bench, busybox, make_busybox, make_stage1_fly, stage1_executable, stage1_fly};

/// The output of a shell line in an app, run with the given options of pod and app.
fn shell(bench: &Bench, pod: &[&str], app: &[&str], line: &str) -> String {
    let ran = bench.run(&[pod, &[busybox()], app, &["--exec=/bin/sh", "--", "-c", line]].concat());
    ran.ok().out
}

#[test]
fn hello_and_what_is_left() {
    let bench = Bench::new();
    let ran = bench.run(&["--net=host", busybox(), "--exec", "/bin/echo", "--", "hello", "--net", "x"]).ok();
    assert_eq!(ran.out, "hello --net x\n");
    assert_eq!(ran.err, "");
    assert_eq!(bench.states(), ["exited"]);

    let pod = bench.data().join("pods/run").join(bench.only_pod("run"));
    let mut names: Vec<_> = fs::read_dir(&pod).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let expected = "appsinfo overlay overlay-prepared pgid pid pod pod-created pod.lck runtime-config stage1 stage1TreeStoreID";
    assert_eq!(names, expected.split(' ').collect::<Vec<_>>());
    for (file, mode) in [
        ("", 0o750),
        ("pod", 0o640),
        ("pod.lck", 0o600),
        ("pod-created", 0o640),
        ("overlay-prepared", 0o644),
        ("stage1TreeStoreID", 0o640),
        ("stage1", 0o750),
        ("stage1/manifest", 0o640),
        ("appsinfo", 0o750),
        ("appsinfo/busybox/manifest", 0o640),
        ("overlay", 0o750),
    ] {
        let found = fs::metadata(pod.join(file)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{file}: {found:o}");
    }
    bench.collect_all();
}

#[test]
fn the_app_s_exit_code_is_rkt_s() {
    let bench = Bench::new();
    let ran = bench.run(&[busybox(), "--", "-c", "exit 7"]);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    bench.run(&[busybox(), "--exec=/none"]).fails("/none");
    bench.collect_all();
}

#[test]
fn the_pod_is_rkt_s_own_process() {
    let bench = Bench::new();
    let (mut child, uuid) = bench.sleeping();
    assert_eq!(bench.pid(&uuid), child.id());
    let root = fs::read_link(format!("/proc/{}/root", child.id())).unwrap();
    assert!(root.ends_with("stage1/rootfs/opt/stage2/busybox/rootfs"), "{}", root.display());
    bench.rkt(&["stop", "--force", &uuid]).ok();
    child.wait().unwrap();
    bench.collect_all();
}

#[test]
fn signals_and_masks_are_the_caller_s() {
    let bench = Bench::new();
    let line = "while read name value; do case $name in SigIgn:|SigBlk:) echo $value;; esac; done </proc/self/status";
    let ran = bench.run(&[busybox(), "--", "-c", line]).ok();
    // What else is ignored is up to whoever runs the tests; that Rust programs ignore SIGPIPE must not reach the app.
    let masks: Vec<_> = ran.out.lines().map(|mask| u64::from_str_radix(mask, 16).unwrap()).collect();
    let pipe = 1 << 12;
    assert_eq!(masks.iter().map(|mask| mask & pipe).collect::<Vec<_>>(), [0, 0], "{}", ran.out);
    let command = bench.command(&["run", stage1_fly(), busybox(), "--", "-c", "umask"]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "umask 027; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    assert_eq!(support::Ran::of(shell.output().unwrap()).ok().out, "0027\n");
    bench.collect_all();
}

#[test]
fn environment_precedence() {
    let bench = Bench::new();
    let file = bench.path("env");
    fs::write(&file, "# comment\nPLACE=file\nONLY=file\n").unwrap();
    let file = format!("--set-env-file={}", file.display());
    let place = "echo $PLACE $ONLY";
    assert_eq!(shell(&bench, &[], &[], place), "image\n");
    assert_eq!(shell(&bench, &[], &["--environment=PLACE=app"], place), "app\n");
    assert_eq!(shell(&bench, &[&file], &["--environment=PLACE=app"], place), "file file\n");
    assert_eq!(
        shell(&bench, &[&file, "--set-env=PLACE=set"], &["--environment=PLACE=app"], place),
        "set file\n"
    );
    let mut command =
        bench.command(&["run", stage1_fly(), "--inherit-env", busybox(), "--", "-c", "echo $PLACE $CALLER"]);
    let ran = support::Ran::of(
        command.env("PLACE", "caller").env("CALLER", "yes").env("ODD%", "1").output().unwrap(),
    )
    .ok();
    assert_eq!(ran.out, "image yes\n");
    assert!(ran.err.contains("ODD%"), "{}", ran.err);
    bench.collect_all();
}

#[test]
fn volumes_and_users() {
    let bench = Bench::new();
    let host = bench.path("host");
    fs::create_dir(&host).unwrap();
    fs::write(host.join("file"), "from the host\n").unwrap();
    let volume = format!("--volume=v,kind=host,source={}", host.display());
    let read_only = format!("{volume},readOnly=true");
    let mount = "--mount=volume=v,target=/data";
    assert_eq!(shell(&bench, &[&volume], &[mount], "cat /data/file; touch /data/new"), "from the host\n");
    assert!(host.join("new").exists());
    // For all apps when given before the first image; and read-only when the volume is.
    assert_eq!(shell(&bench, &[&read_only, mount], &[], "touch /data/x 2>/dev/null || echo no"), "no\n");
    assert_eq!(
        shell(&bench, &[], &["--user=user", "--group=user", "--working-dir=/home"], "id -u; id -g; pwd"),
        "1000\n1000\n/home\n"
    );
    bench.run(&[busybox(), mount]).fails("dangling mount point \"/data\": volume \"v\" not found");
    bench
        .run(&["--volume=v,kind=host,source=/nonexistent/x", mount, busybox(), "--", "-c", "true"])
        .fails("/nonexistent/x");
    bench.collect_all();
    assert!(host.join("file").exists(), "collecting must not reach into volumes");
}

#[test]
fn dns_files() {
    let bench = Bench::new();
    let flags = [
        "--dns=8.8.8.8",
        "--dns-search=example.com",
        "--hosts-entry=10.0.0.1=one",
        "--hosts-entry=10.0.0.1=uno",
    ];
    let out = shell(&bench, &flags, &[], "cat /etc/resolv.conf /etc/hosts");
    assert!(
        out.contains("search example.com\nnameserver 8.8.8.8\n") && out.contains("\n10.0.0.1 one uno\n"),
        "{out}"
    );
    let ran = bench.run(&["--dns=host", "--dns=8.8.8.8", busybox()]);
    ran.fails("cannot mix --dns=host");
    bench.collect_all();
}

#[test]
fn without_overlay() {
    let bench = Bench::new();
    let ran = bench
        .run(&["--no-overlay", busybox(), "--", "-c", "echo x >/data/x; ls /data; ls -l /etc/mtab"])
        .ok();
    assert!(
        ran.out.starts_with("x\n") && ran.out.contains("/etc/mtab -> ../proc/self/mounts"),
        "{}",
        ran.out
    );
    let pod = bench.data().join("pods/run").join(bench.only_pod("run"));
    assert!(!pod.join("overlay").exists());
    assert!(pod.join("stage1/rootfs/opt/stage2/busybox/manifest").exists());
    bench.collect_all();
}

#[test]
fn stored_images_and_hashes() {
    let bench = Bench::new();
    bench.run(&[busybox(), "--", "-c", "true"]).ok();
    let named = bench.rkt(&[
        "run",
        "--stage1-name=coreos.com/rkt/stage1-fly:2.0.0-test",
        "example.com/busybox:1.0.0",
        "--",
        "-c",
        "echo named",
    ]);
    assert_eq!(named.ok().out, "named\n");
    let list = bench.rkt(&["image", "list", "--full", "--no-legend"]).ok().out;
    let id = |name: &str| {
        list.lines().find(|line| line.contains(name)).unwrap().split('\t').next().unwrap().to_owned()
    };
    let stage1 = format!("--stage1-hash={}", id("stage1-fly"));
    let ran =
        bench.rkt(&["run", &stage1, &id("busybox")[..20], "--pull-policy=never", "--", "-c", "echo by id"]);
    assert_eq!(ran.ok().out, "by id\n");
    bench.rkt(&["run", "--stage1-hash=sha512-0", busybox()]).fails("too short");
    bench.run(&["sha512-00000000"]).fails("no image IDs found");
    bench.run(&["example.com/none"]).fails("example.com/none");
    bench.collect_all();
}

#[test]
fn several_images_are_too_many_for_fly() {
    let bench = Bench::new();
    bench.run(&[busybox(), busybox(), "--name=other"]).fails("fly only supports 1 application");
    bench.run(&[busybox(), busybox()]).fails("multiple apps with name busybox");
    bench.run(&["--interactive", busybox(), busybox(), "--name=other"]).fails("interactive");
    bench.collect_all();
}

#[test]
fn what_comes_later_says_so() {
    let bench = Bench::new();
    bench.run(&["--mds-register", busybox()]).fails("later version").fails_with("metadata service");
    let help = bench.rkt(&["help"]).ok().out;
    for command in ["trust", "api-service", "metadata-service", "completion"] {
        bench.rkt(&[command, "x", "--y"]).fails("not part of this version");
        assert!(!help.contains(command), "{help}");
    }
    for command in ["attach", "app", "export"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    let warned = bench.run(&["--net=none", busybox(), "--", "-c", "true"]).ok();
    assert!(warned.err.contains("--net=none has no effect"), "{}", warned.err);
}

#[test]
fn usage() {
    let bench = Bench::new();
    bench
        .rkt(&["nonsense"])
        .fails("Error: unknown command \"nonsense\" for \"rkt\"\n")
        .fails_with("Run 'rkt --help' for usage.");
    bench.rkt(&["run", "--nonsense"]).fails("Error: unexpected argument '--nonsense'");
    bench
        .rkt(&["--insecure-options=foo", "list"])
        .fails("Error: invalid argument \"foo\" for --insecure-options=foo: unknown option \"foo\"\n")
        .fails_with("Run 'rkt --help' for usage.");
    bench.rkt(&["list", "--insecure-options=image"]).ok();
    bench.run(&[]).fails("must provide at least one image");
    bench.run(&["--exec=/x", busybox()]).fails("--exec must follow an image");
    let none = std::process::Command::new(env!("CARGO_BIN_EXE_rkt")).output().unwrap();
    let none = support::Ran::of(none);
    assert_eq!(none.code, Some(2));
    assert!(none.err.contains("missing command") && none.out.contains("run-prepared"), "{none:?}");
    assert!(!bench.data().exists(), "nothing of this may have made the data directory");
}

#[test]
fn prepared_pods() {
    let bench = Bench::new();
    let prepared =
        bench.rkt(&["prepare", stage1_fly(), busybox(), "--", "-c", "echo prepared; cat /etc/hosts"]).ok();
    let uuid = prepared.out.trim();
    assert_eq!(uuid.len(), 36, "{prepared:?}");
    assert_eq!(bench.states(), ["prepared"]);
    assert!(bench.rkt(&["status", uuid]).ok().out.starts_with("state=prepared\ncreated="));
    let ran = bench.rkt(&["run-prepared", "--hosts-entry=10.0.0.1=one", &uuid[..8]]).ok();
    assert!(ran.out.starts_with("prepared\n") && ran.out.contains("10.0.0.1 one"), "{}", ran.out);
    bench.rkt(&["run-prepared", uuid]).fails(&format!("pod \"{uuid}\" is not prepared"));
    let copied = bench
        .rkt(&["prepare", stage1_fly(), "--no-overlay", "--quiet", busybox(), "--", "-c", "echo copied"])
        .ok();
    assert_eq!(bench.rkt(&["run-prepared", copied.out.trim()]).ok().out, "copied\n");
    let third = bench.rkt(&["prepare", stage1_fly(), busybox()]).ok();
    bench.rkt(&["gc"]).ok();
    assert!(bench.states().contains(&"prepared".to_owned()), "a fresh prepared pod has not expired");
    let removed = bench.rkt(&["rm", third.out.trim()]).ok();
    assert_eq!(removed.out, format!("\"{}\"\n", third.out.trim()));
    bench.collect_all();
}

#[test]
fn pod_manifests_of_users() {
    let bench = Bench::new();
    bench.run(&[busybox(), "--", "-c", "echo again"]).ok();
    let manifest = bench.rkt(&["cat-manifest", &bench.only_pod("run")]).ok().out;
    assert!(manifest.starts_with("{\n\t\"acVersion\""), "{manifest}");
    let file = bench.path("manifest.json");
    fs::write(&file, &manifest).unwrap();
    let option = format!("--pod-manifest={}", file.display());
    assert_eq!(bench.run(&[&option]).ok().out, "again\n");
    bench.run(&[&option, busybox()]).fails("conflicting flags");
    fs::write(&file, "{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\",\"apps\":[]}").unwrap();
    bench.run(&[&option]).fails("pod must contain at least one application");
    fs::write(&file, "nonsense").unwrap();
    bench.run(&[&option]).fails("manifest.json");
    bench.collect_all();
}

#[test]
fn running_pods_in_lists_and_status() {
    let bench = Bench::new();
    assert_eq!(bench.rkt(&["list", "--format=json"]).ok().out, "null\n");
    let (mut child, uuid) = bench.sleeping();
    let list: serde_json::Value =
        serde_json::from_str(&bench.rkt(&["list", "--format=json"]).ok().out).unwrap();
    assert_eq!((list[0]["name"].as_str(), list[0]["state"].as_str()), (Some(&*uuid), Some("running")));
    assert_eq!(list[0]["apps"][0]["name"], "busybox");
    assert_eq!(list[0]["apps"][0]["state"], "running");
    assert!(list[0]["started_at"].is_i64(), "{list}");
    let status = bench.rkt(&["status", &uuid]).ok().out;
    let pid = format!("pid={}\n", child.id());
    assert!(status.starts_with("state=running\ncreated=") && status.contains(&pid), "{status}");
    assert!(status.contains("networks=\n") && status.contains("exited=false\n"), "{status}");
    bench.rkt(&["status", "--wait=50ms", &uuid]).fails("timed out");
    bench
        .rkt(&["rm", &uuid])
        .fails(&format!("pod \"{uuid}\" is currently running"))
        .fails_with("failed to remove one or more pods");
    bench.rkt(&["gc", "--grace-period=0"]).ok();
    assert_eq!(bench.states(), ["running"]);

    assert_eq!(bench.rkt(&["stop", &uuid]).ok().out, format!("\"{uuid}\"\n"));
    child.wait().unwrap();
    assert!(bench.rkt(&["status", "--wait", &uuid]).ok().out.contains("state=exited\n"));
    assert_eq!(bench.rkt(&["stop", &uuid]).ok().out, format!("pod \"{uuid}\" is already stopped\n"));
    let marked = bench.rkt(&["gc"]).ok();
    assert!(marked.err.contains(&format!("gc: moving pod \"{uuid}\" to garbage")), "{}", marked.err);
    assert!(marked.err.contains("still within grace period (30m0s)"), "{}", marked.err);
    let status = bench.rkt(&["status", &uuid]).ok().out;
    assert!(status.contains("state=exited garbage\n") && status.contains("exited=true\n"), "{status}");
    assert!(!status.contains("networks="), "{status}");
    assert_eq!(bench.rkt(&["rm", &uuid]).ok().out, format!("\"{uuid}\"\n"));
    assert_eq!(bench.mounts(), [""; 0]);
    bench.rkt(&["status", &uuid]).fails("problem retrieving pod: no matches found");
}

#[test]
fn uuid_files() {
    let bench = Bench::new();
    let (mut child, uuid) = bench.sleeping();
    let file = bench.path("uuid");
    assert_eq!(fs::read_to_string(&file).unwrap(), uuid, "no newline at the end");
    fs::write(&file, format!("{uuid}\n\n")).unwrap();
    let option = format!("--uuid-file={}", file.display());
    assert!(bench.rkt(&["status", &option]).ok().out.contains("state=running"));
    bench.rkt(&["stop", "--force", &option]).ok();
    child.wait().unwrap();
    bench.rkt(&["rm", &option]).ok();
    let missing = bench.rkt(&["status", "--uuid-file=/nonexistent"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert_eq!(bench.rkt(&["stop", "--uuid-file=/nonexistent"]).code, Some(1));
    bench.rkt(&["rm", "--uuid-file=/nonexistent"]).fails("unable to resolve UUID from file: /nonexistent");
    bench.rkt(&["cat-manifest", "--uuid-file=/nonexistent"]).fails("unable to resolve UUID from file");
    bench.rkt(&["stop"]).fails("at least one pod UUID");
}

#[test]
fn entering() {
    let bench = Bench::new();
    let (mut child, uuid) = bench.sleeping();
    let entered = bench.rkt(&["enter", &uuid, "/bin/sh", "-c", "echo $PLACE; ls /bin/busybox; id -u"]).ok();
    assert_eq!(entered.out, "image\n/bin/busybox\n0\n");
    let code = bench.rkt(&["enter", "--app=busybox", &uuid, "/bin/sh", "-c", "exit 9"]);
    assert_eq!(code.code, Some(9), "{code:?}");
    bench.rkt(&["enter", "--app=other", &uuid, "/bin/true"]).fails("no app \"other\"");
    bench.rkt(&["enter", &uuid]).fails("no command specified, assuming \"/bin/bash\"");
    bench.rkt(&["stop", &uuid]).ok();
    child.wait().unwrap();
    bench.rkt(&["enter", &uuid, "/bin/true"]).fails("isn't currently running");
    bench.collect_all();
}

#[test]
fn two_at_once() {
    let bench = Bench::new();
    let children: Vec<_> = (0..8)
        .map(|number| {
            let line = format!("echo {number}");
            bench
                .command(&["run", stage1_fly(), busybox(), "--", "-c", &line])
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for (number, child) in children.into_iter().enumerate() {
        let ran = support::Ran::of(child.wait_with_output().unwrap()).ok();
        assert_eq!(ran.out, format!("{number}\n"));
    }
    assert_eq!(bench.states(), vec!["exited"; 8]);
    let collectors: Vec<_> = (0..3)
        .map(|_| {
            bench
                .command(&["gc", "--grace-period=0"])
                .stderr(std::process::Stdio::piped())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for collector in collectors {
        support::Ran::of(collector.wait_with_output().unwrap()).ok();
    }
    bench.collect_all();
}

#[test]
fn images_cannot_lead_out_of_their_trees() {
    let bench = Bench::new();
    let outside = bench.path("outside");
    fs::create_dir(&outside).unwrap();
    // An app whose /etc is the host's: neither mtab nor hosts may appear there.
    let app = bench.path("links.aci");
    support::make_image(
        &app,
        &support::manifest(
            "example.com/links",
            ",\"app\":{\"exec\":[\"/bin/busybox\",\"true\"],\"user\":\"0\",\"group\":\"0\"}",
        ),
        |root| {
            fs::create_dir(root.join("bin")).unwrap();
            fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
            symlink(&outside, root.join("etc")).unwrap();
        },
    );
    // A stage1 whose directories for stage0 are links to the outside.
    let stage1 = bench.path("stage1.aci");
    let manifest = support::stage1_manifest("example.com/stage1-fly", "1.0.0");
    support::make_image(&stage1, &manifest, |root| {
        fs::copy(stage1_executable(), root.join("stage1")).unwrap();
        for name in ["run", "enter", "gc", "stop"] {
            symlink("stage1", root.join(name)).unwrap();
        }
        symlink(&outside, root.join("rkt")).unwrap();
        symlink(&outside, root.join("opt")).unwrap();
        symlink(&outside, root.join("etc")).unwrap();
    });
    let app = app.display().to_string();
    let option = format!("--stage1-path={}", stage1.display());
    let _ = bench.run(&["--hosts-entry=10.0.0.1=one", &app]);
    for more in [&[][..], &["--no-overlay"]] {
        let ran = bench.rkt(&[&["run", &option, "--hosts-entry=10.0.0.1=one"], more, &[&app]].concat());
        assert_eq!(ran.code, Some(254), "{ran:?}");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    bench.collect_all();
}

#[test]
fn stage1_images_that_cannot_be_used() {
    let bench = Bench::new();
    let stage1 = bench.path("stage1.aci");
    let option = format!("--stage1-path={}", stage1.display());
    let make = |fill: &dyn Fn(&std::path::Path)| {
        support::make_image(&stage1, &support::stage1_manifest("example.com/stage1-fly", "1.0.0"), |root| {
            fs::create_dir_all(root.join("rkt/status")).unwrap();
            fs::create_dir_all(root.join("opt/stage2")).unwrap();
            fill(root);
        });
    };
    make(&|_| {});
    bench.rkt(&["run", &option, busybox()]).fails("'run' entrypoint /run").fails_with("rkt-build lint");
    make(&|root| fs::write(root.join("run"), "").unwrap());
    bench.rkt(&["run", &option, busybox()]).fails("is not an executable file");
    make(&|root| symlink("/bin/sh", root.join("run")).unwrap());
    bench.rkt(&["run", &option, busybox()]).fails("leads out of it");
    make(&|root| fs::remove_dir_all(root.join("rkt")).unwrap());
    bench.rkt(&["run", &option, busybox()]).fails("error touching status dir");
    bench
        .rkt(&["run", "--stage1-path=/nonexistent.aci", busybox()])
        .fails("/nonexistent.aci")
        .fails_with("rkt-build");
    bench.rkt(&["run", "--stage1-from-dir=none.aci", busybox()]).fails("none.aci");
    let ran = bench.rkt(&["run", busybox()]).fails("cannot find the stage1 image");
    assert!(ran.err.contains("in the store: not there") && ran.err.contains("no such file"), "{}", ran.err);
    bench.collect_all();
}

#[test]
fn a_patched_file_wins_over_the_stored_image() {
    // rkt#1813
    let bench = Bench::new();
    let dir = bench.path("images");
    fs::create_dir(&dir).unwrap();
    let config = bench.path("config");
    fs::create_dir_all(config.join("paths.d")).unwrap();
    let text =
        format!("{{\"rktKind\":\"paths\",\"rktVersion\":\"v1\",\"stage1-images\":\"{}\"}}", dir.display());
    fs::write(config.join("paths.d/paths.json"), text).unwrap();
    let config = format!("--user-config={}", config.display());
    let file = dir.join("stage1-fly.aci");
    make_stage1_fly(&file, stage1_executable(), "1.2.3");
    let run = || {
        bench
            .rkt(&[&config, "run", "--stage1-from-dir=stage1-fly.aci", busybox(), "--", "-c", "echo ok"])
            .ok()
    };
    assert_eq!(run().err, "");
    let script = bench.path("patched");
    fs::copy(stage1_executable(), &script).unwrap();
    fs::OpenOptions::new()
        .append(true)
        .open(&script)
        .and_then(|mut f| std::io::Write::write_all(&mut f, b"patched"))
        .unwrap();
    make_stage1_fly(&file, &script, "1.2.3");
    let told = run();
    assert!(
        told.err.contains("using the file") && told.err.contains("coreos.com/rkt/stage1-fly:1.2.3"),
        "{}",
        told.err
    );
    assert_eq!(run().err, "", "it is said once");
    bench.collect_all();
}

#[test]
fn the_configured_default_stage1() {
    let bench = Bench::new();
    let (config, file) = (bench.path("config"), bench.path("stage1-mine.aci"));
    fs::create_dir_all(config.join("stage1.d")).unwrap();
    let text = format!(
        "{{\"rktKind\":\"stage1\",\"rktVersion\":\"v1\",\"name\":\"coreos.com/rkt/stage1-fly\",\"version\":\"3.2.1\",\"location\":\"{}\"}}",
        file.display()
    );
    fs::write(config.join("stage1.d/stage1.json"), text).unwrap();
    let config = format!("--user-config={}", config.display());
    let run = || bench.rkt(&[&config, "run", busybox(), "--", "-c", "echo ok"]);
    let missing = run().fails("cannot find the stage1 image coreos.com/rkt/stage1-fly:3.2.1");
    assert!(missing.err.contains("stage1-mine.aci: no such file"), "{}", missing.err);
    make_stage1_fly(&file, stage1_executable(), "3.2.1");
    assert_eq!(run().ok().out, "ok\n");
    fs::remove_file(&file).unwrap();
    assert_eq!(run().ok().out, "ok\n", "the stored one serves when the file is gone");
    fs::write(&file, "nonsense").unwrap();
    assert_eq!(run().ok().out, "ok\n", "the stored one serves when the file is broken");
    bench.collect_all();
}

#[test]
fn mounts_of_exited_pods_go_and_a_missing_overlay_is_no_obstacle() {
    let bench = Bench::new();
    bench.run(&[busybox(), "--", "-c", "true"]).ok();
    assert!(!bench.mounts().is_empty());
    // As after a reboot: the pod's files are there, its mounts are not.
    let pod = bench.data().join("pods/run").join(bench.only_pod("run"));
    assert!(unmount(&pod));
    assert_eq!(bench.mounts(), [""; 0]);
    assert_eq!(bench.states(), ["exited"]);
    let ran = bench.rkt(&["gc", "--grace-period=0"]).ok();
    assert!(!ran.err.contains("error"), "{}", ran.err);
    assert_eq!(bench.mounts(), [""; 0]);
    assert!(!pod.exists());
}

fn unmount(pod: &std::path::Path) -> bool {
    let rootfs = pod.join("stage1/rootfs").display().to_string();
    std::process::Command::new("umount").args(["--lazy", "--recursive", &rootfs]).status().unwrap().success()
}

#[test]
fn broken_off_pods_are_collected() {
    let bench = Bench::new();
    bench.rkt(&["list"]).ok();
    bench.run(&[busybox(), "--", "-c", "true"]).ok();
    // What a kill leaves: a directory without lock, in an early state.
    for (directory, state) in [("embryo", None), ("prepare", Some("aborted prepare"))] {
        let pod = bench.data().join("pods").join(directory).join("15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21");
        fs::create_dir_all(pod.join("appsinfo")).unwrap();
        if let Some(state) = state {
            let list = bench.rkt(&["list", "--no-legend"]).ok().out;
            assert!(list.contains(state) && list.contains("a long while ago"), "{list}");
            let json = bench.rkt(&["list", "--format=json"]).ok();
            assert!(!json.out.contains("15a5571f") && json.err.contains("invalid creation time"), "{json:?}");
        }
        bench.rkt(&["gc"]).ok();
        assert!(!pod.exists());
    }
    bench.collect_all();
}

#[test]
fn version() {
    let bench = Bench::new();
    let text = bench.rkt(&["version"]).ok().out;
    assert!(
        text.starts_with(&format!("rkt Version: {}\nappc Version: 0.8.11\n", env!("CARGO_PKG_VERSION"))),
        "{text}"
    );
    let json: serde_json::Value = serde_json::from_str(&bench.rkt(&["version", "--json"]).ok().out).unwrap();
    assert_eq!(json["rkt"], env!("CARGO_PKG_VERSION"));
    assert!(!bench.data().exists());
}

#[test]
fn mount_points_of_images_need_volumes() {
    let bench = Bench::new();
    let image = bench.path("mounts.aci");
    make_busybox(&image, ",\"mountPoints\":[{\"name\":\"data\",\"path\":\"/data\"}]");
    let image = image.display().to_string();
    bench.run(&[&image, "--", "-c", "true"]).fails("missing volume for mountpoint \"data\"");
    let host = bench.path("host");
    fs::create_dir(&host).unwrap();
    let volume = format!("--volume=data,kind=host,source={}", host.display());
    bench.run(&[&volume, &image, "--", "-c", "touch /data/there"]).ok();
    assert!(host.join("there").exists());
    bench.collect_all();
}

#[test]
fn a_pod_goes_however_deep_its_app_has_dug() {
    let bench = Bench::new();
    shell(&bench, &[], &[], "i=0; while [ $i -lt 500 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done");
    let rkt = bench.command(&["rm", &bench.only_pod("run")]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 100 && exec \"$@\"", "sh"]).arg(rkt.get_program()).args(rkt.get_args());
    support::Ran::of(limited.output().unwrap()).ok();
    assert_eq!(bench.states(), [""; 0]);
    bench.collect_all();
}
