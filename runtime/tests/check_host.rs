//! `rkt check-host`: what it says agrees with what others say of the same machine. Needs root.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const RKT: &str = env!("CARGO_BIN_EXE_rkt");

/// A command without configuration, whose data directory is not there yet.
fn rkt(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(RKT);
    arguments(&mut command, dir, words);
    command
}

/// The same, run by a program that changes its surroundings first.
fn rkt_below(program: &[&str], dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).arg(RKT);
    arguments(&mut command, dir, words);
    command
}

fn arguments(command: &mut Command, dir: &Path, words: &[&str]) {
    for which in ["system-config", "local-config", "dir"] {
        command.arg(format!("--{which}")).arg(dir.join(which));
    }
    command.arg("check-host").args(words);
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn check(command: &mut Command) -> Value {
    json(&command.output().unwrap())
}

/// What a program says.
fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn texts(value: &Value) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// What is said in a list of findings.
fn whats(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|finding| finding["what"].as_str().unwrap()).collect()
}

#[test]
fn the_facts_are_those_that_others_tell() {
    let dir = tempfile::tempdir().unwrap();
    let output = rkt(dir.path(), &["--json"]).output().unwrap();
    let facts = json(&output);
    assert_eq!(facts["root"], true);

    assert_eq!(facts["kernel"]["release"], said("uname", &["-r"]));
    assert_eq!(facts["kernel"]["version"], said("uname", &["-v"]));
    if let Some(config) = facts["kernel"]["config"].as_str() {
        let text = said("zcat", &["-f", config]);
        for (name, state) in facts["kernel"]["options"].as_object().unwrap() {
            let expected = if text.contains(&format!("\n{name}=y\n")) {
                "yes"
            } else if text.contains(&format!("\n{name}=m\n")) {
                "module"
            } else {
                "no"
            };
            assert_eq!(state, expected, "{name}");
        }
    } else {
        assert!(!Path::new("/proc/config.gz").exists());
    }

    let cgroups = fs::read_to_string("/proc/cgroups").unwrap();
    let mut controllers: BTreeSet<&str> = cgroups
        .lines()
        .filter(|line| line.ends_with("\t1"))
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    let type_of = |path: &str| {
        if Path::new(path).exists() { said("stat", &["-f", "-c", "%T", path]) } else { String::new() }
    };
    let (layout, unified) =
        match (type_of("/sys/fs/cgroup").as_str(), type_of("/sys/fs/cgroup/unified").as_str()) {
            ("cgroup2fs", _) => ("unified", "/sys/fs/cgroup"),
            (_, "cgroup2fs") => ("hybrid", "/sys/fs/cgroup/unified"),
            _ => ("legacy", ""),
        };
    assert_eq!(facts["cgroups"]["layout"], layout);
    let more = fs::read_to_string(Path::new(unified).join("cgroup.controllers")).unwrap_or_default();
    controllers.extend(more.split_whitespace());
    assert_eq!(texts(&facts["cgroups"]["controllers"]), controllers);

    let program = said("sh", &["-c", "command -v systemd-nspawn"]);
    let nspawn = &facts["systemd"]["nspawn"];
    assert_eq!(nspawn["path"], program);
    let version = said(&program, &["--version"]);
    let number = nspawn["version"].as_u64().unwrap();
    assert!(version.starts_with(&format!("systemd {number} ")), "{number}, and {version}");
    let help = said(&program, &["--help"]);
    for option in texts(&nspawn["options"]) {
        assert!(help.contains(&format!("--{option}")), "{option}");
    }
    assert_eq!(facts["systemd"]["booted"], fs::read_to_string("/proc/1/comm").unwrap().trim() == "systemd");
    for (asset, path) in facts["systemd"]["assets"].as_object().unwrap() {
        match path.as_str() {
            Some(path) => assert!(Path::new(path).ends_with(asset) && Path::new(path).is_file(), "{path}"),
            None => assert!(!Path::new("/usr/lib/systemd").join(asset).exists(), "{asset}"),
        }
    }

    let made = Command::new("unshare").args(["--user", "true"]).status().unwrap().success();
    assert_eq!(facts["namespaces"]["user"]["usable"], made);
    let kinds = said("ls", &["/proc/self/ns"]);
    let kinds: BTreeSet<&str> = kinds.lines().filter(|kind| !kind.ends_with("_for_children")).collect();
    assert_eq!(texts(&facts["namespaces"]["kinds"]), kinds);
    let missing = texts(&facts["missing_capabilities"]);
    // What root's programs get is all that is not cut off for good.
    let dump = said("setpriv", &["--dump"]);
    let bounding = dump.lines().find_map(|line| line.strip_prefix("Capability bounding set: ")).unwrap();
    let there: BTreeSet<String> =
        bounding.split(',').map(|name| format!("CAP_{}", name.to_uppercase())).collect();
    assert!(missing.iter().all(|name| !there.contains(*name)), "{missing:?}");
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap();
    assert_eq!(there.len() + missing.len(), last.trim().parse::<usize>().unwrap() + 1);
    assert_eq!(facts["kvm"]["usable"], Path::new("/dev/kvm").exists());
    assert_eq!(facts["overlay"]["directory"], dir.path().to_str().unwrap());

    assert_eq!(facts["default_flavor"], "fly");
    let works = facts["flavors"]["fly"]["verdict"] != "does_not_work";
    assert_eq!(output.status.code(), Some(i32::from(!works)));
}

