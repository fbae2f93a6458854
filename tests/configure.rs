//! Configuring, as a user does it: by running the program.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rkt-build");
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/configure").join(name)
}

/// The lines of a data file that are not comments.
fn lines(name: &str) -> Vec<String> {
    let text = fs::read_to_string(data(name)).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// An empty directory to configure in, and the program with an environment that holds nothing by chance.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words).current_dir(self.path()).env_clear();
        for name in ["PATH", "HOME", "RUSTUP_HOME", "CARGO_HOME", "RUSTUP_TOOLCHAIN"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What was written down.
    fn config(&self) -> Value {
        let path = self.path().join(format!("build-rkt-{VERSION}/config.json"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// Configures with words that must be accepted.
    fn accept(&self, words: &[&str]) -> Value {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        self.config()
    }
}

/// Runs `configure` with a list of arguments of a packaging tool.
fn packaged(list: &str, environment: Option<&str>) -> (Value, Output) {
    let place = Place::new();
    let words = lines(list);
    let mut command = place.command(&["configure"]);
    command.args(&words);
    for line in environment.map(lines).unwrap_or_default() {
        let (name, value) = line.split_once('=').unwrap();
        command.env(name, value);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{list}: {}", String::from_utf8_lossy(&output.stderr));
    (place.config(), output)
}

fn directories(config: &Value) -> BTreeMap<&str, &str> {
    let map = config["directories"].as_object().unwrap();
    map.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
}

#[track_caller]
fn expect_directories(config: &Value, expected: &[(&str, &str)]) {
    let found = directories(config);
    for (name, path) in expected {
        assert_eq!(found.get(name), Some(path), "{name}");
    }
}

#[test]
fn the_arguments_of_fedora_are_taken_whole() {
    let (config, output) = packaged("fedora-rpm.args", Some("fedora-rpm.env"));
    expect_directories(
        &config,
        &[
            ("prefix", "/usr"),
            ("exec_prefix", "/usr"),
            ("bindir", "/usr/bin"),
            ("sbindir", "/usr/bin"),
            ("sysconfdir", "/etc"),
            ("datadir", "/usr/share"),
            ("includedir", "/usr/include"),
            ("libdir", "/usr/lib64"),
            ("libexecdir", "/usr/libexec"),
            ("localstatedir", "/var"),
            ("runstatedir", "/run"),
            ("sharedstatedir", "/var/lib"),
            ("mandir", "/usr/share/man"),
            ("infodir", "/usr/share/info"),
            ("docdir", "/usr/share/doc/rkt"),
        ],
    );
    assert_eq!(config["default_stage1"]["images_directory"], "/usr/lib64/rkt/stage1-images");
    assert_eq!(config["cross"], false);
    assert_eq!(config["host"]["canonical"], "x86_64-redhat-linux-gnu");
    assert_eq!(config["variables"]["CC"], "gcc");
    assert_eq!(config["compiler"]["linker"], "gcc");
    assert!(config["variables"]["CFLAGS"].as_str().unwrap().contains("-flto=auto"));
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        warnings.matches("warning:").count(),
        1,
        "only that not all default flavors are built: {warnings}"
    );
}

#[test]
fn the_arguments_of_rhel_are_taken_whole() {
    // The list is of another architecture; on this one it is a cross build by name of the build machine only, so the
    // linker is named as it would be found there.
    let place = Place::new();
    let mut words = lines("el9-rpm.args");
    words.insert(0, "configure".to_owned());
    words.push("CC=aarch64-linux-gnu-gcc".to_owned());
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let config = place.accept(&words);
    expect_directories(
        &config,
        &[("sbindir", "/usr/sbin"), ("runstatedir", "/var/run"), ("libdir", "/usr/lib64")],
    );
    assert_eq!(config["host"]["arch"], "aarch64");
    assert_eq!(config["cross"], false);
}

#[test]
fn the_arguments_of_debhelper_are_taken_whole() {
    let (config, output) = packaged("debhelper.args", Some("debhelper.env"));
    expect_directories(
        &config,
        &[
            ("prefix", "/usr"),
            ("bindir", "/usr/bin"),
            ("includedir", "/usr/include"),
            ("mandir", "/usr/share/man"),
            ("infodir", "/usr/share/info"),
            ("sysconfdir", "/etc"),
            ("localstatedir", "/var"),
            ("runstatedir", "/run"),
            ("libdir", "/usr/lib/x86_64-linux-gnu"),
            ("libexecdir", "/usr/libexec"),
        ],
    );
    let images = "/usr/lib/x86_64-linux-gnu/rkt/stage1-images";
    assert_eq!(config["default_stage1"]["images_directory"], images);
    assert_eq!(config["flavors"], serde_json::json!(["fly"]));
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert_eq!(warnings.matches("warning:").count(), 1, "{warnings}");
}

#[test]
fn debhelper_builds_for_another_architecture() {
    let (config, _) = packaged("debhelper-cross.args", Some("debhelper.env"));
    assert_eq!(config["cross"], true);
    assert_eq!(config["host"]["arch"], "aarch64");
    assert_eq!(config["stage1_target"], "aarch64-unknown-linux-gnu");
    assert_eq!(config["compiler"]["linker"], "aarch64-linux-gnu-gcc");
}

/// Runs the command lines of a file and compares what they print with what stands below them.
/// With `UPDATE_EXPECTED=1` the file is written anew: read the difference before you commit it.
#[test]
fn messages_are_as_written_down() {
    let path = data("messages.txt");
    let written = fs::read_to_string(&path).unwrap();
    let mut found = String::new();
    for line in written.lines() {
        if line.starts_with('#') {
            found.push_str(line);
            found.push('\n');
        }
        let Some(line) = line.strip_prefix("$ ") else { continue };
        let place = Place::new();
        fs::write(place.path().join("a-file"), "").unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let program = words.iter().position(|word| *word == "rkt-build").unwrap();
        let mut command = place.command(&words[program + 1..]);
        for word in &words[..program] {
            let (name, value) = word.split_once('=').unwrap();
            command.env(name, value);
        }
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        let here = place.path().to_str().unwrap();
        let text = text.replace(here, "HERE").replace(VERSION, "VERSION");
        let _ = write!(found, "\n$ {line}\n{text}[exit {}]\n", output.status.code().unwrap());
    }
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &found).unwrap();
    }
    similar(&written, &found);
}

#[track_caller]
fn similar(written: &str, found: &str) {
    if written != found {
        let line = written.lines().zip(found.lines()).position(|(a, b)| a != b).unwrap_or_default();
        panic!("tests/data/configure/messages.txt differs from line {} on; now:\n{found}", line + 1);
    }
}

#[test]
fn the_help_names_every_option_and_variable() {
    let place = Place::new();
    let help = String::from_utf8(place.run(&["--help"]).stdout).unwrap();
    let short = String::from_utf8(place.run(&["--help=short"]).stdout).unwrap();
    for row in rkt_build::configure::table::OPTIONS {
        assert!(help.contains(&row.spelling()), "{}", row.spelling());
    }
    for row in rkt_build::configure::table::VARIABLES {
        assert!(help.contains(row.name), "{}", row.name);
    }
    for command in rkt_build::cli::COMMANDS {
        assert!(help.contains(command.name), "{}", command.name);
        let own = String::from_utf8(place.run(&["help", command.name]).stdout).unwrap();
        assert!(own.contains(command.name));
    }
    assert!(short.contains("--with-stage1-flavors") && !short.contains("--bindir"));
    assert!(help.lines().all(|line| line.chars().count() <= 100));
    assert!(!place.path().join(format!("build-rkt-{VERSION}")).exists());
}

#[test]
fn called_as_configure_it_only_configures() {
    let place = Place::new();
    let mut command = place.command(&["--prefix=/opt/rkt", "--with-stage1-flavors=fly"]);
    let output = command.arg0("/somewhere/configure").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(place.config()["directories"]["prefix"], "/opt/rkt");
    let files: Vec<_> = fs::read_dir(place.path().join(format!("build-rkt-{VERSION}"))).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing but config.json");

    let output = place.command(&["install"]).arg0("configure").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unexpected word \"install\""));
}

