//! `rkt app …`: pods whose apps come and go.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Ended, Image, Pod, Sandbox, tests, wait_for};

tests! {
    host: [
        an_app_comes_runs_and_goes,
        a_name_comes_from_the_image,
        apps_come_and_go_beside_each_other,
        an_app_starts_again_and_again,
        an_app_of_the_same_name_is_a_new_one,
        volumes_and_their_targets,
        targets_stay_in_the_app,
        annotations_and_labels,
        logs_of_kubernetes,
        an_addition_that_fails_leaves_nothing,
        what_stage1_is_asked_wrongly,
        apps_end_in_their_own_way_with_the_pod,
        without_overlay,
        what_a_killed_pod_leaves_is_collected,
        pods_of_other_kinds_do_not_change,
    ],
}

/// A pod to which apps are added.
struct Mutable<'a> {
    sandbox: &'a Sandbox,
    pod: Pod<'a>,
    image: String,
}

impl<'a> Mutable<'a> {
    #[track_caller]
    fn new(sandbox: &'a Sandbox) -> Self {
        Self::with(sandbox, &[])
    }

    /// The same with options of the pod.
    #[track_caller]
    fn with(sandbox: &'a Sandbox, options: &[&str]) -> Self {
        let fetched = sandbox.rkt_ok(["fetch".as_ref(), "--full".as_ref(), sandbox.app().as_os_str()]);
        let image = fetched.lines().last().unwrap().to_owned();
        let pod = sandbox.mutable().options(options).start();
        sandbox.rkt_ok(["status", "--wait-ready", pod.uuid()]);
        Self { sandbox, pod, image }
    }

    /// `rkt app VERB UUID …`.
    fn app(&self, verb: &str, words: &[&str]) -> Ended {
        self.sandbox.ended([&["app", verb, self.pod.uuid()], words].concat())
    }

    /// Adds an app that does a line of shell.
    #[track_caller]
    fn add(&self, name: &str, options: &[&str], line: &str) {
        self.try_add(name, options, line).ok();
    }

    fn try_add(&self, name: &str, options: &[&str], line: &str) -> Ended {
        let name = format!("--name={name}");
        self.app(
            "add",
            &[&[self.image.as_str(), &name, "--exec=/bin/sh"], options, &["--", "-c", line]].concat(),
        )
    }

    #[track_caller]
    fn start(&self, name: &str) {
        self.app("start", &[&format!("--app={name}")]).ok();
    }

    #[track_caller]
    fn stop_app(&self, name: &str) {
        self.app("stop", &[&format!("--app={name}")]).ok();
    }

    #[track_caller]
    fn remove(&self, name: &str) {
        self.app("rm", &[&format!("--app={name}")]).ok();
    }

    /// What `rkt app status` says of an app.
    #[track_caller]
    fn status(&self, name: &str) -> Value {
        let ended = self.app("status", &[&format!("--app={name}"), "--format=json"]).ok();
        serde_json::from_str(&ended.out).unwrap()
    }

    /// Waits until an app has ended, and gives its exit code.
    #[track_caller]
    fn code(&self, name: &str) -> i64 {
        wait_for(&format!("the end of {name}"), || {
            let status = self.status(name);
            (status["state"] == "exited").then(|| status["exit_code"].as_i64().unwrap_or_default())
        })
    }

