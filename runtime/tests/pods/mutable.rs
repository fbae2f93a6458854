//! Pods whose apps come and go: what stage0 does, and how it calls stage1.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::scripted::{ScriptedPod, make_stage1};
use crate::support::{Bench, busybox, make_busybox, stage1_fly};

/// The pod manifest.
fn manifest(bench: &Bench, uuid: &str) -> serde_json::Value {
    serde_json::from_str(&bench.rkt(&["cat-manifest", uuid]).ok().out).unwrap()
}

#[test]
fn the_life_of_an_app() {
    for more in [&[][..], &["--no-overlay"]] {
        let bench = Bench::new();
        bench.rkt(&["fetch", busybox()]).ok();
        let stage1 = make_stage1(&bench, &[]);
        let flags = ["--net=host", "--hostname=box", "--annotation=example.com/a=b", "--user-label=tier=web"];
        let pod = ScriptedPod::sandbox(&bench, &stage1, &[&flags, more].concat());
        assert_eq!(
            pod.args("run"),
            ["--net=host", "--local-config=/nonexistent", "--hostname=box", "--mutable", &pod.uuid]
        );
        let before = manifest(&bench, &pod.uuid);
        assert_eq!(before["apps"], serde_json::Value::Null);
        assert_eq!(before["annotations"][0]["name"], "coreos.com/rkt/stage1/mutable");
        assert_eq!(before["annotations"][0]["value"], "true");
        assert_eq!(
            (&before["annotations"][1]["value"], &before["userLabels"]["tier"]),
            (&"b".into(), &"web".into())
        );
        assert_eq!(bench.rkt(&["app", "list", &pod.uuid]).ok().out, "NAME\tSTATE\n");
        pod.calls();

        let add = ["app", "add", &pod.uuid[..8], "example.com/busybox", "--environment=A=b c", "--name=web"];
        let volume = "--mnt-volume=name=v,kind=empty,target=/data,mode=0700";
        bench.rkt(&[&add[..], &[volume, "--stdout=stream", "--", "-c", "true"]].concat()).ok();
        assert_eq!(pod.calls(), ["app_add"]);
        assert_eq!(pod.args("app_add"), ["--debug=false", &format!("--uuid={}", pod.uuid), "--app=web"]);
        let environment = pod.environment("app_add");
        let mut names: Vec<_> = environment
            .keys()
            .map(String::as_str)
            .filter(|name| !["PWD", "OLDPWD", "_", "SHLVL"].contains(name))
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["PATH", "RKT_STAGE1_ENTERCMD", "RKT_STAGE1_ENTERPID"]);
        assert_eq!(environment["RKT_STAGE1_ENTERPID"], pod.pid.to_string());
        assert!(environment["RKT_STAGE1_ENTERCMD"].ends_with("/rootfs/enter"), "{environment:?}");
        assert_eq!(environment["PWD"], pod.dir.canonicalize().unwrap().display().to_string());

        let app = &manifest(&bench, &pod.uuid)["apps"][0];
        assert_eq!(app["name"], "web");
        assert_eq!(app["app"]["exec"], serde_json::json!(["/bin/sh", "-c", "true"]));
        assert_eq!(app["mounts"][0]["appVolume"]["kind"], "empty");
        assert_eq!(app["annotations"][0]["name"], "coreos.com/rkt/stage2/stdout");
        let env = fs::read_to_string(pod.stage1("rkt/env/web")).unwrap();
        assert!(env.contains("\nPLACE=image\nA=b c\nAC_APP_NAME=web\n"), "{env}");
        // What is mounted or copied on the host is seen in the pod, which has its own mount namespace.
        for path in ["bin/busybox", "etc/mtab"] {
            let path = pod.inside("opt/stage2/web/rootfs").join(path);
            assert!(fs::symlink_metadata(&path).is_ok(), "{}", path.display());
        }
        assert!(pod.inside("opt/stage2/web/manifest").exists());
        let mode = fs::metadata(pod.dir.join("pod")).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o640);
        assert_eq!(bench.rkt(&["app", "list", "--no-legend", &pod.uuid]).ok().out, "web\tcreated\n");

        bench.rkt(&["app", "start", &pod.uuid, "--app=web"]).ok();
        assert_eq!(pod.calls(), ["app_start"]);
        assert_eq!(pod.args("app_start"), ["--debug=false", "--app=web"]);
        assert_eq!(bench.rkt(&["app", "list", &pod.uuid]).ok().out, "NAME\tSTATE\nweb\trunning\n");
        let exec = bench.rkt(&["app", "exec", &pod.uuid, "/bin/echo", "--app=x", "y"]).ok();
        assert_eq!(exec.out, "--app=x y\n");
        assert_eq!(
            pod.args("enter"),
            [&format!("--pid={}", pod.pid), "--appname=web", "--", "/bin/echo", "--app=x", "y"]
        );
        pod.calls();
        bench.rkt(&["--debug", "app", "stop", &pod.uuid, "--app=web"]).ok();
        assert_eq!(pod.args("app_stop"), ["--debug=true", "--app=web"]);
        // Stage1 would have written it.
        fs::write(pod.stage1("rkt/status/web"), "7\n").unwrap();
        let status = bench.rkt(&["app", "status", &pod.uuid, "--app=web"]).ok().out;
        for part in [
            "name=web\nstate=exited\nimage_id=sha512-",
            "\ncreated_at=",
            "\nstarted_at=",
            "\nfinished_at=",
            "\nexit_code=7\n",
            "\nmounts=:/data:(read_only:false)\n",
        ] {
            assert!(status.contains(part), "{part} is missing in {status}");
        }
        let json = bench.rkt(&["app", "status", &pod.uuid, "--app=web", "--format=json"]).ok().out;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["state"], &json["exit_code"]), (&"exited".into(), &7.into()));
        assert!(json["created_at"].as_i64() <= json["started_at"].as_i64());
        // Started anew, it has not ended with anything.
        bench.rkt(&["app", "start", &pod.uuid, "--app=web"]).ok();
        assert_eq!(bench.rkt(&["app", "list", "--no-legend", &pod.uuid]).ok().out, "web\trunning\n");

        pod.calls();
        bench.rkt(&["app", "rm", &pod.uuid, "--app=web"]).ok();
        assert_eq!(pod.calls(), ["app_stop", "app_rm"]);
        assert_eq!(bench.rkt(&["app", "list", "--no-legend", &pod.uuid]).ok().out, "");
        assert_eq!(manifest(&bench, &pod.uuid)["apps"], serde_json::Value::Null);
        for left in ["appsinfo/web", "stage1/rootfs/opt/stage2/web", "stage1/rootfs/rkt/env/web"] {
            assert!(!pod.dir.join(left).exists(), "{left}");
        }
        assert_eq!(fs::read_dir(pod.stage1("rkt/status")).unwrap().count(), 0);
        let overlays = fs::read_dir(pod.dir.join("overlay")).map_or(0, Iterator::count);
        assert_eq!(overlays, usize::from(more.is_empty()), "only that of stage1 stays");
        pod.stop(&bench);
        bench.collect_all();
    }
}

