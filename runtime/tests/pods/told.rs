//! What stage1 is told of what the user asked for, and what stage0 refuses before that.

use std::fs;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::scripted::{ScriptedPod, make_stage1};
use crate::support::{Bench, Ran, busybox, make_busybox};

/// Makes a pod whose stage1 ends at once, and returns its directory.
fn at_once(bench: &Bench, words: &[&str]) -> PathBuf {
    let ran = Ran::of(bench.command(words).env("AT_ONCE", "1").output().unwrap()).ok();
    assert_eq!(ran.err, "");
    bench.data().join("pods/run").join(bench.only_pod("run"))
}

fn args(dir: &Path, entry: &str) -> Vec<String> {
    let text = fs::read_to_string(dir.join(format!("{entry}.args"))).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

/// Everything below a directory whose owner is not `shift`.
fn of_others(dir: &Path, shift: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(path) = todo.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        if (about.uid(), about.gid()) != (shift, shift) {
            found.push(path);
        }
    }
    found
}

#[test]
fn user_namespaces() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let flags = ["--private-users", "--no-overlay"];
    let dir =
        at_once(&bench, &[&["run", &stage1], &flags[..], &["--hosts-entry=1.2.3.4=x", busybox()]].concat());
    let range = fs::read_to_string(dir.join("private-users-prepared")).unwrap();
    assert!(args(&dir, "run").contains(&format!("--private-users={range}")), "{range}");
    let shift: u32 = range.strip_suffix(":65536").unwrap().parse().unwrap();
    assert!(shift > 0 && shift.is_multiple_of(65536));
    let rootfs = dir.join("stage1/rootfs");
    for path in
        ["etc/rkt-hosts", "opt/stage2/busybox/rootfs/etc/mtab", "opt/stage2/busybox/manifest", "bin/busybox"]
    {
        assert!(fs::symlink_metadata(rootfs.join(path)).is_ok(), "{path}");
    }
    // What stage1 itself has made is its own affair.
    let others: Vec<_> =
        of_others(&rootfs, shift).into_iter().filter(|path| !path.ends_with("supervisor-status")).collect();
    assert_eq!(others, [""; 0].map(PathBuf::from));
    bench.collect_all();

    let prepared = bench.rkt(&["prepare", &stage1, "--private-users", "--no-overlay", busybox()]).ok().out;
    let uuid = prepared.trim();
    let range =
        fs::read_to_string(bench.data().join("pods/prepared").join(uuid).join("private-users-prepared"))
            .unwrap();
    let dir = at_once(&bench, &["run-prepared", uuid]);
    assert!(args(&dir, "run").contains(&format!("--private-users={range}")), "{range}");
    bench.collect_all();

    bench
        .rkt(&["run", &stage1, "--private-users", busybox()])
        .fails("run: cannot use both overlay and user namespace: not implemented yet. (Try --no-overlay)");
    bench
        .run(&["--private-users", "--no-overlay", busybox()])
        .fails("stage1-fly\" cannot run pods in user namespaces");
    assert_eq!(bench.states(), [""; 0]);
    assert!(bench.rkt(&["help", "run"]).ok().out.contains("--private-users"));
}

