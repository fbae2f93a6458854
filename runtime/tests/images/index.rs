//! The index is lost, damaged, newer, or another program's.

use std::fs;
use std::path::Path;

use crate::support::{MANIFEST, NAME, World};

fn two_images() -> (World, Vec<String>) {
    let world = World::new();
    let mut ids = vec![
        world.fetch(&world.hello()),
        world.fetch(&world.hello_as("two.aci", &MANIFEST.replace("1.0", "2.0"), "two\n")),
    ];
    ids.sort();
    (world, ids)
}

fn listed(world: &World) -> Vec<String> {
    let list = world.rkt(&["image", "list", "--full", "--no-legend", "--fields=id"]).ok();
    let mut ids: Vec<_> = list.lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

fn index(world: &World) -> std::path::PathBuf {
    world.data().join("cas/db/index.sqlite3")
}

#[test]
fn a_lost_index_is_rebuilt() {
    let (world, ids) = two_images();
    let sizes = world.rkt(&["image", "list", "--full", "--no-legend", "--fields=id,name,size"]).ok();
    fs::remove_file(index(&world)).unwrap();
    let run = world.rkt(&["image", "list"]);
    assert!(run.err.contains("rebuilt it from 2 stored images"), "{run:?}");
    assert_eq!(listed(&world), ids);
    let mut before: Vec<_> = sizes.lines().collect();
    let after = world.rkt(&["image", "list", "--full", "--no-legend", "--fields=id,name,size"]).ok();
    let mut after: Vec<_> = after.lines().collect();
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(before, after);
}

#[test]
fn a_lost_database_directory_is_made_again() {
    let (world, ids) = two_images();
    fs::remove_dir_all(world.data().join("cas/db")).unwrap();
    world.rkt(&["image", "list"]).ok();
    assert_eq!(listed(&world), ids);
}

#[test]
fn a_damaged_index_is_moved_aside_and_rebuilt() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("garbage", |path| fs::write(path, vec![b'x'; 20_000]).unwrap()),
        ("empty", |path| fs::write(path, "").unwrap()),
        ("half", |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("tables", |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[4096..].fill(0xa5);
            fs::write(path, bytes).unwrap();
        }),
        ("schema", |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[100..4096].fill(0);
            fs::write(path, bytes).unwrap();
        }),
    ];
    for (name, damage) in damages {
        let (world, ids) = two_images();
        damage(&index(&world));
        let run = world.rkt(&["image", "cat-manifest", NAME]);
        assert!(run.err.contains("rebuilt it from 2 stored images"), "{name}: {run:?}");
        run.ok();
        assert_eq!(listed(&world), ids, "{name}");
        // Writing goes on too.
        world.rkt(&["image", "rm", &ids[0]]).ok();
        assert_eq!(listed(&world), ids[1..], "{name}");
    }
}

#[test]
fn a_newer_index_is_left_alone() {
    let (world, _) = two_images();
    let path = index(&world);
    let mut bytes = fs::read(&path).unwrap();
    // The version of the tables in the header of the database.
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    world.rkt(&["image", "list"]).fails(&["index.sqlite3", "version: 99", "--dir"]);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_data_directory_of_the_original_is_taken_over() {
    let (world, ids) = two_images();
    fs::remove_file(index(&world)).unwrap();
    fs::write(world.data().join("cas/db/ql.db"), "the original's database").unwrap();
    let run = world.rkt(&["image", "list"]);
    assert!(run.err.contains("took over 2 images of the original rkt"), "{run:?}");
    assert!(run.err.contains("ql.db") && run.err.contains("lost"), "{run:?}");
    run.ok();
    assert_eq!(listed(&world), ids);
    let again = world.rkt(&["image", "list"]);
    assert_eq!(again.err, "");

    // What only the original knows is not ours to clean away.
    let its = world.data().join("cas/blob/sha512/00").join(format!("sha512-{}", "00".repeat(32)));
    fs::create_dir_all(its.parent().unwrap()).unwrap();
    fs::write(&its, "an image of the original's").unwrap();
    world.rkt(&["image", "gc"]).ok();
    assert!(its.exists());
    fs::remove_file(world.data().join("cas/db/ql.db")).unwrap();
    world.rkt(&["image", "gc"]).ok();
    assert!(!its.exists());
}

#[test]
fn a_planted_link_makes_no_file_elsewhere() {
    let (world, _) = two_images();
    let elsewhere = world.data().join("elsewhere");
    fs::remove_file(index(&world)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, index(&world)).unwrap();
    let run = world.rkt(&["image", "list"]);
    assert!(run.err.contains("index.sqlite3"), "{run:?}");
    assert!(!elsewhere.exists());
}

#[test]
fn a_planted_pipe_stops_no_cleaning() {
    let (world, ids) = two_images();
    let pipe = world.data().join("cas/tmp/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    world.rkt(&["image", "gc", "--grace-period=1h"]).ok();
    assert!(!pipe.exists());
    assert_eq!(listed(&world), ids);
}
