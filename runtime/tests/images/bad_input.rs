//! Files that are not sound images: the message names file, place and remedy, and nothing is left behind.

use std::fs;
use std::process::Command;

use crate::support::{MANIFEST, Raw, World, archive, run};

/// Fetches a bad file into a store that holds a good image; nothing there may change.
#[track_caller]
fn refused(bytes: &[u8], says: &[&str]) {
    let world = World::new();
    let id = world.fetch(&world.hello());
    fs::write(world.at("bad.aci"), bytes).unwrap();
    let before = world.tree();
    let outside = fs::read_dir(world.path()).unwrap().count();
    let err = world.rkt(&["--insecure-options=image", "fetch", "./bad.aci"]).fails(says);
    assert!(err.contains("bad.aci"), "{err}");
    assert!(err.contains("; ") || err.contains("hint: "), "no remedy: {err}");
    assert_eq!(world.tree(), before);
    assert_eq!(fs::read_dir(world.path()).unwrap().count(), outside);
    let list = world.rkt(&["image", "list", "--full", "--no-legend", "--fields=id"]).ok();
    assert_eq!(list.trim_end(), id);
}

fn with(entries: &[Raw]) -> Vec<u8> {
    let mut all = vec![Raw::file("manifest", MANIFEST.as_bytes()), Raw::dir("rootfs")];
    all.extend_from_slice(entries);
    archive(&all)
}

#[test]
fn no_archive_at_all() {
    refused(b"", &["not an image archive"]);
    refused(b"#!/bin/sh\nexit 0\n", &["not an image archive"]);
    refused(&vec![0_u8; 100_000], &["manifest"]);
}

#[test]
fn truncated() {
    let world = World::new();
    world.hello();
    let whole = fs::read(world.at("hello.aci")).unwrap();
    for part in [1, 2, 3] {
        refused(&whole[..whole.len() * part / 4], &["damaged"]);
    }
    let plain = with(&[Raw::file("rootfs/x", &[1; 5000])]);
    refused(&plain[..3000], &["damaged", "too early"]);
}

#[test]
fn bit_flips() {
    let world = World::new();
    world.hello();
    let whole = fs::read(world.at("hello.aci")).unwrap();
    for part in [1, 3, 5, 7] {
        let mut flipped = whole.clone();
        let at = whole.len() * part / 8;
        flipped[at] ^= 0x10;
        // Which rule notices depends on what the bit was: a flipped manifest is read before its checksum.
        refused(&flipped, &[]);
    }
    let mut header = with(&[]);
    header[130] ^= 1;
    refused(&header, &[]);
}

#[test]
fn manifests() {
    let manifest = |text: &str| archive(&[Raw::file("manifest", text.as_bytes()), Raw::dir("rootfs")]);
    refused(&manifest("{"), &["manifest"]);
    refused(&manifest("[]"), &["manifest"]);
    refused(&manifest(&MANIFEST.replace("ImageManifest", "PodManifest")), &["acKind", "PodManifest"]);
    refused(&manifest(&MANIFEST.replace("0.8.11", "eight")), &["acVersion"]);
    refused(&manifest(&MANIFEST.replace("example.com/hello", "Not A Name")), &["name", "Not A Name"]);
    refused(&archive(&[Raw::dir("rootfs")]), &["no `manifest`"]);
    refused(&archive(&[Raw::dir("manifest"), Raw::dir("rootfs")]), &["manifest", "directory"]);
}

#[test]
fn paths_that_lead_elsewhere() {
    refused(&with(&[Raw::file("rootfs/../../escape", b"x")]), &["..", "rootfs/../../escape"]);
    refused(&with(&[Raw::file("/etc/escape", b"x")]), &["absolute", "/etc/escape"]);
    refused(
        &with(&[Raw::link("rootfs/out", b'2', "/tmp"), Raw::file("rootfs/out/escape", b"x")]),
        &["symlink", "rootfs/out"],
    );
    refused(&with(&[Raw::link("rootfs/hard", b'1', "../../etc/passwd")]), &["hard link"]);
    refused(&with(&[Raw::link("rootfs/hard", b'1', "rootfs/none")]), &["hard link", "rootfs/none"]);
    refused(&with(&[Raw::file("rootfs/a", b"x"), Raw::file("rootfs/a", b"y")]), &["twice", "rootfs/a"]);
    let symlinked = archive(&[Raw::file("manifest", MANIFEST.as_bytes()), Raw::link("rootfs", b'2', "/")]);
    refused(&symlinked, &["`rootfs` must be a directory"]);
}

#[test]
fn a_decompression_bomb() {
    let world = World::new();
    // 10 GiB of zeros in about 10 MB.
    run(Command::new("sh").current_dir(world.path()).arg("-c").arg(
        "head -c 10M /dev/zero | gzip > part && mkdir x && printf x > x/f && for i in $(seq 1024); do cat part; done > zeros.gz",
    ));
    let mut bomb = Vec::new();
    let mut begin = with(&[]);
    begin.truncate(begin.len() - 1024);
    let mut header = archive(&[Raw::file("rootfs/zeros", b"")])[..512].to_vec();
    header[124..136].copy_from_slice(b"77777777777\0");
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    begin.extend_from_slice(&header);
    fs::write(world.at("begin"), &begin).unwrap();
    run(Command::new("gzip").arg("begin").current_dir(world.path()));
    bomb.extend(fs::read(world.at("begin.gz")).unwrap());
    bomb.extend(fs::read(world.at("zeros.gz")).unwrap());
    refused(&bomb, &["bomb"]);
}

#[test]
fn what_is_no_file_or_not_there() {
    let world = World::new();
    fs::create_dir(world.at("dir.aci")).unwrap();
    world.rkt(&["--insecure-options=image", "fetch", "./dir.aci"]).fails(&["dir.aci", "not a regular file"]);
    world.rkt(&["--insecure-options=image", "fetch", "./none.aci"]).fails(&["none.aci", "No such file"]);
    let none: [&str; 2] = ["--insecure-options=image", "fetch"];
    world.rkt(&none).fails(&["at least one image"]);
}

#[test]
fn a_blob_that_was_damaged_in_the_store_is_not_unpacked() {
    let world = World::new();
    let id = world.fetch(&world.hello());
    world.rkt(&["image", "gc"]).ok();
    let blob = world.blob(&id);
    let mut bytes = fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let before = world.tree();
    for words in [["extract", "out"], ["render", "out"], ["export", "out.aci"]] {
        world.rkt(&["image", words[0], NAME_OF_IMAGE, words[1]]).fails(&[
            "image hash does not match expected",
            "rkt image rm",
            &id,
        ]);
        assert!(!world.at(words[1]).exists());
    }
    assert_eq!(world.tree(), before);
}

const NAME_OF_IMAGE: &str = crate::support::NAME;
