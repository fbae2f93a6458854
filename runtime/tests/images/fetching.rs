//! Bringing images into the store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::killing::tree;
use crate::support::{MANIFEST, NAME, World, run};

#[test]
fn the_key_is_the_hash_of_the_uncompressed_archive() {
    let world = World::new();
    let file = world.hello();
    let id = world.fetch(&file);
    let sum =
        run(Command::new("sh").arg("-c").arg("gzip -dc hello.aci | sha512sum").current_dir(world.path()));
    assert_eq!(id, format!("sha512-{}", &sum[..64]));
    let short = world.rkt(&["--insecure-options=image", "fetch", "hello.aci"]).ok();
    assert_eq!(short.trim_end(), &id[..39]);
    let stored = fs::read(world.blob(&id)).unwrap();
    let unpacked =
        run(Command::new("gzip").args(["-dk", "-S", ".aci", "hello.aci"]).current_dir(world.path()));
    assert_eq!(unpacked, "");
    assert_eq!(stored, fs::read(world.at("hello")).unwrap());
}

#[test]
fn every_compression_gives_the_same_image() {
    let world = World::new();
    let id = world.fetch(&world.hello());
    run(Command::new("sh")
        .current_dir(world.path())
        .arg("-c")
        .arg("gzip -dc hello.aci > plain.aci && bzip2 -k < plain.aci > bz.aci && xz < plain.aci > xz.aci"));
    for file in ["plain.aci", "bz.aci", "xz.aci"] {
        assert_eq!(world.fetch(file), id, "{file}");
    }
}

#[test]
fn the_store_has_the_original_s_layout_and_modes_for_any_umask() {
    for umask in ["0", "077"] {
        let world = World::new();
        world.hello();
        let rkt = env!("CARGO_BIN_EXE_rkt");
        run(Command::new("sh")
            .current_dir(world.path())
            .arg("-c")
            .arg(format!("umask {umask}; {rkt} --dir=data --insecure-options=image fetch hello.aci")));
        let modes: Vec<_> = tree(&world.data())
            .into_iter()
            .filter(|(path, _)| {
                [
                    "cas",
                    "cas/blob",
                    "cas/db",
                    "cas/tmp",
                    "cas/tree",
                    "cas/treestorelocks",
                    "cas/db/index.sqlite3",
                ]
                .iter()
                .any(|wanted| path.to_str() == Some(wanted))
            })
            .map(|(path, about)| format!("{} {}", path.display(), about.split(' ').next().unwrap()))
            .collect();
        assert_eq!(
            modes,
            [
                "cas 40770",
                "cas/blob 40770",
                "cas/db 40770",
                "cas/db/index.sqlite3 100660",
                "cas/tmp 40770",
                "cas/tree 40755",
                "cas/treestorelocks 40755"
            ],
            "umask {umask}"
        );
    }
}

#[test]
fn a_file_that_changed_is_a_new_image_and_an_unchanged_one_is_not_read_again() {
    let world = World::new();
    world.hello();
    // Old enough that a change would show in its times.
    std::thread::sleep(std::time::Duration::from_millis(120));
    let first = world.fetch("hello.aci");
    let reads = |what: &str| {
        run(Command::new("strace")
            .args(["-f", "-e", "trace=openat,read,pread64", "-P"])
            .arg(world.at("hello.aci"))
            .arg("-o")
            .arg(world.at(what))
            .arg(env!("CARGO_BIN_EXE_rkt"))
            .arg("--dir")
            .arg(world.data())
            .args(["--insecure-options=image", "fetch", "./hello.aci"])
            .current_dir(world.path()));
        let calls = fs::read_to_string(world.at(what)).unwrap();
        calls.lines().filter(|line| line.contains("read(") || line.contains("pread64(")).count()
    };
    assert_eq!(reads("unchanged"), 0);
    world.hello_as("hello.aci", MANIFEST, "good day\n");
    assert!(reads("changed") > 0);
    assert_ne!(world.fetch("hello.aci"), first);
    assert_eq!(world.rkt(&["image", "list", "--no-legend"]).ok().lines().count(), 2);
}

#[test]
fn without_the_option_an_image_file_needs_a_signature() {
    let world = World::new();
    world.hello();
    world.rkt(&["fetch", "hello.aci"]).fails(&["hello.aci", "signature", "--insecure-options=image"]);
    assert!(world.rkt(&["image", "list", "--no-legend"]).ok().is_empty());
}

#[test]
fn what_a_later_version_brings_is_named() {
    let world = World::new();
    for (reference, says) in [
        ("docker://busybox", "registries"),
        ("https://example.com/x.aci", "over http"),
        ("example.com/unknown", "discovery failed"),
        ("sha512-00", "discovery failed"),
    ] {
        world.rkt(&["--insecure-options=image", "fetch", reference]).fails(&[reference, says, "later"]);
    }
}

#[test]
fn stored_images_are_found_by_name_version_and_labels() {
    let world = World::new();
    let one = world.fetch(&world.hello());
    let two = world.fetch(&world.hello_as("two.aci", &MANIFEST.replace("1.0", "2.0"), "two\n"));
    let find = |reference: &str| {
        world.rkt(&["fetch", "--full", "--pull-policy=new", reference]).ok().trim_end().to_owned()
    };
    assert_eq!(find(&format!("{NAME}:1.0")), one);
    assert_eq!(find(&format!("{NAME}:2.0,os=linux")), two);
    assert_eq!(find(NAME), two);
    world
        .rkt(&["fetch", "--pull-policy=never", &format!("{NAME}:3.0")])
        .fails(&["version=3.0", "local store"]);
}

#[test]
fn an_ordinary_user_is_told_what_is_needed() {
    let world = World::new();
    world.fetch(&world.hello());
    let before = world.tree();
    let rkt = world.at("rkt");
    fs::copy(env!("CARGO_BIN_EXE_rkt"), &rkt).unwrap();
    fs::set_permissions(&rkt, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=1234", "--regid=1234", "--clear-groups"])
        .arg(&rkt)
        .arg("--dir")
        .arg(world.data())
        .args(["--insecure-options=image", "fetch", "./hello.aci"])
        .current_dir(world.path())
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(254), "{err}");
    assert!(err.contains("cas") && err.contains("--dir") && err.contains("root"), "{err}");
    assert_eq!(world.tree(), before);

    // In a directory of their own, users may do what they like.
    let own = world.at("own");
    fs::create_dir(&own).unwrap();
    std::os::unix::fs::chown(&own, Some(1234), Some(1234)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=1234", "--regid=1234", "--clear-groups"])
        .arg(&rkt)
        .arg("--dir")
        .arg(own.join("data"))
        .args(["--insecure-options=image", "fetch", "./hello.aci"])
        .current_dir(world.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_read_only_data_directory_is_named() {
    let world = World::new();
    world.fetch(&world.hello());
    let script = format!(
        "mount --bind {0} {0} && mount -o remount,ro,bind {0} && {1} --dir={0} --insecure-options=image fetch ./hello.aci; echo $?",
        world.data().display(),
        env!("CARGO_BIN_EXE_rkt")
    );
    world.hello_as("hello.aci", MANIFEST, "other\n");
    let output =
        Command::new("unshare").args(["-m", "sh", "-c", &script]).current_dir(world.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(out.trim(), "254", "{err}");
    assert!(err.contains("Read-only") && err.contains("data/cas") && err.contains("--dir"), "{err}");
}
