//! Pods in a user namespace, whose root is nobody on the host: who owns what, inside and outside.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::json;

use crate::harness::{Image, Pod, Run, Sandbox, tests};

tests! {
    host: [
        files_belong_to_the_same_users_inside,
        what_an_app_makes_belongs_to_others_outside,
        empty_volumes_belong_to_the_pod,
        volumes_of_the_host_belong_to_nobody,
        those_who_enter_are_in_it,
        limits_hold,
        files_of_the_pod_can_be_read,
        programs_before_an_app_run_as_its_root,
        prepared_pods_keep_their_users,
        users_that_it_does_not_have_are_refused,
        it_does_not_go_with_an_overlay,
        devices_are_not_restricted_and_that_is_told,
    ],
}

const OPTIONS: [&str; 2] = ["--private-users", "--no-overlay"];

fn private(sandbox: &Sandbox) -> Run<'_> {
    sandbox.run().options(OPTIONS)
}

/// The host's number of the pod's root user.
fn root_of(pod: &Pod<'_>) -> u32 {
    let map = fs::read_to_string(format!("/proc/{}/uid_map", pod.first_process())).unwrap();
    let fields: Vec<u32> = map.split_whitespace().map(|field| field.parse().unwrap()).collect();
    let [0, shift, 65536] = fields[..] else { panic!("{map}") };
    assert!(shift >= 65536);
    shift
}

/// Owner and group of a file.
fn owner(path: &Path) -> (u32, u32) {
    let meta = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (meta.uid(), meta.gid())
}

/// Root of an app in the pod's directory on the host.
fn root_outside(pod: &Pod<'_>, app: &str) -> PathBuf {
    pod.dir().join("stage1/rootfs/opt/stage2").join(app).join("rootfs")
}

/// An image with files of several owners.
fn image(sandbox: &Sandbox) -> PathBuf {
    let image = Image::busybox("example.com/owners", sandbox)
        .file("/of-root", 0o600, "root\n")
        .file("/of-alice", 0o600, "alice\n")
        .directory("/of-others", 0o700)
        .link("/link", "/of-alice");
    for (path, uid, gid) in [("/of-alice", 1000, 100), ("/of-others", 2000, 3000), ("/link", 1000, 100)] {
        lchown(image.at(path), Some(uid), Some(gid)).unwrap();
    }
    image.make(sandbox)
}

const OWNERS: &[(&str, (u32, u32))] =
    &[("of-root", (0, 0)), ("of-alice", (1000, 100)), ("of-others", (2000, 3000)), ("link", (1000, 100))];

fn files_belong_to_the_same_users_inside(sandbox: &Sandbox) {
    let line = ["-c", "stat -c '%n %u %g' of-root of-alice of-others link; exec sleep 1000"];
    let mut pod = private(sandbox).app(image(sandbox), &["--exec=/bin/sh"], &line).start();
    pod.wait_for_line_of("owners", "link 1000 100");
    let (shift, root) = (root_of(&pod), root_outside(&pod, "owners"));
    for (name, (uid, gid)) in OWNERS {
        assert_eq!(owner(&root.join(name)), (shift + uid, shift + gid), "{name}");
    }
    let lines = pod.stop().lines_of("owners");
    assert_eq!(
        lines,
        OWNERS.iter().map(|(name, (uid, gid))| format!("{name} {uid} {gid}")).collect::<Vec<_>>()
    );
}

