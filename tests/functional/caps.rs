//! Capabilities: which an app keeps, as images and options say, and what the host cannot give.

use std::fs;
use std::path::PathBuf;

use rustix::thread::CapabilitySet;
use serde_json::{Value, json};

use crate::harness::{Image, Run, Sandbox, tests};

tests! {
    host: [
        apps_keep_a_few,
        images_and_options_say_which,
        each_app_has_its_own,
        it_is_more_than_a_number,
        all_can_be_kept,
        users_other_than_root_have_none,
        what_the_host_does_not_have_is_told,
        wrong_sets_are_refused,
        the_pod_itself_cannot_do_everything,
    ],
}

/// What an app keeps when nobody says otherwise.
const DEFAULT: CapabilitySet = CapabilitySet::AUDIT_WRITE
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SYS_CHROOT);

const SHOW: &str = "grep ^Cap /proc/self/status";

/// A set of the lines of `/proc/PID/status`.
#[track_caller]
fn set(lines: &[String], name: &str) -> CapabilitySet {
    let line = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = u64::from_str_radix(line.unwrap_or_else(|| panic!("{name}: {lines:?}")).trim(), 16);
    CapabilitySet::from_bits_retain(number.unwrap())
}

/// Runs an app, and expects that root has these capabilities in it, and cannot get others.
#[track_caller]
fn expect(run: Run<'_>, app: &str, expected: CapabilitySet) {
    let lines = run.end().ok().lines_of(app);
    for name in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(set(&lines, name), expected, "{name}");
    }
    assert_eq!(set(&lines, "CapAmb"), CapabilitySet::empty());
}

fn image(sandbox: &Sandbox, isolators: &Value) -> PathBuf {
    Image::busybox("example.com/caps", sandbox).app("isolators", isolators.clone()).make(sandbox)
}

fn isolator(kind: &str, names: &[&str]) -> Value {
    json!({"name": format!("os/linux/capabilities-{kind}-set"), "value": {"set": names}})
}

fn apps_keep_a_few(sandbox: &Sandbox) {
    expect(sandbox.run().shell(SHOW), "busybox", DEFAULT);
}

fn images_and_options_say_which(sandbox: &Sandbox) {
    let retain = [isolator("retain", &["CAP_NET_ADMIN", "CAP_KILL"])];
    let remove = [isolator("remove", &["CAP_CHOWN", "CAP_NET_ADMIN"])];
    let twice = [isolator("remove", &["CAP_CHOWN"]), isolator("remove", &["CAP_KILL"])];
    let rows: &[(&[Value], &[&str], CapabilitySet)] = &[
        (&retain, &[], CapabilitySet::NET_ADMIN.union(CapabilitySet::KILL)),
        (&remove, &[], DEFAULT.difference(CapabilitySet::CHOWN)),
        (&twice, &[], DEFAULT.difference(CapabilitySet::CHOWN).difference(CapabilitySet::KILL)),
        (&[], &["--caps-retain=CAP_SYS_ADMIN"], CapabilitySet::SYS_ADMIN),
        (
            &[],
            &["--caps-remove=CAP_SYS_CHROOT, CAP_MKNOD"],
            DEFAULT.difference(CapabilitySet::SYS_CHROOT).difference(CapabilitySet::MKNOD),
        ),
        // The original's other spelling.
        (&[], &["--cap-retain=CAP_SYS_ADMIN,CAP_KILL"], CapabilitySet::SYS_ADMIN.union(CapabilitySet::KILL)),
        // An option takes the place of whatever the image says.
        (&retain, &["--caps-remove=CAP_KILL"], DEFAULT.difference(CapabilitySet::KILL)),
        (&remove, &["--caps-retain=CAP_CHOWN"], CapabilitySet::CHOWN),
        (&retain, &["--caps-retain=CAP_CHOWN"], CapabilitySet::CHOWN),
    ];
    for (isolators, options, expected) in rows {
        let image = image(sandbox, &json!(isolators));
        let options = [&["--exec=/bin/sh"], *options].concat();
        eprintln!("{isolators:?} {options:?}");
        expect(sandbox.run().app(image, &options, &["-c", SHOW]), "caps", *expected);
    }
}

fn each_app_has_its_own(sandbox: &Sandbox) {
    let run = sandbox.run().shell_with(&["--name=one", "--caps-retain=CAP_NET_ADMIN"], SHOW);
    let ended = run.shell_with(&["--name=two", "--caps-remove=CAP_KILL"], SHOW).end().ok();
    assert_eq!(set(&ended.lines_of("one"), "CapBnd"), CapabilitySet::NET_ADMIN);
    assert_eq!(set(&ended.lines_of("two"), "CapBnd"), DEFAULT.difference(CapabilitySet::KILL));
}

