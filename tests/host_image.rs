//! The image of the host flavor: entry by entry that of rkt 1.30, but for what is listed here with its reason; and units that
//! systemd has nothing to say against.

mod common;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use common::programs::programs;
use common::{PROGRAM, Place, ok, text};

/// The entries of rkt 1.30's image, as `tar -tv` shows them.
const ORIGINAL: &str = include_str!("data/images/host-rkt-1.30.txt");

/// What the image has and the original's has not, with the reason.
const OURS: &[(&str, &str)] = &[
    ("-rwxr-xr-x rootfs/stage1", "one executable serves all programs"),
    ("lrwxrwxrwx rootfs/supervisor-status -> stage1", "supervisor-ready.service needs no shell"),
    ("drwxr-xr-x rootfs/usr/bin", "/bin leads to it from the start, not only once a pod runs"),
];

/// What the original's image has and this one has not, with the reason.
const NOT_OURS: &[(&str, &str)] = &[
    ("-rwxr-xr-x rootfs/usr/lib/rkt/plugins/net/bridge", "networks other than the host's are not there yet"),
    ("-rwxr-xr-x rootfs/usr/lib/rkt/plugins/net/dhcp", "networks other than the host's are not there yet"),
    ("-rwxr-xr-x rootfs/usr/lib/rkt/plugins/net/flannel", "networks other than the host's are not there yet"),
    (
        "-rwxr-xr-x rootfs/usr/lib/rkt/plugins/net/host-local",
        "networks other than the host's are not there yet",
    ),
    ("-rwxr-xr-x rootfs/usr/lib/rkt/plugins/net/ipvlan", "networks other than the host's are not there yet"),
    ("-rwxr-xr-x rootfs/usr/lib/rkt/plugins/net/macvlan", "networks other than the host's are not there yet"),
    ("-rwxr-xr-x rootfs/usr/lib/rkt/plugins/net/ptp", "networks other than the host's are not there yet"),
    ("-rwxr-xr-x rootfs/usr/lib/rkt/plugins/net/tuning", "networks other than the host's are not there yet"),
];

/// The programs of the original that are links to the one executable here.
const PROGRAMS: &[&str] = &[
    "app_add",
    "app_rm",
    "app_start",
    "app_stop",
    "attach",
    "diagnostic",
    "enter",
    "enterexec",
    "gc",
    "init",
    "iottymux",
    "prepare-app",
    "reaper.sh",
    "stop",
];

/// The image's entries as `tar -tv` shows them, without owner, size and time.
fn entries() -> BTreeSet<String> {
    let tar = ok(Command::new("tar").arg("-tvzf").arg(programs().stage1("host")));
    let tar = text(&tar.stdout);
    tar.lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            assert_eq!(words[1], "root/root", "{line}");
            format!("{} {}", words[0], words[5..].join(" "))
        })
        .collect()
}

#[test]
fn the_entries_are_those_of_the_original() {
    let mut expected: BTreeSet<String> = ORIGINAL.lines().map(str::to_owned).collect();
    assert_eq!(expected.len(), 63);
    for (line, reason) in NOT_OURS {
        assert!(expected.remove(*line), "{line} is not in the original's image ({reason})");
    }
    for program in PROGRAMS {
        assert!(expected.remove(&format!("-rwxr-xr-x rootfs/{program}")), "{program}");
        expected.insert(format!("lrwxrwxrwx rootfs/{program} -> stage1"));
    }
    for (line, reason) in OURS {
        assert!(expected.insert((*line).to_owned()), "{line} is in the original's image too ({reason})");
    }
    let entries = entries();
    let missing: Vec<_> = expected.difference(&entries).collect();
    let unexpected: Vec<_> = entries.difference(&expected).collect();
    assert!(missing.is_empty() && unexpected.is_empty(), "missing {missing:#?}\nunexpected {unexpected:#?}");
}

#[test]
fn it_keeps_the_contract() {
    let output = ok(Command::new(PROGRAM).arg("lint").arg(programs().stage1("host")));
    assert_eq!(text(&output.stdout), "");
}

/// Files that the engine brings into a pod before it starts, as far as the units of the image name them.
const OF_THE_HOST: &[&str] = &["systemctl", "systemd-sysusers"];

/// Units that the engine writes before a pod starts, as far as those of the image name them.
const OF_THE_ENGINE: &[(&str, &str)] = &[
    ("default.target", "[Unit]\nDescription=rkt apps target\nDefaultDependencies=false\n"),
    ("halt.target", "[Unit]\nDescription=Halt\nDefaultDependencies=false\nAllowIsolate=true\n"),
    (
        "app.service",
        "[Unit]\nDescription=An app\nDefaultDependencies=false\n[Service]\nExecStart=/usr/bin/systemctl\n",
    ),
];

#[test]
fn systemd_accepts_every_unit() {
    let place = Place::new();
    let root = place.at("root");
    fs::create_dir(&root).unwrap();
    ok(Command::new("tar")
        .arg("-C")
        .arg(&root)
        .args(["--strip-components=1", "-xzf"])
        .arg(programs().stage1("host"))
        .arg("rootfs"));
    for program in OF_THE_HOST {
        let from = ["/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(program));
        let from = from.into_iter().find(|path| path.exists());
        let from = from.unwrap_or_else(|| panic!("{program} is missing: install systemd"));
        fs::copy(from, root.join("usr/bin").join(program)).unwrap();
        fs::set_permissions(root.join("usr/bin").join(program), Permissions::from_mode(0o755)).unwrap();
    }
    let folder = root.join("usr/lib/systemd/system");
    let mut units: Vec<String> = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_dir() {
            units.push(entry.file_name().into_string().unwrap().replace("@.", "@app."));
        }
    }
    assert_eq!(units.len(), 11, "{units:?}");
    for (name, unit) in OF_THE_ENGINE {
        fs::write(folder.join(name), unit).unwrap();
    }
    // Together, and each by itself: one that is only loaded through another may be told about differently.
    let each = units.iter().map(std::slice::from_ref);
    for units in each.chain([&units[..]]) {
        let output = Command::new("systemd-analyze")
            .arg("verify")
            .arg(format!("--root={}", root.display()))
            .arg("--man=no")
            .args(units)
            .output()
            .expect("systemd-analyze (package systemd) runs");
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{units:?}: {}\n{said}", output.status);
    }
}
