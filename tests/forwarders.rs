//! `./configure` and `Makefile` at the top, with a tool that is ready made.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

const TOP: &str = env!("CARGO_MANIFEST_DIR");

/// A command in a directory, with the tool that was compiled for the tests.
fn command(program: &str, words: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(words).current_dir(dir).env("RKT_BUILD", env!("CARGO_BIN_EXE_rkt-build"));
    for name in ["BUILDDIR", "DESTDIR", "V", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        command.env_remove(name);
    }
    command
}

#[track_caller]
fn ok(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn configure() -> String {
    format!("{TOP}/configure")
}

#[test]
fn configure_works_from_any_directory() {
    let dir = tempfile::tempdir().unwrap();
    ok(command(&configure(), &["--enable-tpm=no", "--with-stage1-flavors=fly", "BUILDDIR=b"], dir.path()));
    let config = fs::read_to_string(dir.path().join("b/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["features"]["tpm"], false);
    assert_eq!(config["srcdir"], fs::canonicalize(TOP).unwrap().to_str().unwrap());
    let makefile = fs::read_to_string(dir.path().join("Makefile")).unwrap();
    assert!(makefile.ends_with(&format!("include {}/Makefile\n", fs::canonicalize(TOP).unwrap().display())));
}

#[test]
fn configure_passes_arguments_on_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["--prefix=/a b", "--libdir=${prefix}/l*b", "CFLAGS=-O2 -g 'x'", "BUILDDIR=b"];
    ok(command(&configure(), &words, dir.path()));
    let config = fs::read_to_string(dir.path().join("b/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["directories"]["libdir"], "/a b/l*b");
    assert_eq!(config["variables"]["CFLAGS"], "-O2 -g 'x'");
}

#[test]
fn configure_fails_as_the_tool_does() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(&configure(), &["--with-stage1-flavors=nope"], dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown stage1 flavor"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn configure_says_what_it_needs_when_there_is_no_cargo() {
    // A copy of the script alone: so no tool is beside it.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("scripts")).unwrap();
    for file in ["configure", "scripts/tool", "Cargo.toml"] {
        fs::copy(Path::new(TOP).join(file), dir.path().join(file)).unwrap();
    }
    let path = dir.path().join("bin");
    fs::create_dir(&path).unwrap();
    for tool in ["sh", "sed", "head", "dirname"] {
        let found =
            ["/bin", "/usr/bin"].iter().map(|dir| Path::new(dir).join(tool)).find(|file| file.exists());
        symlink(found.unwrap(), path.join(tool)).unwrap();
    }
    let mut command = command("./configure", &[], dir.path());
    let output = command.env_remove("RKT_BUILD").env_remove("CARGO").env("PATH", &path).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cargo is needed") && said.contains("RKT_BUILD="), "{said}");
}

#[test]
fn rpm_finds_the_words_that_it_looks_for() {
    assert!(fs::read_to_string(configure()).unwrap().contains("runstatedir=DIR"));
}

#[test]
fn make_forwards_its_targets_and_variables() {
    // A tool that tells how it was called.
    let dir = tempfile::tempdir().unwrap();
    let tool = dir.path().join("tool");
    fs::write(
        &tool,
        "#!/bin/sh\necho \"$@ V=$V BUILDDIR=$BUILDDIR DESTDIR=$DESTDIR\"\necho \"flags $MAKEFLAGS\" >&2\n",
    )
    .unwrap();
    fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let make = |words: &[&str]| {
        let mut command =
            command("make", &[&["-C", TOP, "--no-print-directory"], words].concat(), dir.path());
        ok({
            command.env("RKT_BUILD", &tool);
            command
        })
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let output = make(&["V=2", "-j3"]);
    assert_eq!(said(&output), format!("build --srcdir={TOP} V=2 BUILDDIR= DESTDIR=\n"));
    let flags = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(flags.contains("-j3") && flags.contains("jobserver"), "{flags}");
    let output = make(&["install", "DESTDIR=/some where", "BUILDDIR=/b"]);
    assert_eq!(said(&output), "install V= BUILDDIR=/b DESTDIR=/some where\n");
    assert_eq!(said(&make(&["uninstall"])), "uninstall V= BUILDDIR= DESTDIR=\n");
    // Where nothing was configured there is nothing to clean.
    assert_eq!(said(&make(&["distclean", "BUILDDIR=/nonesuch"])), "");
    fs::write(dir.path().join("config.json"), "").unwrap();
    let builddir = dir.path().to_str().unwrap();
    let option = format!("BUILDDIR={builddir}");
    assert_eq!(said(&make(&["clean", &option])), format!("clean V= BUILDDIR={builddir} DESTDIR=\n"));
    assert_eq!(
        said(&make(&["distclean", &option])),
        format!("clean --all V= BUILDDIR={builddir} DESTDIR=\n")
    );
    assert_eq!(said(&make(&["functional-check"])), "check --functional-only -- V= BUILDDIR= DESTDIR=\n");
    let output = make(&["functional-check", "GO_TEST_FUNC_ARGS=-run 'dns|mtab' -v"]);
    assert_eq!(said(&output), "check --functional-only -- -run dns|mtab -v V= BUILDDIR= DESTDIR=\n");
}

#[test]
fn distclean_leaves_nothing_of_configure() {
    let dir = tempfile::tempdir().unwrap();
    ok(command(&configure(), &["--with-stage1-flavors=fly"], dir.path()));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    ok(command("make", &["distclean"], dir.path()));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
