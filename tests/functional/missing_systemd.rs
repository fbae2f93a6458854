//! Hosts on which systemd is missing, too old or incomplete: one error says all that pods lack, and what needs it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::mount::{MountFlags, mount};

use crate::common::{ok, text};
use crate::harness::{Ended, Sandbox, tests};

tests! {
    host: [
        nothing_in_path,
        too_old,
        nothing_that_tells_its_version,
        programs_and_units,
        a_library,
        everything_together,
    ],
}

/// Hides a file of the host from this test, by something that is no regular file.
fn hide(path: &Path) {
    ok(Command::new("mount").args(["--bind", "/dev/null"]).arg(path));
}

/// The file of the host with one of these names.
fn host_file(names: &[&str]) -> PathBuf {
    let found = names.iter().map(Path::new).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{names:?}: tests/setup installs systemd")).to_owned()
}

fn unit(name: &str) -> PathBuf {
    host_file(&[&format!("/usr/lib/systemd/system/{name}"), &format!("/lib/systemd/system/{name}")])
}

fn program(name: &str) -> PathBuf {
    host_file(&[&format!("/usr/lib/systemd/{name}"), &format!("/lib/systemd/{name}")])
}

/// Takes a library away from everybody in this test, and gives its name. Mounting over it would leave a file that the
/// loader looks at.
fn without_library(sandbox: &Sandbox) -> String {
    let systemd = program("systemd");
    let said = text(&ok(Command::new("ldd").arg(&systemd)).stdout);
    let library = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("libseccomp.so")?.split(" => ").nth(1)?.split(' ').next())
        .unwrap_or_else(|| panic!("systemd without libseccomp: {said}"));
    let library = Path::new(library);
    let directory = library.parent().unwrap().canonicalize().unwrap();
    let name = library.file_name().unwrap();
    let [upper, work] = ["upper", "work"].map(|name| sandbox.at(name));
    for dir in [&upper, &work] {
        fs::create_dir_all(dir).unwrap();
    }
    // What overlayfs takes for a file that was deleted.
    ok(Command::new("mknod").arg(upper.join(name)).args(["c", "0", "0"]));
    let options =
        format!("lowerdir={},upperdir={},workdir={}", directory.display(), upper.display(), work.display());
    let options = std::ffi::CString::new(options).unwrap();
    mount("overlay", &directory, "overlay", MountFlags::empty(), options.as_c_str()).unwrap();
    assert!(!library.exists());
    name.to_str().unwrap().to_owned()
}

fn run(sandbox: &Sandbox, path: &str) -> Ended {
    let ended = sandbox.run().env("PATH", path).shell("echo ran").end();
    assert_eq!(ended.out, "");
    ended.fails("stage1: the host lacks what pods of flavor host need:\n")
}

fn own_path() -> String {
    std::env::var("PATH").unwrap()
}

/// A program for the beginning of PATH.
fn wrapper(sandbox: &Sandbox, script: &str) -> String {
    let dir = sandbox.at("wrappers");
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("systemd-nspawn");
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", dir.display(), own_path())
}

/// The lines of all misses.
fn misses(ended: &Ended) -> Vec<&str> {
    let (_, told) = ended.err.split_once("need:\n").unwrap();
    let (told, _) = told.split_once("stage1: hint: ").unwrap();
    told.lines().collect()
}

fn nothing_in_path(sandbox: &Sandbox) {
    let ended = run(sandbox, "/nonexistent");
    let expected = [
        "systemd-nspawn, needed for starting pods: not in PATH",
        "systemctl, needed for exit codes, and changing pods: not in PATH",
        "systemd-sysusers, needed for names of users: not in PATH",
    ];
    assert_eq!(misses(&ended), expected);
    ended.says("systemd-container").says("rkt check-host");
}

fn too_old(sandbox: &Sandbox) {
    let path = wrapper(sandbox, "echo 'systemd 219'; echo '+PAM -AUDIT'");
    let ended = run(sandbox, &path);
    assert_eq!(misses(&ended), ["systemd-nspawn is of systemd 219, and 220 or newer is needed"]);
    ended.says("another flavor");
    // The same program is good enough when it says so, and then it is what runs pods.
    let real = text(&ok(Command::new("sh").args(["-c", "command -v systemd-nspawn"])).stdout);
    let path = wrapper(sandbox, &format!("exec {} \"$@\"", real.trim()));
    assert_eq!(sandbox.run().env("PATH", path).shell("echo ran").end().ok().line(), "ran");
}

fn nothing_that_tells_its_version(sandbox: &Sandbox) {
    for (script, part) in [
        ("exit 3", "--version failed: exit status: 3"),
        ("echo 'sysvinit 2.96'", "does not say \"systemd NUMBER\", but \"sysvinit 2.96\""),
    ] {
        let ended = run(sandbox, &wrapper(sandbox, script));
        let misses = misses(&ended);
        assert!(misses.len() == 1 && misses[0].contains(part), "{misses:?}");
    }
}

fn programs_and_units(sandbox: &Sandbox) {
    let unit = unit("systemd-journald.socket");
    hide(&unit);
    hide(&program("systemd-shutdown"));
    hide(&host_file(&["/usr/bin/systemd-sysusers", "/bin/systemd-sysusers"]));
    let ended = run(sandbox, &own_path());
    let expected = [
        "systemd-shutdown, needed for ending a pod: not in /usr/lib/systemd or /lib/systemd",
        "systemd-sysusers, needed for names of users: not in PATH",
        "systemd-journald.socket, needed for the output of apps: not in /usr/lib/systemd/system or /lib/systemd/system",
    ];
    assert_eq!(misses(&ended), expected);
}

fn a_library(sandbox: &Sandbox) {
    let library = without_library(sandbox);
    let ended = run(sandbox, &own_path());
    let wanting: Vec<_> = misses(&ended)
        .into_iter()
        .filter_map(|miss| {
            miss.strip_prefix(&library)?.strip_prefix(", needed by ")?.split(": not found").next()
        })
        .collect();
    // Of what systemd consists of, and nothing of what it does not.
    assert!(!wanting.is_empty(), "{}", ended.err);
    for path in wanting {
        let needs = text(&ok(Command::new("objdump").args(["-p", path])).stdout);
        assert!(needs.contains(&library), "{path}: {needs}");
    }
}

fn everything_together(sandbox: &Sandbox) {
    let library = without_library(sandbox);
    hide(&unit("systemd-journald.service"));
    let ended = run(sandbox, &wrapper(sandbox, "echo 'systemd 219'"));
    for part in ["is of systemd 219", "systemd-journald.service, needed for", library.as_str()] {
        assert!(misses(&ended).iter().any(|miss| miss.contains(part)), "{part}: {}", ended.err);
    }
}
