//! What an app sees of the kernel's files: secrets are hidden, orders are not taken, and what every app may count on is there.

use std::collections::BTreeSet;

use crate::harness::{Sandbox, tests};

tests! {
    host: [
        secrets_are_hidden,
        orders_are_not_taken,
        all_is_open_when_that_is_asked_for,
        every_app_has_these_devices,
        the_journal_and_notifications_can_be_reached,
    ],
}

const HIDDEN: [&str; 11] = [
    "/proc/config.gz",
    "/proc/kallsyms",
    "/proc/sched_debug",
    "/proc/kcore",
    "/proc/kmem",
    "/proc/mem",
    "/sys/firmware",
    "/sys/fs",
    "/sys/hypervisor",
    "/sys/module",
    "/sys/power",
];

const READ_ONLY: [&str; 11] = [
    "/proc/bus",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sysrq-trigger",
    "/sys/block",
    "/sys/bus",
    "/sys/class",
    "/sys/dev",
    "/sys/devices",
    "/sys/kernel",
];

/// A test of the shell for each path, which tells those for which it holds.
fn those(paths: &[&str], test: &str) -> String {
    format!("for path in {}; do {test} && echo $path; done; true", paths.join(" "))
}

/// Whether there is something in a file or a directory.
const HOLDS_SOMETHING: &str =
    "if [ -d $path ]; then [ -n \"$(ls -A $path)\" ]; else [ -n \"$(head -c 1 $path 2>/dev/null)\" ]; fi";

const CAN_BE_WRITTEN_TO: &str = "touch -c $path 2>/dev/null";

/// Those that this kernel has at all.
fn of_this_kernel(paths: &[&str]) -> Vec<String> {
    paths.iter().filter(|path| std::fs::exists(path).unwrap()).map(|&path| path.to_owned()).collect()
}

fn secrets_are_hidden(sandbox: &Sandbox) {
    let ended = sandbox.shell(&those(&HIDDEN, HOLDS_SOMETHING)).ok();
    assert_eq!(ended.lines(), [""; 0]);
    // For users, too, who could read some of them on the host.
    let ended = sandbox.run().shell_with(&["--user=1000"], &those(&HIDDEN, HOLDS_SOMETHING)).end().ok();
    assert!(!ended.lines().iter().any(|line| HIDDEN.contains(&line.as_str())), "{ended:?}");
}

fn orders_are_not_taken(sandbox: &Sandbox) {
    // That they can be seen, and that root cannot write there.
    let ended = sandbox.shell(&those(&READ_ONLY, &format!("[ -e $path ] && ! {CAN_BE_WRITTEN_TO}"))).ok();
    assert_eq!(ended.lines(), of_this_kernel(&READ_ONLY));
    let line = "pattern=$(cat /proc/sys/kernel/core_pattern); \
                echo $pattern 2>&1 >/proc/sys/kernel/core_pattern || true";
    let ended = sandbox.shell(line).ok();
    assert!(ended.line().ends_with("Read-only file system"), "{ended:?}");
}

fn all_is_open_when_that_is_asked_for(sandbox: &Sandbox) {
    for option in ["paths", "all-run"] {
        let ended = sandbox.run().insecure(option).shell(&those(&HIDDEN, HOLDS_SOMETHING)).end().ok();
        let seen: BTreeSet<_> = ended.lines().into_iter().collect();
        for path in ["/proc/kallsyms", "/sys/fs", "/sys/module"] {
            assert!(seen.contains(path), "{path} {option}: {seen:?}");
        }
        let ended = sandbox
            .run()
            .insecure(option)
            .shell(&those(&READ_ONLY, &format!("[ -e $path ] && {CAN_BE_WRITTEN_TO}")))
            .end()
            .ok();
        assert_eq!(ended.lines(), of_this_kernel(&READ_ONLY), "{option}");
    }
}

/// Each row: a device, its numbers, and what shows that it works.
const DEVICES: &[(&str, &str, &str)] = &[
    ("null", "1:3", "echo x >/dev/null && wc -c </dev/null"),
    ("zero", "1:5", "head -c 4 /dev/zero | wc -c"),
    ("full", "1:7", "head -c 4 /dev/full | wc -c"),
    ("random", "1:8", "head -c 4 /dev/random | wc -c"),
    ("urandom", "1:9", "head -c 4 /dev/urandom | wc -c"),
    ("tty", "5:0", ""),
    ("ptmx", "5:2", "exec 3<>/dev/ptmx && ls /dev/pts | grep -c -v ptmx"),
    ("net/tun", "a:c8", ""),
];

fn every_app_has_these_devices(sandbox: &Sandbox) {
    for insecure in ["", "paths"] {
        let lines = DEVICES.iter().map(|(name, _, works)| {
            let works = if works.is_empty() { "echo -" } else { works };
            format!("echo $(stat -L -c %t:%T /dev/{name}) $({works})")
        });
        let line = lines.collect::<Vec<_>>().join("; ");
        let ended = sandbox.run().insecure(insecure).shell(&line).end().ok();
        let lines = ended.lines();
        for (line, (name, numbers, works)) in lines.iter().zip(DEVICES) {
            assert!(line.starts_with(numbers), "{name}: {line}");
            assert!(works.is_empty() || line.len() > numbers.len() + 1, "{name} does not work: {line}");
        }
        assert_eq!(lines.len(), DEVICES.len(), "{ended:?}");
        let line = "for path in /dev/console /dev/pts /dev/shm /proc/self /sys/devices; do [ -e $path ] || echo $path; done; \
                    touch /dev/shm/file && cat /proc/self/attr/current >/dev/null 2>&1; true";
        assert_eq!(sandbox.run().insecure(insecure).shell(line).end().ok().lines(), [""; 0], "{insecure}");
    }
}

fn the_journal_and_notifications_can_be_reached(sandbox: &Sandbox) {
    for insecure in ["", "paths"] {
        let line = "[ -S /dev/log ] && [ -S /run/systemd/notify ] && echo there";
        let ended = sandbox.run().insecure(insecure).shell(line).end().ok();
        assert_eq!(ended.line(), "there", "{insecure}");
    }
}
