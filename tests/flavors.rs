//! Flavors as data: one is added, one is replaced, and what is wrong with one is told with its place.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use common::{Place, executables, ok, ready_made, text};

/// A flavor that extends fly and brings files of its own.
const MINE: &str = r#"
summary = "fly with a message"
extends = "fly"

[image]
name = "example.com/stage1-mine"
interface-version = 5

[[layer]]
from = "files"
folder = "root"
modes = { "/bin/tool" = "0755" }

[[layer]]
from = "entries"
file = { "/etc/motd" = { text = "hello\n", mode = "0600" } }
symlink = { "/gc" = "bin/tool" }
replaces = ["/gc"]
"#;

struct Flavors(Place);

impl Flavors {
    fn new() -> Self {
        Self(Place::new())
    }

    fn add(&self, name: &str, text: &str) {
        fs::create_dir_all(self.folder(name)).unwrap();
        fs::write(self.folder(name).join("flavor.toml"), text).unwrap();
    }

    fn folder(&self, name: &str) -> std::path::PathBuf {
        self.0.at("flavors").join(name)
    }

    fn configure(&self, flavors: &str) -> Command {
        let mut command = self.0.command(&["configure", "-q"]);
        command.args(ready_made(executables())).arg("--with-flavors-dir=flavors");
        command.arg(format!("--with-stage1-flavors={flavors}"));
        command
    }

    /// What is said about a flavor file when it is used.
    #[track_caller]
    fn refused(&self, name: &str, text_of_file: &str) -> String {
        self.add(name, text_of_file);
        let configured = self.configure(name).output().unwrap();
        if !configured.status.success() {
            return text(&configured.stderr);
        }
        self.0.fails(&["build", &format!("stage1-{name}")]).1
    }
}

fn listed(image: &Path) -> String {
    text(&ok(Command::new("tar").arg("-tvzf").arg(image)).stdout)
}

#[test]
fn a_flavor_is_added_without_code() {
    let flavors = Flavors::new();
    flavors.add("mine", MINE);
    fs::create_dir_all(flavors.folder("mine").join("root/bin")).unwrap();
    fs::write(flavors.folder("mine").join("root/bin/tool"), "#!/bin/sh\n").unwrap();
    symlink("tool", flavors.folder("mine").join("root/bin/same")).unwrap();
    ok(&mut flavors.configure("mine"));
    flavors.0.ok(&["build", "stage1-mine"]);
    let list = listed(&flavors.0.built("bin/stage1-mine.aci"));
    for line in
        ["rootfs/bin/tool", "rootfs/bin/same -> tool", "rootfs/gc -> bin/tool", "rootfs/run -> stage1"]
    {
        assert!(list.contains(line), "{list}");
    }
    let mode = |name: &str| list.lines().find(|line| line.ends_with(name)).unwrap()[..10].to_owned();
    assert_eq!((mode("bin/tool"), mode("etc/motd")), ("-rwxr-xr-x".to_owned(), "-rw-------".to_owned()));
    flavors.0.ok(&["lint", "b/bin/stage1-mine.aci"]);
    // A file of it changes, and the image with it.
    fs::write(flavors.folder("mine").join("root/bin/tool"), "#!/bin/sh\nexit\n").unwrap();
    assert!(flavors.0.ok(&["explain", "stage1-mine"]).contains("root/bin/tool:/bin/tool changed"));
    fs::write(flavors.folder("mine").join("root/bin/more"), "").unwrap();
    assert!(flavors.0.ok(&["explain", "stage1-mine"]).contains("root/bin/more:/bin/more is new"));
    flavors.0.ok(&["build", "stage1-mine"]);
    assert!(listed(&flavors.0.built("bin/stage1-mine.aci")).contains("rootfs/bin/more"));
}

