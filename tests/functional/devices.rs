//! Devices: those that every app may use, those that none may, and those that come as volumes.

use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use crate::harness::{Run, Sandbox, tests};

tests! {
    host: [
        the_usual_ones_can_be_made,
        others_cannot,
        a_volume_can_be_a_device,
        a_read_only_volume_is_a_device_to_be_read,
        all_can_be_made_when_that_is_asked_for,
    ],
}

/// Makes a node and tries to read and to write.
const TRY: &str = "try() { mknod /tmp/$1 $2 $3 $4 2>/dev/null || { echo $1 not made; return; }; use /tmp/$1; }; \
                   use() { (: <$1) 2>/dev/null && echo $1 read; (: >>$1) 2>/dev/null && echo $1 written; }; ";

fn the_usual_ones_can_be_made(sandbox: &Sandbox) {
    let ended = sandbox.shell(&format!("{TRY} try null c 1 3; try zero c 1 5; try urandom c 1 9; true")).ok();
    let each =
        ["null", "zero", "urandom"].map(|name| [format!("/tmp/{name} read"), format!("/tmp/{name} written")]);
    assert_eq!(ended.lines(), each.concat());
}

/// The kernel's log: no app may use it, every kernel has it.
const LOG: (u32, u32) = (1, 11);

fn others_cannot(sandbox: &Sandbox) {
    for options in [&[][..], &["--caps-retain=CAP_MKNOD,CAP_SYSLOG,CAP_SYS_RAWIO,CAP_SYS_ADMIN"]] {
        let line = format!("{TRY} try log c 1 11; try memory c 1 1; try disk b 7 0; true");
        let ended = sandbox.run().shell_with(options, &line).end().ok();
        assert_eq!(ended.lines(), ["log not made", "memory not made", "disk not made"], "{options:?}");
    }
}

/// A node of the kernel's log on the host.
fn node(sandbox: &Sandbox) -> PathBuf {
    let path = sandbox.at("log");
    let device = makedev(LOG.0, LOG.1);
    mknodat(CWD, &path, FileType::CharacterDevice, Mode::from_raw_mode(0o600), device).unwrap();
    path
}

fn with_volume<'a>(sandbox: &'a Sandbox, more: &str) -> Run<'a> {
    let volume = format!("--volume=v-1,kind=host,source={}{more}", node(sandbox).display());
    sandbox.run().options([volume])
}

/// Who may read the log may use it.
const OPTIONS: [&str; 2] = ["--caps-retain=CAP_MKNOD,CAP_SYSLOG", "--mount=volume=v-1,target=/dev/the/log"];

fn a_volume_can_be_a_device(sandbox: &Sandbox) {
    let run = with_volume(sandbox, "");
    // The device is allowed, wherever its node is; other devices are not, and other apps may not use it.
    let line = format!("{TRY} use /dev/the/log; try log c 1 11; try disk b 7 0; true");
    let run = run.shell_with(&[&OPTIONS[..], &["--name=one"]].concat(), &line);
    let ended = run.shell_with(&["--name=two"], &format!("{TRY} try log c 1 11; true")).end().ok();
    let one = ["/dev/the/log read", "/dev/the/log written", "log not made", "disk not made"];
    assert_eq!(ended.lines_of("one"), one);
    assert_eq!(ended.lines_of("two"), ["log not made"]);
}

fn a_read_only_volume_is_a_device_to_be_read(sandbox: &Sandbox) {
    let run = with_volume(sandbox, ",readOnly=true");
    let ended = run.shell_with(&OPTIONS, &format!("{TRY} use /dev/the/log; true")).end().ok();
    assert_eq!(ended.lines(), ["/dev/the/log read"]);
}

fn all_can_be_made_when_that_is_asked_for(sandbox: &Sandbox) {
    let options = ["--caps-retain=CAP_MKNOD,CAP_SYSLOG"];
    let run = sandbox.run().insecure("paths");
    let ended = run.shell_with(&options, &format!("{TRY} try log c 1 11; try disk b 7 99; true")).end().ok();
    // There may be no such disk, but there is a node.
    assert_eq!(ended.lines()[..2], ["/tmp/log read", "/tmp/log written"]);
    assert!(!ended.lines().contains(&"disk not made".to_owned()), "{ended:?}");
}