#[test]
fn ports() {
    let bench = Bench::new();
    let aci = bench.path("www.aci");
    make_busybox(
        &aci,
        r#","ports":[{"name":"www","protocol":"tcp","port":80,"count":1,"socketActivated":false}]"#,
    );
    let image = aci.display().to_string();
    let stage1 = make_stage1(&bench, &[]);
    let run = |flags: &[&str]| bench.rkt(&[&["run", &stage1], flags, &[&image]].concat());
    run(&["--port=www:80", "--net=host"]).fails("run: --port does not work with --net=host");
    run(&["--port=www:80", "--net=none"]).fails("--port does not work with --net=none");
    run(&["--port=ftp:80"]).fails("port name \"ftp\" could not be found in any apps");
    run(&["--port=www:x"]).fails("invalid argument \"www:x\" for --port: \"x\" is not a valid port number");
    run(&["--port=www:80", "--port=www:127.0.0.1:80"])
        .fails("port tcp-0.0.0.0:80 already mapped to pod port 80");
    assert_eq!(bench.states(), [""; 0]);

    let dir = at_once(&bench, &["run", &stage1, "--port=www:127.0.0.1:8080", "--port=www:81", &image]);
    let manifest = fs::read(dir.join("pod")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let expected = r#"[{"name":"www","hostPort":8080,"hostIP":"127.0.0.1"},{"name":"www","hostPort":81}]"#;
    assert_eq!(manifest["ports"], serde_json::from_str::<serde_json::Value>(expected).unwrap());
    bench.collect_all();

    // Once they stand in a manifest the networks are chosen by somebody else.
    let uuid = bench.rkt(&["prepare", &stage1, "--port=www:80", &image]).ok().out;
    let ran = Ran::of(
        bench.command(&["run-prepared", "--net=host", uuid.trim()]).env("AT_ONCE", "1").output().unwrap(),
    );
    assert!(ran.ok().err.contains("the ports of the pod do not appear on the host"));
    bench.collect_all();
    let ran = bench.run(&["--port=www:80", &image, "--", "-c", "true"]).ok();
    assert!(ran.err.contains("shares the network of the host"), "{}", ran.err);
    bench.collect_all();
    let file = bench.path("manifest.json");
    let mut twice = manifest;
    twice["ports"][1]["hostPort"] = 8080.into();
    fs::write(&file, twice.to_string()).unwrap();
    let option = format!("--pod-manifest={}", file.display());
    bench.rkt(&["run", &stage1, &option]).fails("manifest.json").fails_with("already mapped to pod port 80");
    bench.rkt(&["run", &stage1, &option, "--port=www:1"]).fails("conflicting flags");
}

#[test]
fn manifests_of_pods_that_change_are_for_the_sandbox() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let dir = at_once(&bench, &["run", &stage1, busybox()]);
    let text = fs::read_to_string(dir.join("pod")).unwrap();
    let file = bench.path("manifest.json");
    fs::write(&file, text.replace("\"value\":\"false\"", "\"value\":\"true\"")).unwrap();
    let option = format!("--pod-manifest={}", file.display());
    bench.rkt(&["run", &stage1, &option]).fails("begin without apps").fails_with("rkt app sandbox");
    bench.collect_all();
}

#[test]
fn prepared_pods_are_told_as_much_as_others() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let flags = ["--ipc=parent", "--net=none", "--hostname=box", "--insecure-options=image,paths"];
    let run = at_once(&bench, &[&["run", &stage1][..], &flags, &[busybox()]].concat());
    let told = args(&run, "run");
    let uuid = bench.only_pod("run");
    assert_eq!(
        told,
        [
            "--net=none",
            "--local-config=/nonexistent",
            "--hostname=box",
            "--disable-paths",
            "--ipc=parent",
            &uuid
        ]
    );
    bench.collect_all();
    let uuid = bench.rkt(&["prepare", &stage1, busybox()]).ok().out;
    let prepared = at_once(&bench, &[&["run-prepared"][..], &flags, &[uuid.trim()]].concat());
    assert_eq!(args(&prepared, "run")[..5], told[..5]);
    bench.rkt(&["run", &stage1, "--ipc=none", busybox()]).fails("invalid argument \"none\" for --ipc");
    bench.collect_all();
}