#[test]
fn flavors_with_systemd_are_extended() {
    // One that changes the host flavor, and one that takes what all flavors with systemd share.
    let host = r#"
summary = "the host flavor with a network of its own"
extends = "host"

[image]
name = "example.com/stage1-mine"
interface-version = 6

[[layer]]
from = "files"
folder = "root"
replaces = ["/etc/rkt/net.d/99-default.conf", "/usr/lib/systemd/system/sysusers.service"]
"#;
    let common = r#"
summary = "what flavors with systemd share"
extends = "common"

[image]
name = "example.com/stage1-other"
interface-version = 6

[entry-points]
stop = "/other_stop"

[[layer]]
from = "entries"
symlink = { "/flavor" = "host", "/lib" = "usr/lib", "/other_stop" = "stage1" }
"#;
    let flavors = Flavors::new();
    flavors.add("mine", host);
    flavors.add("other", common);
    let root = flavors.folder("mine").join("root");
    for (file, text) in [
        ("etc/rkt/net.d/99-default.conf", "{}\n"),
        ("usr/lib/systemd/system/sysusers.service", "[Service]\nExecStart=/usr/bin/systemd-sysusers\n"),
        ("usr/lib/systemd/system/more.target", "[Unit]\nRequires=sockets.target\n"),
    ] {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::write(root.join(file), text).unwrap();
    }
    ok(&mut flavors.configure("mine,other,host"));
    flavors.0.ok(&["build", "stage1-mine", "stage1-other", "stage1-host"]);
    for flavor in ["mine", "other", "host"] {
        assert_eq!(flavors.0.ok(&["lint", &format!("b/bin/stage1-{flavor}.aci")]), "", "{flavor}");
    }
    let read = |path: &str| {
        let image = flavors.0.built("bin/stage1-mine.aci");
        text(&ok(Command::new("tar").arg("-xOzf").arg(image).arg(format!("rootfs/{path}"))).stdout)
    };
    assert_eq!(read("etc/rkt/net.d/99-default.conf"), "{}\n");
    assert!(!read("usr/lib/systemd/system/sysusers.service").contains("Description"));
    let list = listed(&flavors.0.built("bin/stage1-mine.aci"));
    assert!(list.contains("rootfs/flavor -> host") && list.contains("system/more.target"), "{list}");
    let about = flavors.0.ok(&["inspect", "b/bin/stage1-other.aci"]);
    assert!(about.contains("/other_stop") && about.contains("stage1/app/add"), "{about}");
    // What others extend is no flavor that can be chosen.
    let output = flavors.configure("common").output().unwrap();
    assert!(text(&output.stderr).contains("unknown stage1 flavor \"common\""), "{output:?}");
}

#[test]
fn a_flavor_of_ours_can_be_replaced() {
    let flavors = Flavors::new();
    let fly = fs::read_to_string(Path::new(common::TOP).join("flavors/fly/flavor.toml")).unwrap();
    flavors.add("fly", &fly.replace("\"/opt/stage2\"", "\"/opt/mine\""));
    ok(&mut flavors.configure("fly"));
    flavors.0.ok(&["build"]);
    assert!(listed(&flavors.0.built("bin/stage1-fly.aci")).contains("rootfs/opt/mine"));
}