#[test]
fn the_table_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let output = rkt(dir.path(), &[]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |fact: &str| {
        let mut rows = text.lines().filter_map(|line| line.split_once('\t'));
        rows.find(|(name, _)| *name == fact).unwrap_or_else(|| panic!("{fact} is missing in {text}")).1.trim()
    };
    let facts = check(&mut rkt(dir.path(), &["--json"]));
    assert_eq!(row("user"), "root");
    assert!(row("kernel").starts_with(&said("uname", &["-r"])));
    assert!(row("control groups").starts_with(facts["cgroups"]["layout"].as_str().unwrap()));
    assert!(row("systemd-nspawn").starts_with(facts["systemd"]["nspawn"]["path"].as_str().unwrap()));
    for (name, flavor) in facts["flavors"].as_object().unwrap() {
        let name = if name == "fly" { "fly (default)" } else { name };
        assert_eq!(row(name).replace([' ', ','], ""), flavor["verdict"].as_str().unwrap().replace('_', ""));
        for finding in whats(&flavor["obstacles"]).into_iter().chain(whats(&flavor["notes"])) {
            assert!(text.contains(&format!(": {finding}\n")), "{finding}");
        }
    }
}

#[test]
fn without_systemd() {
    let dir = tempfile::tempdir().unwrap();
    let facts = check(rkt(dir.path(), &["--json"]).env("PATH", dir.path()));
    assert_eq!(facts["systemd"]["nspawn"], Value::Null);
    let host = &facts["flavors"]["host"];
    assert_eq!(host["verdict"], "does_not_work");
    assert_eq!(
        whats(&host["obstacles"]),
        [
            "systemd-nspawn, needed for starting pods: not in PATH",
            "systemctl, needed for exit codes, and changing pods: not in PATH",
            "systemd-sysusers, needed for names of users: not in PATH"
        ]
    );
    let hint = host["obstacles"][0]["hint"].as_str().unwrap();
    assert!(hint.starts_with("install systemd-nspawn"), "{hint}");
    // The image brings its own.
    assert_ne!(facts["flavors"]["coreos"]["verdict"], "does_not_work");
}

#[test]
fn an_old_or_odd_systemd() {
    for (says, expected) in [
        ("systemd 219\n+PAM", "systemd-nspawn is of systemd 219, and 220 or newer is needed"),
        ("\u{1b}[1mhello", "does not say \"systemd NUMBER\""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("systemd-nspawn");
        fs::write(&program, format!("#!/bin/sh\nprintf '%s\\n' '{says}'\n")).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let facts = check(rkt(dir.path(), &["--json"]).env("PATH", &path));
        let obstacles = whats(&facts["flavors"]["host"]["obstacles"]);
        assert!(obstacles.iter().any(|what| what.contains(expected)), "{obstacles:?}");
        let table = rkt(dir.path(), &[]).env("PATH", &path).output().unwrap();
        assert!(!String::from_utf8_lossy(&table.stdout).contains('\u{1b}'));
    }
}

#[test]
fn the_exit_code_is_about_the_default_flavor() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("local-config/stage1.d/default.json");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    for (name, flavor, code) in [
        ("coreos.com/rkt/stage1-host", Value::from("host"), 1),
        ("coreos.com/rkt/stage1-fly", Value::from("fly"), 0),
        ("example.com/stage1-mine", Value::from("mine"), 0),
        ("example.com/other", Value::Null, 0),
    ] {
        let text = format!(
            r#"{{"rktKind":"stage1","rktVersion":"v1","name":"{name}","version":"1","location":"/x"}}"#
        );
        fs::write(&config, text).unwrap();
        // Without systemd the host flavor does not work.
        let output = rkt(dir.path(), &["--json"]).env("PATH", dir.path()).output().unwrap();
        assert_eq!(json(&output)["default_flavor"], flavor);
        assert_eq!(output.status.code(), Some(code), "{name}");
    }
    fs::write(&config, "{").unwrap();
    let output = rkt(dir.path(), &["--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(254));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("check-host: cannot get configuration"));
}

#[test]
fn other_users() {
    let dir = tempfile::tempdir().unwrap();
    let output = rkt_below(&["unshare", "--user"], dir.path(), &["--json"]).output().unwrap();
    let facts = json(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((&facts["root"], &facts["initial_user_namespace"]), (&false.into(), &false.into()));
    assert_eq!(whats(&facts["flavors"]["fly"]["obstacles"]), ["this is not root"]);

    let root = ["unshare", "--user", "--map-root-user"];
    let facts = check(&mut rkt_below(&root, dir.path(), &["--json"]));
    assert_eq!((&facts["root"], &facts["initial_user_namespace"]), (&true.into(), &false.into()));
    let notes = whats(&facts["flavors"]["fly"]["notes"]);
    assert!(notes.iter().any(|note| note.contains("user namespace")), "{notes:?}");
}

#[test]
fn other_control_groups() {
    let dir = tempfile::tempdir().unwrap();
    for (mount, layout, works) in [
        ("mount -t tmpfs tmpfs /sys/fs/cgroup", "absent", false),
        ("mount -t cgroup2 cgroup2 /sys/fs/cgroup", "unified", true),
        (
            "mount -t tmpfs tmpfs /sys/fs/cgroup && mkdir /sys/fs/cgroup/systemd && \
             mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd",
            "legacy",
            true,
        ),
    ] {
        let script = format!("{mount} && exec \"$0\" \"$@\"");
        let facts =
            check(&mut rkt_below(&["unshare", "--mount", "sh", "-c", &script], dir.path(), &["--json"]));
        assert_eq!(facts["cgroups"]["layout"], layout);
        let obstacles = whats(&facts["flavors"]["host"]["obstacles"]);
        assert_eq!(obstacles.is_empty(), works, "{obstacles:?}");
        assert_ne!(facts["flavors"]["fly"]["verdict"], "does_not_work");
    }
}
