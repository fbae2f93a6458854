//! Putting what was built in its place, and taking it away again.

mod common;

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use common::{Place, executables, listing, ok, ready_made};

/// What an installation consists of, below `DESTDIR`.
const INSTALLED: [&str; 10] = [
    "d 0755 usr",
    "d 0755 usr/local",
    "d 0755 usr/local/bin",
    "d 0755 usr/local/lib",
    "d 0755 usr/local/lib/rkt",
    "d 0755 usr/local/lib/rkt/stage1-images",
    "f 0644 usr/local/lib/rkt/stage1-images/stage1-fly.aci",
    "f 0644 usr/local/lib/rkt/stage1-images/stage1-fly.aci.json",
    "f 0755 usr/local/bin/rkt",
    "",
];

fn installed() -> Vec<&'static str> {
    INSTALLED.into_iter().filter(|line| !line.is_empty()).collect()
}

fn built() -> Place {
    let place = Place::new();
    place.configure(&[]);
    place.ok(&["build"]);
    place
}

#[test]
fn files_go_where_they_belong_whatever_the_umask() {
    let place = built();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "umask 077; exec \"$@\"",
        "sh",
        common::PROGRAM,
        "install",
        "DESTDIR=root",
        "BUILDDIR=b",
    ]);
    command.current_dir(place.path());
    common::clean(&mut command);
    let said = common::text(&ok(&mut command).stdout);
    fs::set_permissions(place.at("root"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(listing(&place.at("root")), installed());
    for file in ["usr/local/bin/rkt", "usr/local/lib/rkt/stage1-images/stage1-fly.aci"] {
        assert!(said.contains(file), "it says what went where:\n{said}");
    }
    let image = fs::read(place.at("root/usr/local/lib/rkt/stage1-images/stage1-fly.aci")).unwrap();
    assert!(image == place.image());
    // Again: nothing to do, and nothing is touched.
    let before = fs::metadata(place.at("root/usr/local/bin/rkt")).unwrap().modified().unwrap();
    assert!(!place.ok(&["install", "DESTDIR=root"]).contains("->"));
    assert_eq!(fs::metadata(place.at("root/usr/local/bin/rkt")).unwrap().modified().unwrap(), before);
    // The program that was installed tells its defaults.
    let said = ok(Command::new(place.at("root/usr/local/bin/rkt")).arg("version")).stdout;
    assert!(common::text(&said).contains(common::VERSION));
}

#[test]
fn nothing_is_installed_that_was_not_built() {
    let place = Place::new();
    place.configure(&[]);
    let (_, said) = place.fails(&["install", "DESTDIR=root"]);
    assert!(
        said.contains("has not been built") && said.contains("bin/rkt") && said.contains("stage1-fly.aci"),
        "{said}"
    );
    place.ok(&["build"]);
    fs::write(place.built("bin/stage1-fly.aci"), "x").unwrap();
    let (_, said) = place.fails(&["install", "DESTDIR=root"]);
    assert!(said.contains("changed since it was built"), "{said}");
    assert!(!place.at("root").exists());
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_before_any_work() {
    let place = Place::new();
    place.configure(&[]);
    fs::create_dir_all(place.at("root")).unwrap();
    fs::write(place.at("root/usr"), "a file").unwrap();
    let words = common::ready_made(common::executables());
    let output = place.command(&words).arg("DESTDIR=root").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = common::text(&output.stderr);
    assert!(said.contains("not a directory") && said.contains("root/usr"), "{said}");
    assert!(!place.built("bin").exists());
}

#[test]
fn without_a_command_everything_is_done() {
    let place = Place::new();
    let words = common::ready_made(common::executables());
    ok(place.command(&words).arg("DESTDIR=root"));
    assert_eq!(listing(&place.at("root")), installed());
    let begun = Instant::now();
    ok(place.command(&words).arg("DESTDIR=root"));
    assert!(begun.elapsed().as_millis() < 1500, "with nothing to do it took {:?}", begun.elapsed());
}

#[test]
fn uninstall_takes_away_only_what_install_put_there() {
    let place = built();
    fs::create_dir_all(place.at("root/usr/local/bin")).unwrap();
    fs::write(place.at("root/usr/local/bin/other"), "").unwrap();
    place.ok(&["install", "DESTDIR=root"]);
    // Another package has put its own image there since.
    let image = place.at("root/usr/local/lib/rkt/stage1-images/stage1-fly.aci");
    fs::write(&image, "another").unwrap();
    // Another DESTDIR has nothing of ours.
    let (_, said) = place.fails(&["uninstall", "DESTDIR=elsewhere"]);
    assert!(said.contains("nothing is installed"), "{said}");
    place.ok(&["clean"]);
    let output = ok(&mut place.command(&["uninstall", "DESTDIR=root"]));
    assert!(common::text(&output.stderr).contains("so it stays"), "{output:?}");
    assert_eq!(fs::read(&image).unwrap(), b"another");
    fs::remove_file(&image).unwrap();
    let left = listing(&place.at("root"));
    assert_eq!(
        left,
        [
            "d 0755 usr",
            "d 0755 usr/local",
            "d 0755 usr/local/bin",
            "d 0755 usr/local/lib",
            "d 0755 usr/local/lib/rkt",
            "d 0755 usr/local/lib/rkt/stage1-images",
            "f 0644 usr/local/bin/other",
        ]
    );
    // A whole installation leaves no folder behind.
    let place = built();
    place.ok(&["install", "DESTDIR=root"]);
    place.ok(&["uninstall", "DESTDIR=root"]);
    assert!(!place.at("root").exists());
    let (_, said) = place.fails(&["uninstall", "DESTDIR=root"]);
    assert!(said.contains("nothing is installed"), "{said}");
}

#[test]
fn an_install_that_is_killed_leaves_nothing_half() {
    let place = built();
    let files = [
        ("bin/rkt", "usr/local/bin/rkt"),
        ("bin/stage1-fly.aci", "usr/local/lib/rkt/stage1-images/stage1-fly.aci"),
        ("bin/stage1-fly.aci.json", "usr/local/lib/rkt/stage1-images/stage1-fly.aci.json"),
    ];
    let whole: Vec<_> = files.iter().map(|(from, _)| fs::read(place.built(from)).unwrap()).collect();
    let begun = Instant::now();
    place.ok(&["install", "DESTDIR=root"]);
    let took = begun.elapsed();
    for point in 0..50 {
        place.ok(&["uninstall", "DESTDIR=root"]);
        let mut child =
            place.command(&["install", "-q", "DESTDIR=root"]).stderr(Stdio::null()).spawn().unwrap();
        sleep(took * point / 50);
        let _ = child.kill();
        child.wait().unwrap();
        for ((_, file), whole) in files.iter().zip(&whole) {
            let found = fs::read(place.at("root").join(file));
            assert!(found.is_err() || found.unwrap() == *whole, "half of {file} at point {point}");
        }
        place.ok(&["install", "DESTDIR=root"]);
        assert_eq!(listing(&place.at("root")), installed(), "after point {point}");
    }
}

#[test]
fn everything_can_be_tried_without_writing() {
    let place = Place::new();
    let output = ok(place.command(&["-n"]).args(ready_made(executables())));
    assert!(common::text(&output.stdout).contains("stage1-fly (image): runs"));
    assert_eq!(listing(place.path()), [""; 0]);

    // A destination that cannot be and a program that is none are told in one run.
    fs::write(place.at("file"), "").unwrap();
    let mut words = vec!["DESTDIR=file".to_owned()];
    words.extend(ready_made(executables()));
    words.push("--with-rkt-executable=/bin/ls".to_owned());
    let (code, said) = place.fails(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, 3);
    assert!(said.contains("not a directory") && said.contains("/bin/ls"), "{said}");

    // What was not built is refused before anything is put anywhere.
    place.configure(&[]);
    let (code, said) = place.fails(&["install", "DESTDIR=root"]);
    assert!(code == 3 && said.contains("it has not been built"), "{said}");
    assert!(!place.at("root").exists());
}