#[test]
fn the_override_reaches_fly() {
    let config = Place::new().accept(&[
        "configure",
        "--with-stage1-flavors=fly",
        "--with-stage1-flavors-version-override=9.9.9-7",
    ]);
    assert_eq!(config["flavors_version"], "9.9.9-7");
    assert_eq!(config["default_stage1"]["version"], "9.9.9-7");
    assert_eq!(config["version"], VERSION);
}

/// Whether systemd is process 1 does not matter: in most containers it is not.
#[test]
fn functional_tests_of_flavor_host_need_tools_of_systemd() {
    let place = Place::new();
    let words = ["configure", "--with-stage1-flavors=host"];
    let yes = [words[0], words[1], "--enable-functional-tests"];
    assert_eq!(place.accept(&yes)["features"]["functional_tests"], true);

    // A PATH with what compiling needs alone.
    let bin = tempfile::tempdir().unwrap();
    for name in ["cargo", "rustc", "cc"] {
        let path = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|dir| dir.join(name))
            .find(|path| path.exists())
            .unwrap();
        std::os::unix::fs::symlink(path, bin.path().join(name)).unwrap();
    }
    let place = Place::new();
    let says = "flavor host takes systemd from the machine: systemd-nspawn, needed for starting pods: not in PATH; \
                systemctl, needed for exit codes, and changing pods: not in PATH";
    let refused = place.command(&yes).env("PATH", bin.path()).output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(text.contains(&format!("error: the functional tests cannot run: {says}")), "{text}");
    assert!(text.contains("hint: install systemd-nspawn"), "{text}");
    let auto = [words[0], words[1], "--enable-functional-tests=auto"];
    let noted = place.command(&auto).env("PATH", bin.path()).output().unwrap();
    let text = String::from_utf8_lossy(&noted.stderr);
    assert!(noted.status.success(), "{text}");
    assert!(text.contains(&format!("warning: no functional tests: {says}")), "{text}");
    assert_eq!(place.config()["features"]["functional_tests"], false);
}