#[test]
fn faults_are_told_with_their_place() {
    let fly = fs::read_to_string(Path::new(common::TOP).join("flavors/fly/flavor.toml")).unwrap();
    let rows: &[(&str, &str, &[&str])] = &[
        ("an unknown key", "colour = \"red\"\n", &["flavor.toml:1:1", "unknown field `colour`"]),
        (
            "entries that come twice",
            "[[layer]]\nfrom = \"entries\"\nsymlink = { \"/flavor\" = \"x\" }\n",
            &["/flavor is already there", "replaces ="],
        ),
        (
            "a replacement of nothing",
            "[[layer]]\nfrom = \"entries\"\nsymlink = { \"/x\" = \"y\" }\nreplaces = [\"/x\"]\n",
            &["/x is to be replaced"],
        ),
        (
            "a path that climbs",
            "[[layer]]\nfrom = \"entries\"\nsymlink = { \"/../x\" = \"y\" }\n",
            &["flavor.toml:", "a .. component"],
        ),
        (
            "a folder that climbs",
            "[[layer]]\nfrom = \"files\"\nfolder = \"../../..\"\n",
            &["flavor.toml:", "a .. component"],
        ),
        ("a folder that is not there", "[[layer]]\nfrom = \"files\"\nfolder = \"nope\"\n", &["nope"]),
        (
            "something below a link",
            "[[layer]]\nfrom = \"entries\"\nfile = { \"/flavor/x\" = { text = \"\", mode = \"0644\" } }\n",
            &["below /flavor, which is not a directory"],
        ),
    ];
    for (what, more, told) in rows {
        let flavors = Flavors::new();
        let text = if told[0].ends_with(":1:1") { format!("{more}{fly}") } else { format!("{fly}\n{more}") };
        let said = flavors.refused("mine", &text);
        for part in *told {
            assert!(said.contains(part), "{what}: {part} is not told:\n{said}");
        }
    }
}

#[test]
fn an_entry_point_must_be_there() {
    let flavors = Flavors::new();
    let said = flavors.refused(
        "mine",
        "summary = \"x\"\nextends = \"fly\"\n[image]\nname = \"example.com/x\"\ninterface-version = 5\n[entry-points]\nrun = \"/rkt/status\"\n",
    );
    assert!(said.contains("the entry point run = \"/rkt/status\" is not an executable file"), "{said}");
}

#[test]
fn links_do_not_lead_out() {
    let flavors = Flavors::new();
    flavors.add("mine", MINE);
    fs::create_dir_all(flavors.folder("mine").join("root/bin")).unwrap();
    fs::write(flavors.folder("mine").join("root/bin/tool"), "").unwrap();
    for target in ["/etc/passwd", "../../../etc/passwd"] {
        let link = flavors.folder("mine").join("root/bin/link");
        let _ = fs::remove_file(&link);
        symlink(target, &link).unwrap();
        ok(&mut flavors.configure("mine"));
        let (_, said) = flavors.0.fails(&["build", "stage1-mine"]);
        assert!(said.contains("root/bin/link") && said.contains("outside of its folder"), "{said}");
    }
    // The folder, the file and the flavor itself may not be links that lead elsewhere either.
    let elsewhere = Place::new();
    fs::remove_dir_all(flavors.folder("mine").join("root")).unwrap();
    symlink(elsewhere.path(), flavors.folder("mine").join("root")).unwrap();
    ok(&mut flavors.configure("mine"));
    assert!(flavors.0.fails(&["build", "stage1-mine"]).1.contains("not a directory"));
    fs::remove_file(flavors.folder("mine").join("flavor.toml")).unwrap();
    fs::write(elsewhere.at("flavor.toml"), MINE).unwrap();
    symlink(elsewhere.at("flavor.toml"), flavors.folder("mine").join("flavor.toml")).unwrap();
    let output = flavors.configure("mine").output().unwrap();
    assert!(text(&output.stderr).contains("not a regular file"), "{output:?}");
    fs::remove_dir_all(flavors.folder("mine")).unwrap();
    symlink(elsewhere.path(), flavors.folder("mine")).unwrap();
    let output = flavors.configure("mine").output().unwrap();
    assert!(text(&output.stderr).contains("leads out"), "{output:?}");
}

#[test]
fn circles_end() {
    let flavors = Flavors::new();
    let text_of = |base: &str| {
        format!(
            "summary = \"x\"\nextends = \"{base}\"\n[image]\nname = \"example.com/x\"\ninterface-version = 5\n"
        )
    };
    flavors.add("other", &text_of("mine"));
    let said = flavors.refused("mine", &text_of("other"));
    assert!(said.contains("in a circle"), "{said}");
    let said = flavors.refused("mine", &text_of("nobody"));
    assert!(said.contains("no flavor named nobody") && said.contains("fly"), "{said}");
}
