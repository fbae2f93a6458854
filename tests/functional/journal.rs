//! What apps write is in the pod's journal, and the pod's journal is among those of the host.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::common::ok;
use crate::harness::{Debian, Groups, Sandbox, Started, tests};

tests! {
    host: [
        the_host_shows_it,
        a_host_that_keeps_no_journal_has_no_link,
        members_of_the_group_may_read_it,
    ],
}

/// Runs a pod to its end on the host, and gives its UUID.
fn run(host: &Debian<'_>, sandbox: &Sandbox, line: &str) -> String {
    let file = sandbox.at("uuid-of-the-pod");
    let save = format!("--uuid-file-save={}", file.display());
    let command = host.at_a_shell(&sandbox.run().options([save]).shell(line).command());
    Started::new(sandbox, command).end().ok();
    fs::read_to_string(file).unwrap()
}

fn the_host_shows_it(sandbox: &Sandbox) {
    let host = Debian::boot(sandbox, "bookworm", Groups::AsHere, |_| ());
    let uuid = run(
        &host,
        sandbox,
        "echo from the app; echo and more >&2; logger -t named through syslog; sleep 0.3",
    );
    let id = uuid.replace('-', "");
    let link = host.says(["readlink", &format!("/var/log/journal/{id}")]);
    assert_eq!(
        link.trim(),
        format!("{}/pods/run/{uuid}/stage1/rootfs/var/log/journal/{id}", sandbox.data().display())
    );
    let journal = |words: &[&str]| {
        let machine = format!("_MACHINE_ID={id}");
        host.says([&["journalctl", "--merge", "--quiet", "--output=cat", &machine], words].concat())
    };
    assert_eq!(journal(&["SYSLOG_IDENTIFIER=busybox"]), "from the app\nand more\n");
    assert_eq!(journal(&["SYSLOG_IDENTIFIER=named"]), "through syslog\n");
    // By the name of the pod's host, which is that of the machine.
    let host_name = format!("_HOSTNAME=rkt-{uuid}");
    assert!(host.says(["journalctl", "--merge", "--quiet", &host_name]).contains("from the app"));
    host.expect_nothing_left();
}

fn a_host_that_keeps_no_journal_has_no_link(sandbox: &Sandbox) {
    let host = Debian::boot(sandbox, "bookworm", Groups::AsHere, |root| {
        fs::remove_dir(root.join("var/log/journal")).unwrap();
    });
    run(&host, sandbox, "echo from the app");
    assert!(!host.inside(["test", "-e", "/var/log/journal"]).status().unwrap().success());
    // For the look at the end.
    host.says(["mkdir", "/var/log/journal"]);
    host.expect_nothing_left();
}

/// The default access list of the pod's journal.
fn access_list(sandbox: &Sandbox, uuid: &str) -> Vec<u8> {
    let journal: PathBuf = sandbox.data().join("pods/run").join(uuid).join("stage1/rootfs/var/log/journal");
    let mut list = [0; 256];
    let length = rustix::fs::getxattr(&journal, "system.posix_acl_default", &mut list).unwrap();
    list[..length].to_vec()
}

fn members_of_the_group_may_read_it(sandbox: &Sandbox) {
    let group = sandbox.at("group");
    let number: u32 = 54_321;
    fs::write(&group, format!("{}rkt:x:{number}:\n", fs::read_to_string("/etc/group").unwrap())).unwrap();
    fs::set_permissions(&group, Permissions::from_mode(0o644)).unwrap();
    ok(Command::new("mount").arg("--bind").arg(&group).arg("/etc/group"));
    let pod = sandbox.sleeping();
    // As the kernel stores it: kind of entry, rights, number.
    let entry = [&[8, 0, 5, 0][..], &number.to_le_bytes()].concat();
    let list = access_list(sandbox, pod.uuid());
    assert!(list.windows(8).any(|part| part == entry), "{list:?}");
    pod.stop();
}