fn what_an_app_makes_belongs_to_others_outside(sandbox: &Sandbox) {
    let line = "touch /tmp/mine && chown 7:8 /tmp/mine && mknod /tmp/null c 1 3 2>/dev/null || echo no device; \
                cat /of-alice && echo done; exec sleep 1000";
    let mut pod = private(sandbox).app(image(sandbox), &["--exec=/bin/sh"], &["-c", line]).start();
    pod.wait_for_line_of("owners", "done");
    let shift = root_of(&pod);
    assert_eq!(owner(&root_outside(&pod, "owners").join("tmp/mine")), (shift + 7, shift + 8));
    let process = fs::metadata(format!("/proc/{}", pod.process_of("owners"))).unwrap();
    assert_eq!(process.uid(), shift);
    assert_eq!(pod.stop().lines_of("owners"), ["no device", "alice", "done"]);
    // Users of the pod are the same inside as without a namespace.
    let options = ["--exec=/bin/sh", "--user=1000", "--group=100"];
    let line = ["-c", "id -u; id -g; cat /of-alice; cat /of-root 2>/dev/null || echo no"];
    let ended = private(sandbox).app(image(sandbox), &options, &line).end().ok();
    assert_eq!(ended.lines_of("owners"), ["1000", "100", "alice", "no"]);
}

fn empty_volumes_belong_to_the_pod(sandbox: &Sandbox) {
    let volumes = ["--volume=e,kind=empty", "--volume=o,kind=empty,uid=5,gid=6,mode=0770"];
    let mounts = ["--mount=volume=e,target=/new/empty", "--mount=volume=o,target=/owned"];
    let line = "stat -c '%a %u %g' /new /new/empty /owned; touch /new/empty/file /new/file /owned/file && echo done; exec sleep 1000";
    let mut pod = private(sandbox).options(volumes).shell_with(&mounts, line).start();
    pod.wait_for_line("done");
    let (shift, shared) = (root_of(&pod), pod.dir().join("sharedVolumes"));
    assert_eq!(owner(&shared.join("e")), (shift, shift));
    assert_eq!(owner(&shared.join("o")), (shift + 5, shift + 6));
    assert_eq!(owner(&shared.join("o/file")), (shift, shift));
    // So do the places that were made for them.
    assert_eq!(pod.stop().lines(), ["755 0 0", "755 0 0", "770 5 6", "done"]);
}

