//! Building images: the same bytes everywhere, nothing twice, no network, any user, another machine.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{PROGRAM, Place, TOP, clean, executables, listing, ok, ready_made, target, text};
use serde_json::Value;

/// The user and group `nobody` of every distribution.
const NOBODY: &str = "65534";

#[test]
fn the_image_of_fly_is_what_the_contract_says() {
    let place = Place::new();
    place.configure(&[]);
    place.ok(&["build"]);
    assert_eq!(fs::read_link(place.built("target")).unwrap(), Path::new("."));
    assert!(place.built("target/bin/stage1-fly.aci").is_file());
    let tar = ok(Command::new("tar").arg("-tvzf").arg(place.built("bin/stage1-fly.aci")));
    let tar = text(&tar.stdout);
    // tar pads the columns, so only the words of a line count.
    let lines: Vec<_> = tar.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let entries: Vec<_> = lines
        .iter()
        .map(|words| {
            assert_eq!(words[1], "root/root");
            format!("{} {}", words[0], words[5..].join(" "))
        })
        .collect();
    assert_eq!(
        entries,
        [
            "-rw-r--r-- manifest",
            "drwxr-xr-x rootfs",
            "lrwxrwxrwx rootfs/enter -> stage1",
            "lrwxrwxrwx rootfs/flavor -> fly",
            "lrwxrwxrwx rootfs/gc -> stage1",
            "drwxr-xr-x rootfs/opt",
            "drwxr-xr-x rootfs/opt/stage2",
            "drwxr-xr-x rootfs/rkt",
            "drwxr-xr-x rootfs/rkt/status",
            "lrwxrwxrwx rootfs/run -> stage1",
            "-rwxr-xr-x rootfs/stage1",
            "lrwxrwxrwx rootfs/stop -> stage1",
        ]
    );
    let manifest =
        ok(Command::new("tar").arg("-xOzf").arg(place.built("bin/stage1-fly.aci")).arg("manifest"));
    let annotation =
        |name: &str, value: &str| format!(r#"{{"name":"coreos.com/rkt/stage1/{name}","value":"{value}"}}"#);
    let arch = if target().starts_with("x86_64") { "amd64" } else { "aarch64" };
    assert_eq!(
        text(&manifest.stdout),
        format!(
            r#"{{"acKind":"ImageManifest","acVersion":"0.8.11","name":"coreos.com/rkt/stage1-fly","labels":[{{"name":"version","value":"{}"}},{{"name":"arch","value":"{arch}"}},{{"name":"os","value":"linux"}}],"annotations":[{}]}}"#,
            common::VERSION,
            [
                annotation("run", "/run"),
                annotation("enter", "/enter"),
                annotation("gc", "/gc"),
                annotation("stop", "/stop"),
                annotation("interface-version", "5"),
            ]
            .join(",")
        )
    );
    let about = place.about();
    assert_eq!(about["size"].as_u64().unwrap(), place.image().len() as u64);
    let stage1 =
        about["entries"].as_array().unwrap().iter().find(|entry| entry["path"] == "/stage1").unwrap();
    assert_eq!(stage1["origin"]["input"], "stage1-executable");
    assert_eq!(stage1["size"].as_u64().unwrap(), fs::metadata(&executables().stage1).unwrap().len());
    // Others who read images come to the same ID and have nothing to say against this one.
    let seen = place.ok(&["inspect", "--json", "b/bin/stage1-fly.aci"]);
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(seen["id"], about["id"]);
    place.ok(&["lint", "b/bin/stage1-fly.aci"]);
}

#[test]
fn the_version_override_reaches_fly() {
    let place = Place::new();
    // The default version compiled into a ready-made rkt would be another one, so only the image is built.
    ok(place
        .command(&["configure", "-q"])
        .args(ready_made(executables()))
        .arg("--with-stage1-flavors-version-override=1.2-7"));
    place.ok(&["build", "stage1-fly"]);
    assert_eq!(place.about()["version"], "1.2-7");
    let (code, said) = place.fails(&["build"]);
    assert_eq!(code, 3);
    assert!(said.contains("default stage1 version") && said.contains("1.2-7"), "{said}");
}

#[test]
fn a_build_does_not_depend_on_where_who_and_how() {
    let plain = Place::new();
    plain.configure(&[]);
    plain.ok(&["build"]);
    let other = Place::new();
    // An ordinary user must reach the programs, and own the place.
    let copies = Place::new();
    for (from, name) in
        [(Path::new(PROGRAM), "rkt-build"), (&executables().rkt, "rkt"), (&executables().stage1, "stage1")]
    {
        fs::copy(from, copies.at(name)).unwrap();
        fs::set_permissions(copies.at(name), Permissions::from_mode(0o755)).unwrap();
    }
    ok(Command::new("chown").args([&format!("{NOBODY}:{NOBODY}"), other.path().to_str().unwrap()]));
    let made = common::Executables { rkt: copies.at("rkt"), stage1: copies.at("stage1") };
    for umask in ["022", "077", "000"] {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "sh", "-c"]);
        command.arg(format!("umask {umask}; p=$1; shift; \"$p\" configure -q \"$@\" && exec \"$p\" -j1 build BUILDDIR=b-{umask}"));
        command
            .arg("sh")
            .arg(copies.at("rkt-build"))
            .args(ready_made(&made))
            .arg(format!("BUILDDIR=b-{umask}"));
        command.current_dir(other.path());
        clean(&mut command);
        command.envs([
            ("HOME", "/nonexistent"),
            ("TZ", "Asia/Tokyo"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("USER", "nobody"),
        ]);
        ok(&mut command);
        let bin = other.at(&format!("b-{umask}")).join("bin");
        for file in ["stage1-fly.aci", "stage1-fly.aci.json", "rkt"] {
            assert!(
                fs::read(bin.join(file)).unwrap() == fs::read(plain.built("bin").join(file)).unwrap(),
                "{file}"
            );
        }
        assert_eq!(listing(&bin), ["f 0644 stage1-fly.aci", "f 0644 stage1-fly.aci.json", "f 0755 rkt"]);
    }
    let dated = Place::new();
    dated.configure(&[]);
    ok(dated.command(&["build"]).env("SOURCE_DATE_EPOCH", "1234567890"));
    assert_eq!(dated.about()["time"], 1_234_567_890);
    assert_ne!(dated.about()["id"], plain.about()["id"]);
    let output = dated.command(&["build"]).env("SOURCE_DATE_EPOCH", "yesterday").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output.stderr).contains("SOURCE_DATE_EPOCH"));
}

