//! What people and distributions do around `rkt`: pipes, groups, namespaces, stage1 images of others.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::support::{Bench, Ran, busybox, make_image, stage1_fly, stage1_manifest, wait_for};

#[test]
fn nobody_reads_what_is_printed() {
    let bench = Bench::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = bench.command(&["list"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    let ran = (ran.status.to_string(), String::from_utf8_lossy(&ran.stderr).into_owned());
    assert!(ran.0.contains("SIGPIPE") && ran.1.is_empty(), "{ran:?}");
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for command in ["list", "version"] {
        let ran = bench.command(&[command]).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        Ran::of(ran).fails(&format!("{command}: No space left on device"));
    }
}

#[test]
fn a_data_directory_that_hands_down_its_group() {
    let bench = Bench::new();
    let data = bench.data();
    fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, None, Some(7)).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o2750)).unwrap();
    let ran = bench.run(&[busybox(), "--", "-c", "cd /; mkdir x; ls -ldn . x"]).ok();
    for line in ran.out.lines() {
        assert!(line.starts_with("drwxr-xr-x") && line.contains(" 0        0 "), "{}", ran.out);
    }
    let uuid = bench.only_pod("run");
    let overlay = data.join("pods/run").join(uuid).join("overlay");
    let all = fs::read_dir(&overlay).unwrap().map(|entry| entry.unwrap().path()).chain([overlay.clone()]);
    for path in all {
        use std::os::unix::fs::MetadataExt as _;
        let about = fs::metadata(&path).unwrap();
        assert_eq!((about.mode() & 0o7777, about.gid()), (0o750, 7), "{}", path.display());
    }
    bench.collect_all();
}

#[test]
fn networks_are_the_business_of_stage1() {
    let bench = Bench::new();
    let aci = bench.path("stage1-other.aci");
    make_image(&aci, &stage1_manifest("example.com/stage1-other", "1"), |root| {
        fs::create_dir_all(root.join("rkt/status")).unwrap();
        for name in ["run", "enter", "gc", "stop"] {
            fs::write(root.join(name), "#!/bin/sh\necho \"$@\"\n").unwrap();
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
    });
    let stage1 = format!("--stage1-path={}", aci.display());
    for (flags, told) in [
        (&[][..], "--net=default"),
        (&["--net"], "--net=default"),
        (&["--net=none"], "--net=none"),
        (&["--net=b:IP=10.0.0.2;X=y", "--net=a"], "--net=b:IP=10.0.0.2;X=y,a"),
    ] {
        let ran = bench.rkt(&[&["run", &stage1], flags, &[busybox()]].concat()).ok();
        assert!(ran.out.starts_with(&format!("{told} --local-config=/nonexistent ")), "{}", ran.out);
        assert_eq!(ran.err, "");
    }
    let warned = bench.rkt(&["run", stage1_fly(), "--net=a", busybox(), "--", "-c", "true"]).ok();
    assert!(warned.err.contains("--net=a has no effect"), "{}", warned.err);
    bench.collect_all();
}

#[test]
fn pods_of_other_mount_namespaces() {
    for more in [&[][..], &["--no-overlay"]] {
        let bench = Bench::new();
        let file = bench.path("uuid");
        let save = format!("--uuid-file-save={}", file.display());
        let app = [busybox(), "--environment=MARK=here", "--exec=/bin/sleep", "--", "1000"];
        let run = bench.command(&[&["run", stage1_fly(), &save], more, &app].concat());
        // As a service manager may do it.
        let mut apart = Command::new("unshare");
        apart.args(["--mount", "--propagation", "private"]).arg(run.get_program()).args(run.get_args());
        let mut child = apart.current_dir(run.get_current_dir().unwrap()).spawn().unwrap();
        wait_for("the app to be executed", || {
            let exe = fs::read_link(format!("/proc/{}/exe", child.id()));
            exe.is_ok_and(|exe| exe.ends_with("busybox"))
        });
        let uuid = fs::read_to_string(&file).unwrap();
        let inside = bench.rkt(&["enter", &uuid, "/bin/sh", "-c", "echo $MARK; cat /etc/passwd"]).ok();
        assert!(inside.out.starts_with("here\nroot:x:0:0:root:/:/bin/sh\n"), "{}", inside.out);
        assert_eq!(bench.rkt(&["stop", &uuid]).ok().out, format!("\"{uuid}\"\n"));
        child.wait().unwrap();
        bench.collect_all();
    }
}

#[test]
fn debug_tells_where_images_come_from() {
    let bench = Bench::new();
    let id = bench.rkt(&["fetch", "--full", busybox()]).ok().out;
    let id = id.trim_end();
    for (image, told) in [
        (busybox(), format!("image: using image from file {}\n", busybox())),
        (id, format!("image: using image from the store with hash {id}\n")),
        (
            "example.com/busybox:1.0.0",
            "image: using image from local store for image name example.com/busybox:1.0.0\n".to_owned(),
        ),
    ] {
        let ran = bench.rkt(&["--debug", "prepare", stage1_fly(), image]).ok();
        assert!(ran.err.contains(&told), "{}", ran.err);
        let silent = bench.rkt(&["prepare", stage1_fly(), image]).ok();
        assert_eq!(silent.err, "");
    }
    bench.collect_all();
}