#[test]
fn sockets_and_readiness_are_passed_through() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let (mut writer, reader) = std::os::unix::net::UnixStream::pair().unwrap();
    writer.write_all(b"hello").unwrap();
    drop(writer);
    // As a service manager does it: the socket is descriptor 3, and LISTEN_PID is the process that is started.
    let fd = reader.as_raw_fd();
    rustix::io::fcntl_setfd(&reader, rustix::io::FdFlags::empty()).unwrap();
    let rkt = bench.command(&["run", &stage1, busybox()]);
    let mut shell = std::process::Command::new("bash");
    let line = format!("[ {fd} = 3 ] || exec 3<&{fd} {fd}<&-; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"");
    shell.args(["-c", &line]).arg(rkt.get_program()).args(rkt.get_args()).current_dir(bench.path(""));
    shell.env("AT_ONCE", "1").env("READ_FD", "3").env("NOTIFY_SOCKET", "@notify").stdin(Stdio::null());
    let child = shell.spawn().unwrap();
    let pid = child.id();
    assert!(child.wait_with_output().unwrap().status.success());
    let dir = bench.data().join("pods/run").join(bench.only_pod("run"));
    let environment = fs::read_to_string(dir.join("run.env")).unwrap();
    for line in [format!("LISTEN_PID={pid}"), "LISTEN_FDS=1".to_owned(), "NOTIFY_SOCKET=@notify".to_owned()] {
        assert!(environment.lines().any(|known| known == line), "{line}\n{environment}");
    }
    assert_eq!(fs::read_to_string(dir.join("fd")).unwrap(), "hello");
    bench.collect_all();
}

#[test]
fn streams_to_attach_to() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let flags = ["--stdin=stream", "--stdout=stream", "--stderr=log"];
    let pod = ScriptedPod::start(&bench, &[&["run", &stage1, busybox()][..], &flags].concat(), 1);
    let manifest = fs::read(pod.dir.join("pod")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let annotations = manifest["apps"][0]["annotations"].as_array().unwrap();
    let words: Vec<_> = annotations.iter().map(|one| one["value"].as_str().unwrap()).collect();
    assert_eq!(words, ["stream", "stream", "log"]);

    let attach = |more: &[&str]| {
        let mut command = bench.command(&[&["attach", &pod.uuid], more].concat());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"typed").unwrap();
        Ran::of(child.wait_with_output().unwrap())
    };
    let common = ["--app=busybox", "--debug=false"];
    let custom = |values: [bool; 5]| {
        let flags = ["tty-in", "tty-out", "stdin", "stdout", "stderr"].into_iter().zip(values);
        let mut all = vec!["--action=custom-attach".to_owned()];
        all.extend(flags.map(|(flag, on)| format!("--{flag}={on}")));
        all
    };
    for (mode, expected) in [
        (&[][..], vec!["--action=auto-attach".to_owned()]),
        (&["--mode=list"], vec!["--action=list".to_owned()]),
        (&["--mode=stdin,stderr"], custom([false, false, true, false, true])),
        (&["--mode=tty", "--app=busybox"], custom([true, true, false, false, false])),
    ] {
        assert_eq!(attach(mode).ok().out, "typed", "standard streams are the caller's");
        assert_eq!(pod.args("attach"), [&expected[..], &common.map(str::to_owned)].concat(), "{mode:?}");
    }
    assert_eq!(pod.environment("attach")["RKT_STAGE1_ENTERPID"], pod.pid.to_string());
    pod.fails("attach", Some(9));
    attach(&[])
        .fails("attach fails on purpose")
        .fails_with("attach: attach failed: the 'attach' entrypoint failed: exit status: 9");
    attach(&["--mode=stdin,tty"]).fails("cannot simultaneously attach TTY and streams");
    attach(&["--mode=console"]).fails("unknown endpoint \"console\"");
    let uuid = pod.uuid.clone();
    pod.stop(&bench);
    bench.rkt(&["attach", &uuid]).fails("isn't currently running");

    bench.run(&[busybox(), "--stdout=stream"]).fails("stage1-fly\" has no streams that one could attach to");
    bench
        .run(&[busybox(), "--stdout=nowhere"])
        .fails("invalid argument \"nowhere\" for --stdout: log, null, stream or tty");
    let without = make_stage1(&bench, &["attach"]);
    let pod = ScriptedPod::start(&bench, &["run", &without, busybox()], 1);
    bench
        .rkt(&["attach", &pod.uuid])
        .fails("has no 'attach' entrypoint")
        .fails_with("pods of other stage1 images");
    pod.stop(&bench);
    bench.collect_all();
}