#[test]
fn nothing_is_done_twice() {
    let place = Place::new();
    let own = place.at("stage1");
    fs::copy(&executables().stage1, &own).unwrap();
    place.configure(&[&format!("--with-stage1-executable={}", own.display())]);
    // What changed within the last second is hashed again, to be safe; let it grow old.
    sleep(Duration::from_millis(2100));
    place.ok(&["build"]);
    place.ok(&["build"]);
    let before = (
        fs::metadata(place.built("bin/stage1-fly.aci")).unwrap(),
        fs::metadata(place.built("bin/rkt")).unwrap(),
    );
    let strace = place.at("strace");
    let begun = Instant::now();
    place.ok(&["build"]);
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(1500), "a build with nothing to do took {took:?}");
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=openat,execve", "-o"]).arg(&strace).args([
        PROGRAM,
        "build",
        "BUILDDIR=b",
    ]);
    command.current_dir(place.path());
    clean(&mut command);
    ok(&mut command);
    let trace = fs::read_to_string(&strace).unwrap();
    assert_eq!(trace.matches("execve(").count(), 1, "no program is started:\n{trace}");
    for name in ["stage1-fly.aci\"", "bin/rkt\""] {
        assert!(!trace.contains(name), "{name} is not read:\n{trace}");
    }
    let after = (
        fs::metadata(place.built("bin/stage1-fly.aci")).unwrap(),
        fs::metadata(place.built("bin/rkt")).unwrap(),
    );
    assert_eq!(before.0.modified().unwrap(), after.0.modified().unwrap());
    assert_eq!(before.1.modified().unwrap(), after.1.modified().unwrap());
    assert!(place.ok(&["explain", "stage1-fly"]).contains("up to date"));
    // An input changes, and only what depends on it runs.
    let mut bytes = fs::read(&own).unwrap();
    bytes.extend(b"more");
    fs::write(&own, bytes).unwrap();
    assert!(place.ok(&["explain", "stage1-fly"]).contains("stage1-executable changed"));
    assert!(place.ok(&["explain", "rkt"]).contains("up to date"));
    let said = place.ok(&["build"]);
    assert!(said.contains("stage1-fly.aci") && !said.contains("COPY"), "{said}");
    // An output is tampered with, another one lost.
    fs::write(place.built("bin/stage1-fly.aci"), "x").unwrap();
    fs::remove_file(place.built("bin/rkt")).unwrap();
    assert!(place.ok(&["explain", "stage1-fly"]).contains("is not what it was"));
    assert!(place.ok(&["explain", "rkt"]).contains("bin/rkt is missing"));
    place.ok(&["build"]);
    place.ok(&["lint", "b/bin/stage1-fly.aci"]);
}

