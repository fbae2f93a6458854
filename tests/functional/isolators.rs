//! How much of the machine an app may use: what isolators and options become in the kernel, what happens to an app that wants
//! more, and what is said where the host cannot do what was asked for.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::mount_bind;
use serde_json::json;

use crate::harness::{Image, Pod, Sandbox, tests, wait_for};

tests! {
    host: [
        limits_reach_the_kernel,
        images_limit_their_apps,
        too_busy_an_app_is_slowed_down,
        too_large_an_app_is_ended,
        too_large_a_process_of_an_app_is_ended,
        controllers_cannot_be_changed_from_an_app,
        a_controller_that_is_not_there_is_told,
        scores_for_the_end_of_memory,
        wrong_amounts_are_refused,
    ],
}

/// There with control groups of version 1.
const MEMORY: &str = "/sys/fs/cgroup/memory";

/// A file of an app's control group, as the pod's first process sees it. `version1` is the controller and the file there.
fn group_file(pod: &Pod<'_>, app: &str, version1: (&str, &str), version2: &str) -> PathBuf {
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", pod.process_of(app))).unwrap();
    let of = |controller: &str| {
        let mut lines = groups.lines().map(|line| line.splitn(3, ':').collect::<Vec<_>>());
        lines.find(|line| line[1].split(',').any(|name| name == controller)).map(|line| line[2].to_owned())
    };
    let top = pod.root().join("sys/fs/cgroup");
    match of(version1.0) {
        Some(path) => top.join(version1.0).join(path.trim_start_matches('/')).join(version1.1),
        None => top.join(of("").unwrap().trim_start_matches('/')).join(version2),
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim().to_owned()
}

/// A value in the kernel: controller, file and value in version 1, file and value in version 2.
type Limit = [&'static str; 5];

#[track_caller]
fn expect_limits(pod: &Pod<'_>, app: &str, limits: &[Limit]) {
    for [controller, file, value, file2, value2] in limits {
        let path = group_file(pod, app, (controller, file), file2);
        let expected = if path.ends_with(file2) { value2 } else { value };
        assert_eq!(read(&path), *expected, "{}", path.display());
    }
}

/// 64 MiB, half a processor and a third of the usual weight.
const LIMITS: &[Limit] = &[
    ["memory", "memory.limit_in_bytes", "67108864", "memory.max", "67108864"],
    ["cpu", "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000"],
    ["cpu", "cpu.cfs_period_us", "100000", "cpu.max", "50000 100000"],
    ["cpu", "cpu.shares", "341", "cpu.weight", "13"],
];

fn limits_reach_the_kernel(sandbox: &Sandbox) {
    let line = "echo started; exec sleep 1000";
    let options = ["--name=small", "--memory=64Mi", "--cpu=500m", "--cpu-shares=341"];
    let run = sandbox.run().shell_with(&options, line).shell_with(&["--name=free"], line);
    let mut pod = run.start();
    pod.wait_for_line_of("small", "started");
    pod.wait_for_line_of("free", "started");
    expect_limits(&pod, "small", LIMITS);
    // The other app is not limited.
    let path = group_file(&pod, "free", ("memory", "memory.limit_in_bytes"), "memory.max");
    let limit = read(&path);
    assert!(limit == "max" || limit.parse::<u64>().unwrap() > 1 << 50, "{limit}");
    let said = pod.stop();
    assert_eq!(said.err, "");
}

fn images_limit_their_apps(sandbox: &Sandbox) {
    let limit = |amount: &str| json!({"default": false, "request": amount, "limit": amount});
    let isolators = json!([
        {"name": "resource/memory", "value": limit("1Gi")},
        {"name": "resource/memory", "value": limit("64Mi")},
        {"name": "resource/cpu", "value": limit("500m")},
        {"name": "os/linux/cpu-shares", "value": 341},
        {"name": "example.com/nobody-knows", "value": {"a": 1}},
    ]);
    let image = Image::busybox("example.com/limits", sandbox).app("isolators", isolators).make(sandbox);
    let line = ["-c", "echo started; exec sleep 1000"];
    let mut pod = sandbox.run().app(&image, &["--exec=/bin/sh"], &line).start();
    pod.wait_for_line_of("limits", "started");
    expect_limits(&pod, "limits", LIMITS);
    pod.stop();
    // What is typed counts more than the image.
    let mut pod = sandbox.run().app(&image, &["--exec=/bin/sh", "--memory=32Mi"], &line).start();
    pod.wait_for_line_of("limits", "started");
    let path = group_file(&pod, "limits", ("memory", "memory.limit_in_bytes"), "memory.max");
    assert_eq!(read(&path), "33554432");
    pod.stop();
}

fn too_busy_an_app_is_slowed_down(sandbox: &Sandbox) {
    let mut pod = sandbox.run().shell_with(&["--cpu=50m"], "echo started; while :; do :; done").start();
    pod.wait_for_line("started");
    let path = group_file(&pod, "busybox", ("cpu", "cpu.stat"), "cpu.stat");
    wait_for("the kernel to slow the app down", || {
        let count =
            read(&path).lines().find_map(|line| line.strip_prefix("nr_throttled ")?.parse::<u64>().ok());
        count.filter(|count| *count > 0)
    });
    pod.stop();
}

/// Keeps 60 MB of zeros in memory.
const LARGE: &str = "tail -c 60m /dev/zero";

fn too_large_an_app_is_ended(sandbox: &Sandbox) {
    // The second name is one that control groups have a file of.
    for name in ["large", "memory"] {
        let options = [format!("--name={name}"), "--memory=16M".to_owned()];
        let options = options.each_ref().map(String::as_str);
        let ended = sandbox.run().shell_with(&options, &format!("exec {LARGE}")).end().code(9);
        let said = format!("app \"{name}\" was ended by the kernel because it used more memory than it may");
        assert!(ended.out.contains(&said), "{ended:?}");
        let list = sandbox.rkt_ok(["list", "--format=json", "--full"]);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let pod = list.as_array().unwrap().iter().find(|pod| pod["app_names"] == json!([name])).unwrap();
        assert_eq!((&pod["state"], &pod["apps"][0]["exit_code"]), (&json!("exited"), &json!(9)), "{list}");
    }
    // Nothing is said of an app that keeps to its limit, nor of one that was killed for another reason.
    for line in ["exit 9", "kill -KILL $$"] {
        let ended = sandbox.run().shell_with(&["--memory=16M"], line).end().code(9);
        assert!(!ended.out.contains("memory"), "{ended:?}");
    }
}

fn too_large_a_process_of_an_app_is_ended(sandbox: &Sandbox) {
    let line = format!("{LARGE} >/dev/null || echo lost; exit 5");
    let ended = sandbox.run().shell_with(&["--memory=16M"], &line).end();
    if Path::new(MEMORY).exists() {
        // The app goes on, and ends as it likes.
        let ended = ended.code(5);
        assert!(ended.lines().contains(&"lost".to_owned()), "{ended:?}");
        assert!(ended.out.contains("the kernel ended a process of app \"busybox\""), "{ended:?}");
    } else {
        // With control groups of version 2 systemd ends what is left of the app.
        assert!(ended.out.contains("app \"busybox\" was ended by the kernel"), "{ended:?}");
    }
}

fn controllers_cannot_be_changed_from_an_app(sandbox: &Sandbox) {
    let line = "ls -A /sys/fs | wc -l; mkdir /sys/fs/x 2>/dev/null || echo no; \
                echo x 2>/dev/null >/sys/fs/cgroup/cgroup.procs || echo no; echo started; exec sleep 1000";
    let mut pod = sandbox.run().shell_with(&["--memory=64M"], line).start();
    pod.wait_for_line("started");
    // Where systemd of the pod has them, only the pod's own group can be written to.
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", pod.first_process())).unwrap();
    let subcgroup = fs::read_to_string(pod.dir().join("subcgroup")).unwrap();
    let mut writable = 0;
    for line in mounts.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let (place, options) = (fields[4].replace("\\134", "\\"), fields[5]);
        let hierarchy = line.contains(" - cgroup ") && !line.contains("name=systemd");
        if !hierarchy || options.split(',').any(|option| option == "ro") {
            continue;
        }
        writable += 1;
        assert!(place.contains(subcgroup.trim()), "{line}");
    }
    assert_eq!(writable > 0, Path::new(MEMORY).exists(), "{mounts}");
    let ended = pod.stop();
    assert_eq!(ended.lines(), ["0", "no", "no", "started"]);
}

fn a_controller_that_is_not_there_is_told(sandbox: &Sandbox) {
    // As the kernel says with `cgroup_disable=memory`.
    let text = fs::read_to_string("/proc/cgroups").unwrap();
    let lines = text.lines().map(|line| match line.strip_prefix("memory\t") {
        Some(_) => "memory\t0\t1\t0".to_owned(),
        None => line.to_owned(),
    });
    let file = sandbox.at("cgroups");
    fs::write(&file, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    mount_bind(&file, "/proc/cgroups").unwrap();
    let ended = sandbox.run().shell_with(&["--memory=64M", "--cpu=500m"], "echo runs").end().ok();
    rustix::mount::unmount("/proc/cgroups", rustix::mount::UnmountFlags::DETACH).unwrap();
    assert_eq!(ended.line(), "runs");
    let ended = ended.says("resource/memory isolator set but support disabled in the kernel, skipping");
    assert!(!ended.err.contains("resource/cpu"), "{}", ended.err);
}

fn scores_for_the_end_of_memory(sandbox: &Sandbox) {
    let score = |option: &str| sandbox.run().shell_with(&[option], "cat /proc/self/oom_score_adj").end().ok();
    let ended = score("--oom-score-adj=250");
    assert_eq!((ended.line().as_str(), ended.err.as_str()), ("250", ""));
    let isolators = json!([{"name": "os/linux/oom-score-adj", "value": 77}]);
    let image = Image::busybox("example.com/score", sandbox).app("isolators", isolators).make(sandbox);
    let ended = sandbox.run().app(&image, &["--exec=/bin/cat"], &["/proc/self/oom_score_adj"]).end().ok();
    assert_eq!(ended.lines_of("score"), ["77"]);
    // Less than our own needs a capability that not every root has.
    let capabilities = rustix::thread::capabilities(None).unwrap().effective;
    let ended = score("--oom-score-adj=-100");
    if capabilities.contains(rustix::thread::CapabilitySet::SYS_RESOURCE) {
        assert_eq!((ended.line().as_str(), ended.err.as_str()), ("-100", ""));
    } else {
        let own = read(Path::new("/proc/self/oom_score_adj"));
        assert_eq!(ended.line(), own);
        ended.says(&format!(
            "os/linux/oom-score-adj -100 cannot be set without CAP_SYS_RESOURCE: the lowest is {own}"
        ));
    }
}

fn wrong_amounts_are_refused(sandbox: &Sandbox) {
    for (option, said) in [
        ("--memory=many", "many"),
        ("--memory=12", "write the unit too"),
        ("--cpu=fast", "fast"),
        ("--cpu-shares=1", "cpu-shares"),
        ("--cpu-shares=262145", "cpu-shares"),
        ("--oom-score-adj=1001", "oom-score-adj"),
        ("--oom-score-adj=-1001", "oom-score-adj"),
    ] {
        sandbox.run().shell_with(&[option], "true").end().fails(said);
    }
    let isolators = json!([{"name": "resource/memory", "value": {"limit": "much"}}]);
    let image = Image::busybox("example.com/wrong", sandbox).app("isolators", isolators).make(sandbox);
    sandbox.run().app(&image, &[], &[]).end().fails("app.isolators[0].value.limit: `much`");
}
