//! Apps of pods that have run, written as images.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::mount::UnmountFlags;

use crate::scripted::{ScriptedPod, make_stage1};
use crate::support::{Bench, busybox, image_head, make_image, stage1_fly};

/// What an app does to its files.
const CHANGES: &str = "\
    echo one >/data/one; ln /data/one /data/two; ln -s one /data/three; touch /data/a-b; chown 1000:1000 /data/a-b; \
    chmod 4711 /data/a-b; \
    rm -r /etc; mkdir /etc; echo new >/etc/new; rm /bin/pwd; mkfifo /data/pipe; mkdir -m 1777 /data/a; echo x >/data/a/x";

/// Owner, mode and target of all entries of an image, and nothing that depends on when.
fn listing(aci: &Path) -> Vec<String> {
    let out = Command::new("tar").args(["--numeric-owner", "-tvf"]).arg(aci).output().expect("run tar");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let without_time = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        [&words[..2], &words[5..]].concat().join(" ")
    };
    text.lines().map(without_time).collect()
}

fn export(bench: &Bench, uuid: &str, name: &str) -> Vec<u8> {
    let out = bench.path(name);
    let ran = bench.rkt(&["export", uuid, &out.display().to_string()]).ok();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    fs::read(out).unwrap()
}

#[test]
fn what_an_app_has_done_is_in_the_image_and_nothing_else() {
    for more in [&[][..], &["--no-overlay"]] {
        let bench = Bench::new();
        let host = bench.path("host");
        fs::create_dir(&host).unwrap();
        fs::write(host.join("secret"), "of the host").unwrap();
        let volume = format!("--volume=v,kind=host,source={}", host.display());
        let pod = [&volume, "--mount=volume=v,target=/home"];
        bench
            .run(&[&pod[..], more, &[busybox(), "--exec=/bin/busybox", "--", "sh", "-c", CHANGES]].concat())
            .ok();
        let uuid = bench.only_pod("run");
        let before = bench.mounts();
        let first = export(&bench, &uuid, "first.aci");
        assert_eq!(bench.mounts(), before, "it leaves no mounts, and takes none away");

        let listed = listing(&bench.path("first.aci"));
        for line in [
            "-rw-r--r-- 0/0 manifest",
            "-rw-r--r-- 0/0 rootfs/data/one",
            "hrw-r--r-- 0/0 rootfs/data/two link to rootfs/data/one",
            "lrwxrwxrwx 0/0 rootfs/data/three -> one",
            "-rws--x--x 1000/1000 rootfs/data/a-b",
            "drwxrwxrwt 0/0 rootfs/data/a",
            "prw-r--r-- 0/0 rootfs/data/pipe",
            "-rw-r--r-- 0/0 rootfs/etc/new",
            "drwxr-xr-x 0/0 rootfs/home",
        ] {
            assert!(listed.contains(&line.to_owned()), "{line}\n{}", listed.join("\n"));
        }
        for gone in ["rootfs/etc/passwd", "rootfs/bin/pwd", "secret", "rootfs/proc/self", "rootfs/dev/null"] {
            assert!(!listed.iter().any(|line| line.contains(gone)), "{gone}");
        }
        assert_eq!(export(&bench, &uuid, "second.aci"), first, "the same bytes each time");
        // As after a restart of the machine.
        let dir = bench.data().join("pods/run").join(&uuid);
        let _ = rustix::mount::unmount(dir.join("stage1/rootfs"), UnmountFlags::DETACH);
        for mount in ["dev", "proc", "sys", "tmp", "home", ""] {
            let place = dir.join("stage1/rootfs/opt/stage2/busybox/rootfs").join(mount);
            let _ = rustix::mount::unmount(place, UnmountFlags::DETACH);
        }
        assert_eq!(bench.mounts(), [""; 0]);
        assert_eq!(export(&bench, &uuid, "third.aci"), first, "whether or not anything is mounted");
        // A pod that waits to be collected still has its files.
        bench.rkt(&["gc", "--mark-only"]).ok();
        assert_eq!(bench.states(), ["exited garbage"]);
        assert_eq!(export(&bench, &uuid, "fourth.aci"), first);
        bench.collect_all();

        // It is an image like any other.
        let image = bench.path("first.aci").display().to_string();
        let ran =
            bench.run(&[&image, "--exec=/bin/busybox", "--", "sh", "-c", "cat /data/two /etc/new"]).ok();
        assert_eq!(ran.out, "one\nnew\n");
        bench.collect_all();
    }
}

#[test]
fn refusals() {
    let bench = Bench::new();
    let (mut child, uuid) = bench.sleeping();
    let out = bench.path("out.aci");
    let name = out.display().to_string();
    bench.rkt(&["export", &uuid, "out.tar"]).fails("export: extension must be .aci (given .tar)");
    bench.rkt(&["export", &uuid, "out"]).fails("extension must be .aci (given )");
    bench.rkt(&["export", &uuid, &name]).fails("is running: only pods that exited can be exported");
    bench.rkt(&["stop", "--force", &uuid]).ok();
    child.wait().unwrap();
    bench.rkt(&["export", "--app=other", &uuid, &name]).fails("no app \"other\"").fails_with("busybox");
    fs::write(&out, "precious").unwrap();
    bench.rkt(&["export", &uuid, &name]).fails("target file exists (try --overwrite)");
    assert_eq!(fs::read(&out).unwrap(), b"precious");
    bench.rkt(&["export", "--overwrite", &uuid, &name]).ok();
    assert!(fs::metadata(&out).unwrap().len() > 1000);
    bench.rkt(&["export", &uuid, "/dev/full/x.aci"]).fails("cannot write /dev/full/x.aci");
    let prepared = bench.rkt(&["prepare", stage1_fly(), busybox()]).ok();
    bench.rkt(&["export", prepared.out.trim(), "none.aci"]).fails("is prepared: only pods that exited");
    bench.collect_all();
    assert!(!bench.path("none.aci").exists());
}