fn volumes_of_the_host_belong_to_nobody(sandbox: &Sandbox) {
    let source = sandbox.at("source");
    fs::create_dir(&source).unwrap();
    for (name, mode) in [("for-all", 0o644), ("for-root", 0o600)] {
        fs::write(source.join(name), format!("{name}\n")).unwrap();
        fs::set_permissions(source.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let volume = format!("--volume=v,kind=host,source={}", source.display());
    let line = "stat -c '%u %g' /data /data/for-all; cat /data/for-all; cat /data/for-root 2>/dev/null || echo no; \
                touch /data/new 2>/dev/null || echo no";
    let ended =
        private(sandbox).options([volume]).shell_with(&["--mount=volume=v,target=/data"], line).end().ok();
    assert_eq!(ended.lines(), ["65534 65534", "65534 65534", "for-all", "no", "no"]);
    assert_eq!(owner(&source.join("for-all")), (0, 0));
}

fn those_who_enter_are_in_it(sandbox: &Sandbox) {
    let mut pod = private(sandbox).shell("echo started; exec sleep 1000").start();
    pod.wait_for_line("started");
    let shift = root_of(&pod);
    let line =
        "id -u; cat /proc/self/uid_map; touch /entered; mount -t tmpfs none /proc 2>/dev/null || echo no";
    let entered = pod.enter(["/bin/sh", "-c", line]).ok();
    let words: Vec<_> = entered.out.split_whitespace().collect();
    assert_eq!(words[..4], ["0", "0", &shift.to_string(), "65536"]);
    assert_eq!(owner(&root_outside(&pod, "busybox").join("entered")), (shift, shift));
    pod.stop();
}

fn limits_hold(sandbox: &Sandbox) {
    let ended = private(sandbox).shell_with(&["--memory=16M"], "exec tail -c 60m /dev/zero").end().code(9);
    assert!(
        ended.out.contains("was ended by the kernel because it used more memory than it may"),
        "{ended:?}"
    );
    let ended =
        private(sandbox).shell_with(&["--caps-retain=CAP_CHOWN"], "grep CapEff /proc/self/status").end();
    assert_eq!(ended.ok().line(), "CapEff:\t0000000000000001");
    private(sandbox).app(sandbox.app(), &["--exec=/bin/hostname"], &["other"]).end().code(31);
}

fn files_of_the_pod_can_be_read(sandbox: &Sandbox) {
    let run = private(sandbox).options(["--dns=192.0.2.1", "--hosts-entry=192.0.2.2=two", "--hostname=me"]);
    let line = "grep nameserver /etc/resolv.conf; grep two /etc/hosts; cat /etc/hostname; echo x 2>/dev/null >>/etc/hosts || echo no";
    let ended = run.shell_with(&["--user=1000"], line).end().ok();
    assert_eq!(ended.lines(), ["nameserver 192.0.2.1", "192.0.2.2 two", "me", "no"]);
}

fn programs_before_an_app_run_as_its_root(sandbox: &Sandbox) {
    let handlers = json!([{"name": "pre-start", "exec": ["/bin/sh", "-c", "id -u >/before; cat /proc/self/uid_map >>/before"]}]);
    let image = Image::busybox("example.com/before", sandbox).app("eventHandlers", handlers).make(sandbox);
    let options = ["--exec=/bin/sh", "--user=1000"];
    let ended =
        private(sandbox).app(image, &options, &["-c", "cat /before; cat /proc/self/uid_map"]).end().ok();
    let lines = ended.lines_of("before");
    assert_eq!((lines[0].as_str(), &lines[1]), ("0", &lines[2]));
}

fn prepared_pods_keep_their_users(sandbox: &Sandbox) {
    let prepared = sandbox.prepare().options(OPTIONS).shell("cat /proc/self/uid_map").end().ok();
    let uuid = prepared.out.trim();
    let users = sandbox.data().join("pods/prepared").join(uuid).join("private-users-prepared");
    let users = fs::read_to_string(users).unwrap();
    let ended = sandbox.ended(["run-prepared", "--net=host", uuid]).ok();
    let words: Vec<_> = ended.line().split_whitespace().map(str::to_owned).collect();
    assert_eq!(format!("{}:{}", words[1], words[2]), users.trim());
}

fn users_that_it_does_not_have_are_refused(sandbox: &Sandbox) {
    for (option, said) in [
        ("--user=65536", "the pod's user namespace has no user 65536, only 0 to 65535"),
        ("--group=70000", "the pod's user namespace has no group 70000, only 0 to 65535"),
        ("--supplementary-gids=5,4294967294", "the pod's user namespace has no group 4294967294"),
    ] {
        private(sandbox).shell_with(&[option], "true").end().fails(said);
    }
}

fn it_does_not_go_with_an_overlay(sandbox: &Sandbox) {
    let ended = sandbox.run().options(["--private-users"]).shell("true").end();
    ended.fails("cannot use both overlay and user namespace").says("--no-overlay");
    assert_eq!(sandbox.pods(), [""; 0]);
}

fn devices_are_not_restricted_and_that_is_told(sandbox: &Sandbox) {
    let node = sandbox.at("zero");
    mknodat(CWD, &node, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(1, 5)).unwrap();
    fs::set_permissions(&node, fs::Permissions::from_mode(0o666)).unwrap();
    let volume = format!("--volume=v,kind=host,source={},readOnly=true", node.display());
    let line = "head -c 3 /dev/of-the-host | wc -c; (: >/dev/of-the-host) && echo written";
    let run =
        private(sandbox).options([volume]).shell_with(&["--mount=volume=v,target=/dev/of-the-host"], line);
    let ended = run.end().ok();
    assert_eq!(ended.lines(), ["3", "written"]);
    ended.says("app \"busybox\" can write to the device of volume \"v\" although that is read-only");
}