fn it_is_more_than_a_number(sandbox: &Sandbox) {
    let line = "touch /tmp/file; chown 5:5 /tmp/file 2>/dev/null && echo given || echo kept; \
                chroot / /bin/true 2>/dev/null && echo moved || echo stayed";
    for (option, expected) in [
        ("--caps-retain=CAP_CHOWN", ["given", "stayed"]),
        ("--caps-retain=CAP_SYS_CHROOT", ["kept", "moved"]),
        ("--caps-remove=CAP_CHOWN,CAP_SYS_CHROOT", ["kept", "stayed"]),
    ] {
        assert_eq!(sandbox.run().shell_with(&[option], line).end().ok().lines(), expected, "{option}");
    }
}

fn all_can_be_kept(sandbox: &Sandbox) {
    let all = rustix::thread::capabilities(None).unwrap().permitted;
    for option in ["capabilities", "all-run"] {
        let run = sandbox.run().shell(SHOW).insecure(option);
        expect(run, "busybox", all);
        let run = sandbox.run().shell_with(&["--caps-retain=CAP_CHOWN"], SHOW).insecure(option);
        expect(run, "busybox", all);
    }
}

fn users_other_than_root_have_none(sandbox: &Sandbox) {
    for options in [&["--user=1000"][..], &["--user=1000", "--caps-retain=CAP_SYS_ADMIN,CAP_CHOWN"]] {
        let lines = sandbox.run().shell_with(options, SHOW).end().ok().lines();
        for name in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            assert_eq!(set(&lines, name), CapabilitySet::empty(), "{name} {options:?}");
        }
        let bound =
            if options.len() == 1 { DEFAULT } else { CapabilitySet::SYS_ADMIN.union(CapabilitySet::CHOWN) };
        assert_eq!(set(&lines, "CapBnd"), bound, "{options:?}");
    }
}

fn what_the_host_does_not_have_is_told(sandbox: &Sandbox) {
    // rkt itself without a capability, as in a container.
    let run = sandbox.run().shell_with(&["--caps-retain=CAP_CHOWN,CAP_NET_ADMIN"], SHOW);
    let inner = run.command();
    let mut command = std::process::Command::new("setpriv");
    command.arg("--bounding-set=-net_admin").arg(inner.get_program()).args(inner.get_args());
    let ended = sandbox.ended_by(command).ok();
    assert_eq!(set(&ended.lines(), "CapBnd"), CapabilitySet::CHOWN);
    ended.says("app \"busybox\" cannot keep CAP_NET_ADMIN: rkt itself does not have it");
}

fn wrong_sets_are_refused(sandbox: &Sandbox) {
    for (options, said) in [
        (&["--caps-retain=CAP_NONE"][..], "there is no capability CAP_NONE"),
        (&["--caps-remove=CAP_KILL,chown"], "there is no capability chown"),
        (&["--caps-retain="], "caps-retain"),
        (&["--caps-retain=CAP_KILL,CAP_KILL"], "CAP_KILL"),
        (
            &["--caps-retain=CAP_KILL", "--caps-remove=CAP_CHOWN"],
            "--caps-retain and --caps-remove exclude each other",
        ),
    ] {
        sandbox.run().shell_with(options, "true").end().fails(said);
    }
    let both = [isolator("retain", &["CAP_KILL"]), isolator("remove", &["CAP_CHOWN"])];
    sandbox.run().app(image(sandbox, &json!(both)), &[], &[]).end().fails("capabilities");
    let odd = [isolator("retain", &["CAP_ODD"])];
    sandbox.run().app(image(sandbox, &json!(odd)), &[], &[]).end().fails("there is no capability CAP_ODD");
}

fn the_pod_itself_cannot_do_everything(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let status = fs::read_to_string(format!("/proc/{}/status", pod.first_process())).unwrap();
    let lines: Vec<_> = status.lines().map(str::to_owned).collect();
    let bound = set(&lines, "CapBnd");
    for (capability, kept) in [
        (CapabilitySet::SYS_ADMIN, true),
        (CapabilitySet::SYS_MODULE, false),
        (CapabilitySet::SYS_TIME, false),
        (CapabilitySet::SYS_RAWIO, false),
    ] {
        assert_eq!(bound.contains(capability), kept, "{capability:?}");
    }
    pod.stop();
}