#[test]
fn one_of_several_apps() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let apps = [busybox(), "--name=one", busybox(), "--name=two"];
    let mut run = bench.command(&[&["run", &stage1][..], &apps].concat());
    assert!(run.env("AT_ONCE", "1").status().unwrap().success());
    let uuid = bench.only_pod("run");
    let dir = bench.data().join("pods/run").join(&uuid);
    fs::write(dir.join("stage1/rootfs/opt/stage2/two/rootfs/data/mine"), "two").unwrap();
    bench
        .rkt(&["export", &uuid, "out.aci"])
        .fails("specify app using \"rkt export --app= ...\"")
        .fails_with("Pod contains multiple apps:\n\tone\n\ttwo\n");
    bench.rkt(&["export", "--app=two", &uuid, "two.aci"]).ok();
    bench.rkt(&["export", "--app=one", &uuid, "one.aci"]).ok();
    let has = |name: &str| listing(&bench.path(name)).contains(&"-rw-r--r-- 0/0 rootfs/data/mine".to_owned());
    assert!(has("two.aci") && !has("one.aci"));
    bench.collect_all();
}

#[test]
fn owners_are_those_inside_the_pod() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let mut run = bench.command(&["run", &stage1, "--private-users", "--no-overlay", busybox()]);
    assert!(run.env("AT_ONCE", "1").status().unwrap().success());
    let uuid = bench.only_pod("run");
    let dir = bench.data().join("pods/run").join(&uuid);
    let range = fs::read_to_string(dir.join("private-users-prepared")).unwrap();
    let shift: u32 = range.strip_suffix(":65536").unwrap().parse().unwrap();
    let data = dir.join("stage1/rootfs/opt/stage2/busybox/rootfs/data");
    fs::write(data.join("user"), "").unwrap();
    std::os::unix::fs::chown(data.join("user"), Some(shift + 1000), Some(shift + 5)).unwrap();
    fs::write(data.join("host"), "").unwrap();
    let set = |name: &str, value: &[u8]| {
        rustix::fs::setxattr(data.join("host"), name, value, rustix::fs::XattrFlags::empty()).unwrap();
    };
    set("user.note", b"kept");
    // cap_net_bind_service, as a process of the pod's user namespace would have set it.
    let mut capability = vec![1, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    capability.extend(shift.to_le_bytes());
    set("security.capability", &capability);
    bench.rkt(&["export", &uuid, "out.aci"]).ok();
    let listed = listing(&bench.path("out.aci"));
    assert!(listed.contains(&"-rw-r--r-- 1000/5 rootfs/data/user".to_owned()), "{}", listed.join("\n"));
    let id = bench.rkt(&["fetch", "--full", "./out.aci"]).ok().out;
    bench.rkt(&["image", "extract", id.trim(), "out"]).ok();
    let get = |name: &str| {
        let mut value = vec![0; 64];
        let size = rustix::fs::getxattr(bench.path("out/rootfs/data/host"), name, &mut value[..]).unwrap();
        value.truncate(size);
        value
    };
    assert_eq!(get("user.note"), b"kept");
    assert_eq!(get("security.capability"), [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let others = listed.iter().filter(|line| !line.ends_with("/user"));
    assert!(
        others.clone().count() > 10 && others.clone().all(|line| line.contains(" 0/0 ")),
        "{}",
        listed.join("\n")
    );
    bench.collect_all();
}

#[test]
fn an_image_that_hid_files_hides_them_no_more() {
    let bench = Bench::new();
    let aci = bench.path("listed.aci");
    let more = r#","app":{"exec":["/bin/busybox"],"user":"0","group":"0"},"pathWhitelist":["/bin/busybox"]"#;
    make_image(&aci, &format!("{{{}{more}}}", image_head("example.com/listed", "1")), |root| {
        fs::create_dir(root.join("bin")).unwrap();
        fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        fs::write(root.join("bin/hidden"), "").unwrap();
    });
    let image = aci.display().to_string();
    bench.run(&[&image, "--", "sh", "-c", "echo new >/bin/new"]).ok();
    bench.rkt(&["export", &bench.only_pod("run"), "out.aci"]).ok();
    bench.collect_all();
    let listed = listing(&bench.path("out.aci")).join("\n");
    assert!(listed.contains("rootfs/bin/new") && !listed.contains("hidden"), "{listed}");
    let ran = bench.run(&["./out.aci", "--", "cat", "/bin/new"]).ok();
    assert_eq!(ran.out, "new\n");
    bench.collect_all();
}

#[test]
fn a_running_pod_of_a_supervisor_is_refused_too() {
    let bench = Bench::new();
    let stage1 = make_stage1(&bench, &[]);
    let pod = ScriptedPod::start(&bench, &["run", &stage1, busybox()], 1);
    bench.rkt(&["export", &pod.uuid, "out.aci"]).fails("only pods that exited can be exported");
    pod.stop(&bench);
    bench.collect_all();
}