#[test]
fn apps_of_one_image_do_not_take_each_other_s_files() {
    let bench = Bench::new();
    bench.rkt(&["fetch", busybox()]).ok();
    let stage1 = make_stage1(&bench, &[]);
    let pod = ScriptedPod::sandbox(&bench, &stage1, &[]);
    for name in ["--name=one", "--name=two"] {
        bench.rkt(&["app", "add", &pod.uuid, "example.com/busybox", name]).ok();
    }
    fs::write(pod.inside("opt/stage2/two/rootfs/data/kept"), "kept").unwrap();
    bench.rkt(&["app", "rm", &pod.uuid, "--app=one"]).ok();
    assert_eq!(fs::read_to_string(pod.inside("opt/stage2/two/rootfs/data/kept")).unwrap(), "kept");
    assert!(!pod.inside("opt/stage2/one").exists());
    assert!(pod.inside("opt/stage2/two/rootfs/bin/busybox").exists());
    bench.rkt(&["app", "add", &pod.uuid, "example.com/busybox", "--name=one"]).ok();
    assert_eq!(
        bench.rkt(&["app", "list", "--no-legend", &pod.uuid]).ok().out,
        "two\tcreated\none\tcreated\n"
    );
    // A pod that is over gives its apps away too, and so does one whose mounts are gone.
    let (uuid, dir) = (pod.uuid.clone(), pod.dir.clone());
    pod.stop(&bench);
    bench.rkt(&["app", "rm", &uuid, "--app=one"]).ok();
    assert!(!dir.join("stage1/rootfs/opt/stage2/one").exists());
    assert!(dir.join("stage1/rootfs/opt/stage2/two/rootfs/data/kept").exists());
    assert_eq!(bench.rkt(&["app", "list", "--no-legend", &uuid]).ok().out, "two\texited\n");
    // As after a restart of the machine.
    unmount(&dir.join("stage1/rootfs"));
    bench.rkt(&["app", "rm", &uuid, "--app=two"]).ok();
    assert_eq!(bench.rkt(&["app", "list", "--no-legend", &uuid]).ok().out, "");
    bench.collect_all();
}

