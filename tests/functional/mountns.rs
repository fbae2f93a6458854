//! Mounts of an app: its own, which nobody else sees, and those that the host makes in its volumes.

use std::fs;

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};

use crate::harness::{Sandbox, tests};

tests! {
    host: [
        each_app_has_its_own_mounts,
        what_an_app_mounts_nobody_else_sees,
        what_the_host_mounts_in_a_volume_appears,
    ],
}

fn each_app_has_its_own_mounts(sandbox: &Sandbox) {
    let line = "readlink /proc/self/ns/mnt; readlink /proc/1/ns/mnt";
    let run = sandbox.run().shell_with(&["--name=one", "--caps-retain=CAP_SYS_PTRACE"], line);
    let ended = run.shell_with(&["--name=two", "--caps-retain=CAP_SYS_PTRACE"], line).end().ok();
    let (one, two) = (ended.lines_of("one"), ended.lines_of("two"));
    assert_eq!(one[1], two[1]);
    let host = fs::read_link("/proc/self/ns/mnt").unwrap().display().to_string();
    let all = [&one[0], &two[0], &one[1], &host];
    for (index, own) in all.iter().enumerate() {
        assert!(!all[..index].contains(own), "{all:?}");
    }
}

/// Options of an app that may mount.
const MOUNTS: [&str; 2] =
    ["--caps-retain=CAP_SYS_ADMIN,CAP_DAC_OVERRIDE", "--seccomp=mode=retain,@appc.io/all"];

fn what_an_app_mounts_nobody_else_sees(sandbox: &Sandbox) {
    let options = ["--volume=v,kind=empty", "--mount=volume=v,target=/shared"];
    let mounts = "mkdir /shared/dir && mount -t tmpfs seen /shared/dir && touch /shared/dir/file /shared/ready && echo started; exec sleep 1000";
    let run = sandbox.run().options(options).shell_with(&[&MOUNTS[..], &["--name=mounts"]].concat(), mounts);
    let looks = "while ! [ -e /shared/ready ]; do sleep 0.01; done; ls /shared/dir; grep -c seen /proc/self/mounts; exec sleep 1000";
    let mut pod = run.shell_with(&["--name=looks"], looks).start();
    pod.wait_for_line_of("mounts", "started");
    pod.wait_for_line_of("looks", "0");
    for process in ["self".to_owned(), pod.first_process().to_string()] {
        let seen = fs::read_to_string(format!("/proc/{process}/mounts")).unwrap();
        assert!(!seen.lines().any(|line| line.starts_with("seen ")), "{process}: {seen}");
    }
    assert!(
        fs::read_to_string(format!("/proc/{}/mounts", pod.process_of("mounts")))
            .unwrap()
            .contains("seen /shared/dir")
    );
    let ended = pod.stop();
    assert_eq!(ended.lines_of("looks"), ["0"]);
}

fn what_the_host_mounts_in_a_volume_appears(sandbox: &Sandbox) {
    let source = sandbox.at("source");
    fs::create_dir(&source).unwrap();
    mount("tmpfs", &source, "tmpfs", MountFlags::empty(), None).unwrap();
    // As the root of every host with systemd is.
    mount_change(&source, MountPropagationFlags::SHARED).unwrap();
    fs::create_dir(source.join("later")).unwrap();
    let volume = format!("--volume=v,kind=host,source={}", source.display());
    let line = "echo started; while ! [ -e /data/later/file ]; do sleep 0.01; done; cat /data/later/file; \
                while [ -e /data/later/file ]; do sleep 0.01; done; echo gone";
    let mut pod =
        sandbox.run().options([volume]).shell_with(&["--mount=volume=v,target=/data"], line).start();
    pod.wait_for_line("started");
    let later = source.join("later");
    mount("tmpfs", &later, "tmpfs", MountFlags::empty(), None).unwrap();
    fs::write(later.join("file"), "from the host\n").unwrap();
    pod.wait_for_line("from the host");
    unmount(&later, UnmountFlags::empty()).unwrap();
    let ended = pod.end().ok();
    assert_eq!(ended.lines(), ["started", "from the host", "gone"]);
    unmount(&source, UnmountFlags::empty()).unwrap();
}