    /// The apps, as `name state`.
    #[track_caller]
    fn list(&self) -> Vec<String> {
        let ended = self.app("list", &["--no-legend"]).ok();
        ended.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// Runs a program beside an app.
    fn enter(&self, app: &str, words: &[&str]) -> Ended {
        self.sandbox.ended([&["enter", &format!("--app={app}"), self.pod.uuid()], words].concat())
    }

    /// The root of stage1.
    fn stage1(&self) -> PathBuf {
        self.pod.dir().join("stage1/rootfs")
    }

    /// The pod's first process.
    fn first(&self) -> String {
        let parent = fs::read_to_string(self.pod.dir().join("ppid")).unwrap();
        let list = fs::read_to_string(format!("/proc/{0}/task/{0}/children", parent.trim())).unwrap();
        list.trim().to_owned()
    }

    /// What is mounted in the pod for an app.
    fn mounts(&self, app: &str) -> Vec<String> {
        let all = fs::read_to_string(format!("/proc/{}/mountinfo", self.first())).unwrap();
        let place = format!(" /opt/stage2/{app}/");
        all.lines().filter(|line| line.contains(&place)).map(str::to_owned).collect()
    }

    /// Files of an app in the root of stage1.
    fn files(&self, app: &str) -> Vec<String> {
        let found = Command::new("find")
            .arg(self.stage1())
            .args(["-xdev", "("])
            .args([
                "-name",
                app,
                "-o",
                "-name",
                &format!("{app}[.-]*"),
                "-o",
                "-name",
                &format!("*[-@]{app}.service"),
            ])
            .args([")", "-printf", "%P\\n"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn end(self) -> Ended {
        self.pod.stop()
    }
}

fn an_app_comes_runs_and_goes(sandbox: &Sandbox) {
    let mut mutable = Mutable::new(sandbox);
    assert_eq!(mutable.list(), [""; 0]);
    mutable.add("one", &[], "echo started; trap 'exit 7' TERM; sleep 1000 & wait");
    assert_eq!(mutable.list(), ["one created"]);
    let created = mutable.status("one");
    assert!(created["created_at"].is_number() && created.get("started_at").is_none(), "{created}");
    mutable.start("one");
    mutable.pod.wait_for_line_of("one", "started");
    assert_eq!(mutable.list(), ["one running"]);
    mutable.enter("one", &["/bin/echo", "entered"]).ok();
    mutable.app("rm", &["--app=two"]).code(254);
    mutable.stop_app("one");
    // It is known at once what it ended with.
    let ended = mutable.status("one");
    assert_eq!((&ended["state"], &ended["exit_code"]), (&"exited".into(), &7.into()));
    mutable.app("stop", &["--app=one"]).code(254).says("app \"one\" is not running");
    mutable.remove("one");
    assert_eq!(mutable.list(), [""; 0]);
    assert_eq!((mutable.mounts("one"), mutable.files("one")), (vec![], vec![]));
    // The pod is still there, and still takes orders.
    assert_eq!(mutable.pod.status()["state"], "running");
    assert_eq!(
        fs::read_link(mutable.stage1().join("rkt/supervisor-status")).unwrap().to_str(),
        Some("ready")
    );
    mutable.end().ok();
}

fn a_name_comes_from_the_image(sandbox: &Sandbox) {
    let mutable = Mutable::new(sandbox);
    mutable.app("add", &[&mutable.image]).ok();
    assert_eq!(mutable.list(), ["busybox created"]);
    mutable.app("add", &[&mutable.image]).code(254).says("multiple apps with name busybox");
    mutable.end().ok();
}

fn apps_come_and_go_beside_each_other(sandbox: &Sandbox) {
    let mut mutable = Mutable::new(sandbox);
    for name in ["one", "two", "three"] {
        mutable.add(name, &[], "echo started; sleep 1000");
    }
    // A name with a dash, of which unit names make something else; an app that fails does not end the pod.
    mutable.add("will-fail", &[], "exit 9");
    for name in ["one", "two", "three", "will-fail"] {
        mutable.start(name);
    }
    assert_eq!(mutable.code("will-fail"), 9);
    for name in ["one", "two", "three"] {
        mutable.pod.wait_for_line_of(name, "started");
    }
    mutable.stop_app("two");
    mutable.remove("two");
    assert_eq!(mutable.list(), ["one running", "three running", "will-fail exited"]);
    mutable.add("two", &[], "exit 0");
    mutable.start("two");
    assert_eq!(mutable.code("two"), 0);
    // All of one image: the others keep their files.
    mutable.enter("one", &["/bin/sh", "-c", "touch /file && cat /etc/passwd >/dev/null"]).ok();
    mutable.end().ok();
}

fn an_app_starts_again_and_again(sandbox: &Sandbox) {
    let mutable = Mutable::new(sandbox);
    mutable.add("one", &[], "read -r count </count; echo $((count + 1)) >/count; exit $count");
    fs::write(mutable.stage1().join("opt/stage2/one/rootfs/count"), "0\n").unwrap();
    // More often than systemd lets a unit that starts by itself.
    for count in 0..8 {
        mutable.start("one");
        assert_eq!(mutable.code("one"), count);
    }
    mutable.end().ok();
}

fn an_app_of_the_same_name_is_a_new_one(sandbox: &Sandbox) {
    let mut mutable = Mutable::new(sandbox);
    for round in 0..3 {
        // Its root must be prepared each time, its user made, its volume mounted.
        let user = format!("--user={}", 1000 + round);
        let volume = "--mnt-volume=name=v,kind=empty,target=/data,mode=0777";
        let line =
            format!("id -u; ls /written /data; touch /data/of-{round}; cat /dev/null && echo round {round}");
        mutable.add("one", &[&user, "--group=1000", volume], &line);
        mutable.start("one");
        mutable.pod.wait_for_line_of("one", &format!("round {round}"));
        mutable.code("one");
        fs::write(mutable.stage1().join("opt/stage2/one/rootfs/written"), "").unwrap();
        mutable.remove("one");
        assert_eq!((mutable.mounts("one"), mutable.files("one")), (vec![], vec![]));
    }
    let ended = mutable.end().ok();
    let lines = ended.lines_of("one");
    assert_eq!(lines.iter().filter(|line| line.parse() == Ok(1002)).count(), 1, "{lines:?}");
    assert!(lines.iter().all(|line| line != "/written"), "{lines:?}");
}

fn volumes_and_their_targets(sandbox: &Sandbox) {
    let source = sandbox.at("source");
    fs::create_dir_all(source.join("sub")).unwrap();
    fs::write(source.join("file"), "from the host\n").unwrap();
    let mut mutable = Mutable::new(sandbox);
    let source = source.display();
    let volumes = [
        format!("--mnt-volume=name=ro,kind=host,source={source},target=/ro,readOnly=true"),
        format!("--mnt-volume=name=rw,kind=host,source={source},target=/deep/down/rw"),
        // In another volume, and a file.
        "--mnt-volume=name=in,kind=empty,target=/deep/down/rw/sub".to_owned(),
        format!("--mnt-volume=name=f,kind=host,source={source}/file,target=/etc/motd"),
    ];
    let volumes: Vec<&str> = volumes.iter().map(String::as_str).collect();
    let line = "cat /ro/file /etc/motd; touch /ro/x 2>/dev/null || echo read-only; touch /deep/down/rw/new; \
                touch /deep/down/rw/sub/hidden; echo done";
    mutable.add("one", &volumes, line);
    assert_eq!(
        mutable.mounts("one").len(),
        4 + mutable.mounts("one").iter().filter(|m| m.contains("/one/rootfs ")).count()
    );
    mutable.start("one");
    mutable.pod.wait_for_line_of("one", "done");
    let status = mutable.status("one");
    assert_eq!(status["mounts"].as_array().map(Vec::len), Some(4), "{status}");
    mutable.code("one");
    mutable.remove("one");
    assert_eq!(mutable.mounts("one"), [""; 0]);
    let ended = mutable.end().ok();
    assert_eq!(ended.lines_of("one"), ["from the host", "from the host", "read-only", "done"]);
    let source = sandbox.at("source");
    assert!(source.join("new").exists() && !source.join("x").exists() && !source.join("sub/hidden").exists());
}

fn targets_stay_in_the_app(sandbox: &Sandbox) {
    let image = Image::busybox("example.com/links", sandbox)
        .link("/up", "../../../../../../../../..")
        .link("/absolute", "/")
        .link("/other", "/opt/stage2/victim/rootfs")
        .directory("/dir", 0o755)
        .make(sandbox);
    let image = sandbox.rkt_ok(["fetch".as_ref(), "--full".as_ref(), image.as_os_str()]).trim().to_owned();
    let source = sandbox.at("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("mark"), "").unwrap();
    let mut mutable = Mutable::new(sandbox);
    mutable.add("victim", &[], "echo started; sleep 1000");
    mutable.start("victim");
    mutable.pod.wait_for_line_of("victim", "started");
    for (number, target) in ["/up/dir", "/absolute/dir", "/../../dir", "/other/dir"].into_iter().enumerate() {
        let volume = format!("--mnt-volume=name=v,kind=host,source={},target={target}", source.display());
        let name = format!("app-{number}");
        let words = [image.as_str(), &format!("--name={name}"), "--exec=/bin/sh", &volume];
        mutable.app("add", &[&words[..], &["--", "-c", &format!("ls {target}")]].concat()).ok();
        mutable.start(&name);
        mutable.pod.wait_for_line_of(&name, "mark");
        mutable.code(&name);
        // What is mounted is below its own root, there and nowhere else.
        let of_source = |line: &&str| line.contains("/source /");
        let all = fs::read_to_string(format!("/proc/{}/mountinfo", mutable.first())).unwrap();
        let inside = format!("/opt/stage2/{name}/rootfs/");
        assert!(all.lines().filter(of_source).all(|line| line.contains(&inside)), "{all}");
        mutable.remove(&name);
    }
    mutable.enter("victim", &["/bin/sh", "-c", "test ! -e /dir"]).ok();
    mutable.end().ok();
}

fn annotations_and_labels(sandbox: &Sandbox) {
    let mutable = Mutable::with(sandbox, &["--user-annotation=of=pod", "--user-label=kind=test"]);
    mutable.add(
        "one",
        &["--user-annotation=a=b", "--user-label=c=d", "--annotation=example.com/x=y"],
        "true",
    );
    let status = mutable.status("one");
    assert_eq!((&status["user_annotations"]["a"], &status["user_labels"]["c"]), (&"b".into(), &"d".into()));
    let manifest: Value =
        serde_json::from_str(&sandbox.rkt_ok(["cat-manifest", mutable.pod.uuid()])).unwrap();
    assert_eq!(manifest["userAnnotations"]["of"], "pod");
    assert!(manifest["apps"][0].to_string().contains("example.com/x"), "{manifest}");
    mutable.end().ok();
}

fn logs_of_kubernetes(sandbox: &Sandbox) {
    let logs = sandbox.at("logs");
    fs::create_dir(&logs).unwrap();
    let directory = format!("--annotation=coreos.com/rkt/experiment/kubernetes-log-dir={}", logs.display());
    let mutable =
        Mutable::with(sandbox, &["--annotation=coreos.com/rkt/experiment/logmode=k8s-plain", &directory]);
    let path = "--annotation=coreos.com/rkt/experiment/kubernetes-log-path=one_0.log";
    let streams = ["--stdin=stream", "--stdout=stream", "--stderr=stream"];
    mutable.add("one", &[&streams[..], &[path]].concat(), "echo out; echo err >&2; printf unfinished");
    for _ in 0..2 {
        mutable.start("one");
        assert_eq!(mutable.code("one"), 0);
    }
    // The service behind the streams is stopped after the app, and writes the rest.
    let lines = wait_for("the log", || {
        let log = fs::read_to_string(logs.join("one_0.log")).unwrap();
        let lines: Vec<_> = log.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
        (lines.len() == 6).then_some(lines)
    });
    assert_eq!(lines.iter().filter(|line| *line == "stdout out").count(), 2, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| *line == "stdout unfinished").count(), 2, "{lines:?}");
    // Without a path it cannot be added.
    mutable.try_add("two", &streams, "true").code(254).says("kubernetes-log-path");
    mutable.end().ok();
}

fn an_addition_that_fails_leaves_nothing(sandbox: &Sandbox) {
    let mutable = Mutable::new(sandbox);
    let volume = "--mnt-volume=name=v,kind=empty,target=/data";
    let missing = "--mnt-volume=name=m,kind=host,source=/not/there,target=/x";
    let rows: &[(&[&str], &str)] = &[
        (&[volume, missing], "/not/there"),
        (&[volume, "--exec=nothing"], "unable to find \"nothing\""),
        (&[volume, "--user=nobody-knows"], "nobody-knows"),
        (&["--stdin=tty", "--stdout=stream"], "streams and a terminal"),
        (&["--mnt-volume=name=v,kind=empty,target=/etc/passwd"], "one is a directory and the other is not"),
        (&["--mnt-volume=name=v,kind=empty,target=/"], "would hide the whole app"),
    ];
    for (options, says) in rows {
        let words = [mutable.image.as_str(), "--name=one"];
        mutable.app("add", &[&words[..], options].concat()).code(254).says(says);
        assert_eq!(mutable.list(), [""; 0], "{options:?}");
        assert_eq!((mutable.mounts("one"), mutable.files("one")), (vec![], vec![]), "{options:?}");
        let volumes = mutable.pod.dir().join("sharedVolumes");
        assert_eq!(fs::read_dir(volumes).map_or(0, Iterator::count), 0, "{options:?}");
    }
    // When everything is mounted and a unit cannot be written: something else is there.
    let in_the_way = mutable.stage1().join("usr/lib/systemd/system/reaper-one.service/dir");
    fs::create_dir_all(&in_the_way).unwrap();
    mutable.try_add("one", &[volume], "true").code(254).says("reaper-one.service");
    assert_eq!(mutable.mounts("one"), [""; 0]);
    assert_eq!(mutable.files("one"), ["usr/lib/systemd/system/reaper-one.service"]);
    fs::remove_dir_all(in_the_way.parent().unwrap()).unwrap();
    // The name is free.
    mutable.add("one", &[volume], "exit 5");
    mutable.start("one");
    assert_eq!(mutable.code("one"), 5);
    mutable.end().ok();
}

fn what_stage1_is_asked_wrongly(sandbox: &Sandbox) {
    let mutable = Mutable::new(sandbox);
    let first = mutable.first();
    let stage1 = mutable.stage1();
    // As stage0 calls entry points, with an environment of one's own.
    let call = |entry: &str, words: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(stage1.join(entry));
        command.args(words).current_dir(mutable.pod.dir()).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("RKT_STAGE1_ENTERCMD", stage1.join("enter")).env("RKT_STAGE1_ENTERPID", &first);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for entry in ["app_start", "app_stop", "app_rm"] {
        for name in ["../one", "one/../..", "One", "-one", "shutdown", "supervisor-ready", "reaper-one"] {
            let (code, said) = call(entry, &[&format!("--app={name}")], &[]);
            assert!(code == Some(254) && !said.is_empty(), "{entry} {name}: {code:?} {said}");
        }
        let (code, said) = call(entry, &["--app=one", "--nonsense"], &[]);
        assert!(code == Some(2) && said.contains("flag provided but not defined: -nonsense"), "{said}");
        let (code, said) = call(entry, &["--app=one"], &[("RKT_STAGE1_ENTERPID", "1")]);
        assert!(code == Some(254) && said.contains("process 1 is not the first of the pod"), "{said}");
        let (code, said) = call(entry, &["--app=one"], &[("RKT_STAGE1_ENTERCMD", "")]);
        assert!(code == Some(254) && said.contains("RKT_STAGE1_ENTERCMD"), "{said}");
    }
    let uuid = format!("--uuid={}", mutable.pod.uuid());
    let (code, said) = call("app_add", &[&uuid, "--app=one"], &[]);
    assert!(code == Some(254) && said.contains("the pod has no app \"one\""), "{said}");
    // What there is not: stopping says so by its code, starting fails, removing has nothing to do.
    assert_eq!(call("app_stop", &["--app=one"], &[]).0, Some(5));
    let (code, said) = call("app_start", &["--app=one"], &[]);
    assert!(code == Some(254) && said.contains("one.service not found"), "{said}");
    assert_eq!(call("app_rm", &["--app=one"], &[]).0, Some(0));
    mutable.end().ok();
}

fn apps_end_in_their_own_way_with_the_pod(sandbox: &Sandbox) {
    let mut mutable = Mutable::new(sandbox);
    for (name, code) in [("one", 3), ("two", 4)] {
        let line =
            format!("trap 'echo ending; sleep 0.2; exit {code}' TERM; echo started; sleep 1000 & wait");
        mutable.add(name, &[], &line);
        mutable.start(name);
        mutable.pod.wait_for_line_of(name, "started");
    }
    let uuid = mutable.pod.uuid().to_owned();
    // Their codes are not the pod's.
    let ended = mutable.end().ok();
    for (name, code) in [("one", 3), ("two", 4)] {
        assert_eq!(ended.lines_of(name), ["started", "ending"]);
        let status = sandbox.rkt_ok(["app", "status", &uuid, &format!("--app={name}")]);
        assert!(status.contains(&format!("exit_code={code}\n")), "{status}");
    }
    sandbox.rkt_ok(["app", "rm", &uuid, "--app=one"]);
}

fn without_overlay(sandbox: &Sandbox) {
    let mut mutable = Mutable::with(sandbox, &["--no-overlay"]);
    mutable.add("one", &["--mnt-volume=name=v,kind=empty,target=/data"], "touch /data/x && echo done");
    mutable.start("one");
    mutable.pod.wait_for_line_of("one", "done");
    mutable.code("one");
    mutable.remove("one");
    assert_eq!((mutable.mounts("one"), mutable.files("one")), (vec![], vec![]));
    mutable.end().ok();
}

fn what_a_killed_pod_leaves_is_collected(sandbox: &Sandbox) {
    let mut mutable = Mutable::new(sandbox);
    mutable.add("one", &["--mnt-volume=name=v,kind=empty,target=/data"], "echo started; sleep 1000");
    mutable.start("one");
    mutable.pod.wait_for_line_of("one", "started");
    sandbox.rkt_ok(["stop", "--force", mutable.pod.uuid()]);
    mutable.pod.end();
    sandbox.expect_nothing_left();
}

fn pods_of_other_kinds_do_not_change(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let image = sandbox.rkt_ok(["fetch".as_ref(), "--full".as_ref(), sandbox.app().as_os_str()]);
    let image = image.lines().last().unwrap();
    sandbox.ended(["app", "add", pod.uuid(), image, "--name=two"]).code(254).says("is immutable");
    // Neither when stage0 is not asked.
    let first = pod.status()["pid"].clone();
    let stage1 = pod.dir().join("stage1/rootfs");
    let output = Command::new(stage1.join("app_add"))
        .args([&format!("--uuid={}", pod.uuid()), "--app=busybox"])
        .current_dir(pod.dir())
        .env("RKT_STAGE1_ENTERCMD", stage1.join("enter"))
        .env("RKT_STAGE1_ENTERPID", children(&first))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(254) && said.contains("cannot be changed"), "{said}");
    pod.stop();
}

fn children(pid: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap().trim().to_owned()
}