fn unmount(place: &std::path::Path) {
    rustix::mount::unmount(place, rustix::mount::UnmountFlags::DETACH).unwrap();
    assert_eq!(fs::read_dir(place).unwrap().count(), 0, "{}", place.display());
}

#[test]
fn what_stage1_says_about_stopping() {
    let bench = Bench::new();
    bench.rkt(&["fetch", busybox()]).ok();
    let stage1 = make_stage1(&bench, &[]);
    let pod = ScriptedPod::sandbox(&bench, &stage1, &[]);
    let named = ["--app=web", pod.uuid.as_str()];
    let app = |verb: &str| bench.rkt(&[&["app", verb], &named[..]].concat());
    bench.rkt(&["app", "add", &pod.uuid, "example.com/busybox", "--name=web"]).ok();
    pod.fails("app_stop", Some(5));
    app("stop").fails("stop: app \"web\" is not running");
    pod.fails("app_stop", Some(6));
    app("stop")
        .fails("app_stop fails on purpose\nstop: error stopping app \"web\"")
        .fails_with("exit status: 6");
    app("rm").fails("error stopping app \"web\"");
    assert!(pod.stage1("rkt/env/web").exists());
    pod.fails("app_start", Some(1));
    app("start").fails("app_start fails on purpose\nstart: error starting app \"web\"");
    assert_eq!(bench.rkt(&["app", "list", "--no-legend", &pod.uuid]).ok().out, "web\tcreated\n");
    // That it does not run is all that is wanted when it goes.
    pod.fails("app_stop", Some(5));
    pod.fails("app_rm", Some(1));
    app("rm").fails("error removing app \"web\"");
    pod.fails("app_rm", None);
    app("rm").ok();
    app("rm").fails("no app \"web\" in the pod");
    pod.stop(&bench);
    bench.collect_all();
}