#[test]
fn the_plan_tells_everything_and_writes_nothing() {
    let place = Place::new();
    place.configure(&[]);
    let before = listing(place.path());
    let plan: Value = serde_json::from_str(&place.ok(&["plan", "--json"])).unwrap();
    assert_eq!(listing(place.path()), before);
    let steps = plan["steps"].as_array().unwrap();
    let ids: Vec<_> = steps.iter().map(|step| step["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["rkt", "stage1-fly"]);
    assert_eq!(steps[1]["outputs"], serde_json::json!(["bin/stage1-fly.aci", "bin/stage1-fly.aci.json"]));
    assert_eq!(steps[1]["runs"], true);
    assert_eq!(steps[1]["key"].as_str().unwrap().len(), 64);
    place.ok(&["build"]);
    let again: Value = serde_json::from_str(&place.ok(&["plan", "--json"])).unwrap();
    assert_eq!(again["steps"][1]["key"], steps[1]["key"]);
    assert_eq!(again["steps"][1]["runs"], false);
}

#[test]
fn everything_that_is_missing_is_told_at_once() {
    let place = Place::new();
    let flavors = place.at("flavors");
    fs::create_dir_all(flavors.join("fly")).unwrap();
    fs::write(
        flavors.join("fly/flavor.toml"),
        fs::read(Path::new(TOP).join("flavors/fly/flavor.toml")).unwrap(),
    )
    .unwrap();
    let (rkt, stage1) = (place.at("rkt"), place.at("stage1"));
    fs::copy(&executables().rkt, &rkt).unwrap();
    fs::copy(&executables().stage1, &stage1).unwrap();
    let mine = common::Executables { rkt: rkt.clone(), stage1: stage1.clone() };
    ok(place
        .command(&["configure", "-q"])
        .args(ready_made(&mine))
        .args(["--libdir=/opt/lib", &format!("--with-flavors-dir={}", flavors.display())]));
    // The executable of the image is a script, rkt has another images directory, and the flavor is broken.
    fs::write(&stage1, "#!/bin/sh\n").unwrap();
    fs::write(flavors.join("fly/flavor.toml"), "summary = 1\n").unwrap();
    let (code, said) = place.fails(&["build"]);
    assert_eq!(code, 3, "{said}");
    for part in [
        "stage1 images directory '/usr/local/lib/rkt/stage1-images'",
        "/opt/lib/rkt/stage1-images",
        "not a readable ELF file",
        "flavor.toml:1:11",
    ] {
        assert!(said.contains(part), "{part} is not told:\n{said}");
    }
    assert!(!place.built("bin").exists());
}

#[test]
fn ready_made_programs_must_fit() {
    let place = Place::new();
    place.configure(&[&format!("--with-stage1-executable={}", executables().rkt.display())]);
    let (code, said) = place.fails(&["build"]);
    assert!(code == 3 && said.contains("needs shared libraries"), "{said}");
    let output =
        ok(place.command(&["configure", "-q", "--host=aarch64-linux-gnu"]).args(ready_made(executables())));
    assert!(output.status.success());
    let (code, said) = place.fails(&["build"]);
    assert!(code == 3 && said.matches("a program for").count() == 2, "{said}");
}

#[test]
fn two_builds_at_once_wait_for_each_other() {
    let place = Place::new();
    place.configure(&[]);
    let mut children: Vec<_> = (0..4)
        .map(|_| place.command(&["build"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for child in children.drain(..) {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    place.ok(&["lint", "b/bin/stage1-fly.aci"]);
}

#[test]
fn a_build_that_is_killed_leaves_nothing_half() {
    let place = Place::new();
    place.configure(&[]);
    let begun = Instant::now();
    place.ok(&["build"]);
    let (took, whole) = (begun.elapsed(), place.image());
    for point in 0..50 {
        place.ok(&["clean"]);
        let mut child = place.command(&["build", "-q"]).stderr(Stdio::null()).spawn().unwrap();
        sleep(took * point / 50);
        let _ = child.kill();
        child.wait().unwrap();
        if place.built("bin/stage1-fly.aci").exists() {
            assert!(place.image() == whole, "half an image at point {point}");
        }
    }
    place.ok(&["build"]);
    assert!(place.image() == whole);
    assert_eq!(
        listing(&place.built("bin")),
        ["f 0644 stage1-fly.aci", "f 0644 stage1-fly.aci.json", "f 0755 rkt"]
    );
}

#[test]
fn clean_takes_what_the_build_made_and_nothing_else() {
    let place = Place::new();
    place.configure(&[]);
    place.ok(&["build"]);
    fs::write(place.built("mine"), "").unwrap();
    fs::write(place.built("bin/mine"), "").unwrap();
    fs::create_dir(place.built("cargo")).unwrap();
    fs::write(place.built("cargo/mine"), "").unwrap();
    place.ok(&["clean"]);
    let left = listing(&place.at("b"));
    let left: Vec<_> = left.iter().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(left, ["bin", "cargo", "bin/mine", "cargo/mine", "config.json", "mine"]);
    assert!(executables().stage1.exists());
    // An input among its own files: nothing at all is removed.
    place.ok(&["build"]);
    let own = place.built("stage1/stage1");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::copy(&executables().stage1, &own).unwrap();
    place.configure(&[&format!("--with-stage1-executable={}", own.display())]);
    let (code, said) = place.fails(&["clean"]);
    assert!(code == 3 && said.contains("--with-stage1-executable"), "{said}");
    assert!(own.exists() && place.built("bin/rkt").exists());
    // A directory that nobody configured is not ours.
    let (code, said) = Place::new().fails(&["clean"]);
    assert!(code == 3 && said.contains("config.json"), "{said}");
}

/// The parts of the checkout that programs are compiled from.
fn copy_of_the_checkout(to: &Path) {
    fs::create_dir_all(to).unwrap();
    let parts = ["Cargo.toml", "Cargo.lock", "build.rs", "src", "runtime", "flavors"];
    ok(Command::new("cp").arg("-a").args(parts).arg(to).current_dir(TOP));
}

fn program(name: &str) -> PathBuf {
    let path = text(&ok(Command::new("sh").args(["-c", "command -v \"$1\"", "sh", name])).stdout);
    path.trim().into()
}

#[test]
fn two_compilations_give_the_same_bytes() {
    // One as root in this checkout, with the network there; the other as an ordinary user in a copy of it, in another
    // build directory, with the toolchain and the downloaded crates at other places, and in an empty network.
    let first = Place::new();
    let only_rkt = format!("--with-rkt-executable={}", executables().rkt.display());
    let options = ["--with-stage1-flavors=fly", "--enable-tpm=no", "--enable-sdjournal=no"];
    first.ok(&[&["configure", "-q", &only_rkt, &format!("--srcdir={TOP}")][..], &options].concat());
    ok(first.command(&["build"]).env("RUSTFLAGS", "-Copt-level=0").env("CARGO_PROFILE_RELEASE_LTO", "off"));

    let second = Place::new();
    let checkout = second.at("some/where/else");
    copy_of_the_checkout(&checkout);
    let sysroot = text(&ok(Command::new("rustc").args(["--print", "sysroot"]).current_dir(TOP)).stdout);
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let registry = cargo_home
        .unwrap_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".cargo"))
        .join("registry");
    for folder in ["rust", "registry", "home"] {
        fs::create_dir_all(second.at(folder)).unwrap();
    }
    std::os::unix::fs::symlink(second.at("registry"), second.at("home/registry")).unwrap();
    for (from, name) in [(Path::new(PROGRAM), "rkt-build"), (&executables().rkt, "rkt")] {
        fs::copy(from, second.at(name)).unwrap();
        fs::set_permissions(second.at(name), Permissions::from_mode(0o755)).unwrap();
    }
    ok(Command::new("chown")
        .args(["-R", &format!("{NOBODY}:{NOBODY}"), "some", "home"])
        .current_dir(second.path()));
    ok(Command::new("chown").arg(format!("{NOBODY}:{NOBODY}")).arg(second.path()));
    let script = r#"set -eu
        umask 077
        mount --bind "$1" "$PWD/rust"
        mount --bind -o ro "$2" "$PWD/registry"
        shift 2
        exec setpriv --reuid 65534 --regid 65534 --clear-groups sh -euc '
            "$PWD/rkt-build" configure -q "$@" BUILDDIR=deep/er/b
            exec "$PWD/rkt-build" --offline build BUILDDIR=deep/er/b' sh "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "sh", "-c", script, "sh", sysroot.trim()]).arg(&registry);
    command.args(options).arg(format!("--with-rkt-executable={}", second.at("rkt").display()));
    command.arg(format!("--srcdir={}", checkout.display())).current_dir(second.path()).env_clear();
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", second.at("rust").display()));
    command.env("HOME", second.at("home")).env("CARGO_HOME", second.at("home")).env("TZ", "Asia/Tokyo");
    ok(&mut command);

    let other = second.at("deep/er/b");
    let stage1 = Path::new("stage1").join(target()).join("stage1");
    let (a, b) = (fs::read(first.built("").join(&stage1)).unwrap(), fs::read(other.join(&stage1)).unwrap());
    assert!(a == b, "the executables differ: {} and {} bytes", a.len(), b.len());
    assert!(first.image() == fs::read(other.join("bin/stage1-fly.aci")).unwrap());
    for foreign in [TOP, first.path().to_str().unwrap(), "registry/src"] {
        let found = a.windows(foreign.len()).any(|window| window == foreign.as_bytes());
        assert!(!found, "the executable names {foreign}");
    }
    // Nothing changed: neither cargo nor rustc is started.
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=execve", "-o"]).arg(first.at("strace")).args([
        PROGRAM,
        "build",
        "BUILDDIR=b",
    ]);
    command.current_dir(first.path());
    clean(&mut command);
    ok(&mut command);
    let trace = fs::read_to_string(first.at("strace")).unwrap();
    assert_eq!(trace.matches("execve(").count(), 1, "{trace}");
}

#[test]
fn the_image_of_another_machine_is_built_offline() {
    let place = Place::new();
    let srcdir = format!("--srcdir={TOP}");
    place.ok(&[
        "configure",
        "-q",
        "--host=aarch64-linux-gnu",
        "--with-stage1-flavors=fly,host",
        "--offline",
        &srcdir,
    ]);
    let mut command = Command::new("strace");
    command.args(["-f", "--seccomp-bpf", "-e", "trace=socket", "-o"]).arg(place.at("strace"));
    command.args([PROGRAM, "--offline", "build", "stage1-fly", "stage1-host", "BUILDDIR=b"]);
    command.current_dir(place.path());
    clean(&mut command);
    ok(&mut command);
    let trace = fs::read_to_string(place.at("strace")).unwrap();
    for network in ["AF_INET", "AF_NETLINK", "SOCK_DGRAM"] {
        assert!(!trace.contains(network), "a socket was opened:\n{trace}");
    }
    assert_eq!(place.about()["arch"], "aarch64");
    assert!(!place.built("bin/rkt").exists());
    for flavor in ["fly", "host"] {
        assert_eq!(place.ok(&["lint", &format!("b/bin/stage1-{flavor}.aci")]), "");
    }
    // Called as an entry point outside of a pod it must say so; any other name is refused.
    let emulator = program("qemu-aarch64-static");
    let output = Command::new(emulator)
        .arg(place.built("stage1/aarch64-unknown-linux-gnu/stage1"))
        .current_dir(place.path())
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code().is_some_and(|code| code != 0) && said.contains("stage1"), "{output:?}");
}