#[test]
fn locations_may_be_urls_and_paths() {
    for (location, file) in [
        ("https://example.com/s1.aci", Value::Null),
        ("docker://example.com/s1", Value::Null),
        ("http://example.com/s1.aci", Value::Null),
        ("file:///srv/s1.aci", Value::Null),
        ("/srv/mine.aci", "mine.aci".into()),
    ] {
        let option = format!("--with-stage1-default-location={location}");
        let config = Place::new().accept(&["configure", "--with-stage1-flavors=fly", &option]);
        assert_eq!(config["default_stage1"]["location"], location);
        assert_eq!(config["default_stage1"]["file"], file, "{location}");
    }
    // A packager passes an empty variable on: as if the option were not there.
    let config =
        Place::new().accept(&["configure", "--with-stage1-flavors=fly", "--with-stage1-default-location="]);
    assert_eq!(config["default_stage1"]["location"], Value::Null);
    assert_eq!(config["default_stage1"]["file"], "stage1-fly.aci");
}

#[test]
fn a_second_run_with_the_same_options_writes_nothing() {
    let place = Place::new();
    let words = ["configure", "-q", "--prefix=/usr", "--with-stage1-flavors=fly"];
    place.accept(&words);
    let path = place.path().join(format!("build-rkt-{VERSION}/config.json"));
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    place.accept(&words);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
}

#[test]
fn nothing_is_written_when_refused_or_told_not_to() {
    let place = Place::new();
    assert_eq!(place.run(&["configure", "--with-stage1-flavors=nope"]).status.code(), Some(3));
    assert!(place.run(&["configure", "--no-create"]).status.success());
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn the_build_directory_is_a_choice() {
    let place = Place::new();
    assert!(place.run(&["configure", "BUILDDIR=out/here"]).status.success());
    let text = fs::read(place.path().join("out/here/config.json")).unwrap();
    let config: Value = serde_json::from_slice(&text).unwrap();
    let builddir = fs::canonicalize(place.path()).unwrap().join("out/here");
    assert_eq!(config["builddir"], builddir.to_str().unwrap());
}

#[test]
fn a_build_outside_the_source_gets_a_makefile() {
    let place = Place::new();
    let source = place.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("Makefile"), "all:\n\t@echo it is $(srcdir)\nsrcdir := x\n").unwrap();
    let option = format!("--srcdir={}", source.display());
    place.accept(&["configure", &option]);
    let output = Command::new("make").current_dir(place.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "it is x\n");

    // Somebody else's Makefile stays.
    fs::write(place.path().join("Makefile"), "mine:\n").unwrap();
    place.accept(&["configure", &option]);
    assert_eq!(fs::read_to_string(place.path().join("Makefile")).unwrap(), "mine:\n");
}

#[test]
fn a_flavor_of_a_packager_is_known_and_its_faults_are_told() {
    let place = Place::new();
    let flavor = place.path().join("flavors/mine");
    fs::create_dir_all(&flavor).unwrap();
    let fly = Path::new(env!("CARGO_MANIFEST_DIR")).join("flavors/fly/flavor.toml");
    let text = fs::read_to_string(fly).unwrap();
    fs::write(flavor.join("flavor.toml"), text.replace("stage1-fly", "stage1-mine")).unwrap();
    let words = ["configure", "--with-flavors-dir=flavors", "--with-stage1-flavors=mine,fly"];
    let config = place.accept(&words);
    assert_eq!(config["default_stage1"]["name"], "coreos.com/rkt/stage1-mine");
    assert_eq!(config["default_stage1"]["file"], "stage1-mine.aci");

    fs::write(flavor.join("flavor.toml"), "summary = \"x\"\ncolour = \"red\"\n").unwrap();
    let output = place.run(&words);
    assert_eq!(output.status.code(), Some(3));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("flavor.toml:2:"), "{errors}");
}