#[test]
fn an_app_that_cannot_be_added_leaves_nothing() {
    for more in [&[][..], &["--no-overlay"]] {
        let bench = Bench::new();
        let stage1 = make_stage1(&bench, &[]);
        let pod = ScriptedPod::sandbox(&bench, &stage1, more);
        let add =
            |more: &[&str]| bench.rkt(&[&["app", "add", &pod.uuid, "example.com/busybox"], more].concat());
        add(&[]).fails("example.com/busybox");
        bench.rkt(&["fetch", busybox()]).ok();
        let before = (fs::read(pod.dir.join("pod")).unwrap(), bench.mounts().len());
        pod.fails("app_add", Some(3));
        add(&["--name=web"])
            .fails("app_add fails on purpose\nadd: error adding app \"web\"")
            .fails_with("exit status: 3");
        pod.fails("app_add", None);
        add(&["--name=web", "--mount=volume=none,target=/x"]).fails("volume \"none\" not found");
        add(&["--name=web-created"]).fails("names that end in -created are taken");
        add(&["--user=0", "--memory=1"]).fails("--memory");
        add(&["--exec=/x", "--exec=/y"]).fails("--exec can be given once");
        add(&["--", "a", "---", "b"]).fails("must give only one app");
        add(&["--stdin=console"]).fails("invalid argument \"console\" for --stdin: null, stream or tty");
        add(&["--stdin=tty", "--stdout=stream"]).fails("both streams and a terminal");
        add(&["--mnt-volume=name=v,kind=host,target=/x"]).fails("source for host volume cannot be empty");
        assert_eq!((fs::read(pod.dir.join("pod")).unwrap(), bench.mounts().len()), before);
        assert_eq!(fs::read_dir(pod.dir.join("appsinfo")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(pod.stage1("rkt/status")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(pod.stage1("opt/stage2")).unwrap().count(), 0);

        // As if adding had been killed: the name is free, whatever lies about.
        fs::create_dir_all(pod.dir.join("appsinfo/web/x")).unwrap();
        fs::create_dir_all(pod.stage1("opt/stage2/web/rootfs/y")).unwrap();
        add(&["--name=web"]).ok();
        assert!(!pod.stage1("opt/stage2/web/rootfs/y").exists());
        add(&["--name=web"]).fails("multiple apps with name web");
        pod.stop(&bench);
        bench.collect_all();
    }
}

#[test]
fn pods_that_cannot_change() {
    let bench = Bench::new();
    let code = |ran: crate::support::Ran, code, part: &str| {
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.err.contains(part), "{}", ran.err);
    };
    let sandbox = bench.rkt(&["app", "sandbox", stage1_fly()]);
    code(sandbox, 1, "sandbox: stage1 does not support mutable pods");
    let without = make_stage1(&bench, &["app/start"]);
    code(bench.rkt(&["app", "sandbox", &without]), 1, "has no entry points app/start");
    code(bench.rkt(&["app", "sandbox", "--net"]), 254, "--net");
    code(bench.rkt(&["app", "sandbox", "--port=www:80"]), 1, "name:protocol:podPort:hostIP:hostPort");
    code(
        bench.rkt(&["app", "sandbox", "--port=w:tcp:80:1.2.3.4:80", "--net", "none"]),
        1,
        "--port does not work with --net=none",
    );
    code(bench.rkt(&["app", "list", "1234"]), 1, "no matches found for \"1234\"");
    code(bench.rkt(&["app", "status", "1234", "--app=x"]), 1, "no matches found");
    code(bench.rkt(&["app", "status", "1234"]), 1, "no app named");
    assert!(
        !bench.data().join("pods/run").exists()
            || fs::read_dir(bench.data().join("pods/run")).unwrap().count() == 0
    );

    bench.rkt(&["fetch", busybox()]).ok();
    let stage1 = make_stage1(&bench, &[]);
    let pod = ScriptedPod::start(&bench, &["run", &stage1, "example.com/busybox"], 1);
    assert!(!pod.args("run").contains(&"--mutable".to_owned()));
    for args in [
        &["add", &pod.uuid, "example.com/busybox"][..],
        &["start", &pod.uuid, "--app=busybox"],
        &["stop", &pod.uuid, "--app=busybox"],
        &["rm", &pod.uuid, "--app=busybox"],
    ] {
        bench.rkt(&[&["app"], args].concat()).fails("is immutable");
    }
    assert_eq!(bench.rkt(&["app", "list", &pod.uuid]).ok().out, "NAME\tSTATE\nbusybox\trunning\n");
    pod.stop(&bench);
    let uuid = bench.only_pod("run");
    bench.rkt(&["app", "start", &uuid, "--app=busybox"]).fails("isn't currently running");
    bench.collect_all();
}

#[test]
fn a_supervisor_that_is_not_ready() {
    let bench = Bench::new();
    bench.rkt(&["fetch", busybox()]).ok();
    let stage1 = make_stage1(&bench, &[]);
    let pod = ScriptedPod::sandbox(&bench, &stage1, &[]);
    fs::remove_file(pod.stage1("rkt/supervisor-status")).unwrap();
    let add = || bench.rkt(&["app", "add", &pod.uuid, "example.com/busybox"]);
    add().fails(&format!("supervisor for pod \"{}\" is not yet ready", pod.uuid)).fails_with("--wait-ready");
    bench.rkt(&["status", "--wait-ready=50ms", &pod.uuid]).fails("timed out");
    std::os::unix::fs::symlink("ready", pod.stage1("rkt/supervisor-status")).unwrap();
    bench.rkt(&["status", "--wait-ready", &pod.uuid]).ok();
    add().ok();
    pod.stop(&bench);
    bench.collect_all();
}

#[test]
fn many_at_once() {
    let bench = Bench::new();
    bench.rkt(&["fetch", busybox()]).ok();
    let stage1 = make_stage1(&bench, &[]);
    let pod = ScriptedPod::sandbox(&bench, &stage1, &[]);
    let all = |verb: &str, more: &dyn Fn(usize) -> Vec<String>| {
        let children: Vec<_> = (0..8)
            .map(|index| {
                let more = more(index);
                let more: Vec<_> = more.iter().map(String::as_str).collect();
                bench.command(&[&["app", verb, &pod.uuid], &more[..]].concat()).spawn().unwrap()
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
    };
    all("add", &|index| vec!["example.com/busybox".to_owned(), format!("--name=app{index}")]);
    let list = bench.rkt(&["app", "list", "--no-legend", &pod.uuid]).ok().out;
    assert_eq!(list.lines().count(), 8, "{list}");
    all("rm", &|index| vec![format!("--app=app{index}")]);
    assert_eq!(bench.rkt(&["app", "list", "--no-legend", &pod.uuid]).ok().out, "");
    pod.stop(&bench);
    bench.collect_all();
}

#[test]
fn links_in_the_pod_lead_nowhere() {
    let bench = Bench::new();
    let aci = bench.path("other.aci");
    make_busybox(&aci, "");
    bench.rkt(&["fetch", &aci.display().to_string()]).ok();
    let stage1 = make_stage1(&bench, &[]);
    let pod = ScriptedPod::sandbox(&bench, &stage1, &[]);
    bench.rkt(&["app", "add", &pod.uuid, "example.com/busybox", "--name=web"]).ok();
    // What a process of the pod that is root in stage1 can do.
    let outside = bench.path("outside");
    for name in ["env/web", "status/web-created", "iottymux/web/x"] {
        fs::create_dir_all(outside.join(name)).unwrap();
    }
    fs::remove_dir_all(pod.inside("rkt")).unwrap();
    std::os::unix::fs::symlink(&outside, pod.inside("rkt")).unwrap();
    fs::create_dir_all(outside.join("stage2/web/kept")).unwrap();
    unmount(&pod.stage1("opt/stage2/web/rootfs"));
    fs::remove_dir_all(pod.inside("opt")).unwrap();
    std::os::unix::fs::symlink(&outside, pod.inside("opt")).unwrap();
    bench.rkt(&["app", "rm", &pod.uuid, "--app=web"]).ok();
    for kept in ["env/web", "status/web-created", "iottymux/web/x", "stage2/web/kept"] {
        assert!(outside.join(kept).exists(), "{kept}");
    }
    pod.stop(&bench);
    bench.collect_all();
}
