//! A `rkt` that is killed in the middle of its work, at counted system calls.

use std::fs;

use crate::killing::{killed_at, tree};
use crate::support::{NAME, World, is_prefix_dir};

/// Calls that change something, or are a step before a change.
const CALLS: &str = "%file,%desc";

/// Kills `words` at `points` places spread over its work, checking the world after each.
fn kill_everywhere(points: usize, words: &[&str], prepare: impl Fn(&World), check: impl Fn(&World)) {
    let world = World::new();
    world.hello();
    prepare(&world);
    // How many calls there are: found by doubling, then narrowed down.
    let mut total = 64;
    while killed_at(&world.command(words), CALLS, total) {
        check(&world);
        total *= 2;
        assert!(total < 1 << 20, "the command never ends");
        prepare(&world);
    }
    let mut killed = 0;
    let step = (total / (points * 2)).max(1);
    for call in (1..total).step_by(step) {
        prepare(&world);
        if !killed_at(&world.command(words), CALLS, call) {
            break;
        }
        killed += 1;
        check(&world);
    }
    assert!(killed >= points, "only {killed} points in {total} calls");
}

#[test]
fn a_killed_fetch_leaves_no_half_image() {
    let words = ["--insecure-options=image", "fetch", "./hello.aci"];
    let clean = World::new();
    clean.fetch(&clean.hello());
    clean.rkt(&["image", "gc", "--grace-period=0"]).ok();
    let empty: Vec<_> = clean.tree().into_keys().filter(|path| !is_prefix_dir(path)).collect();
    kill_everywhere(
        50,
        &words,
        |world| {
            world.rkt(&["image", "gc", "--grace-period=0"]).ok();
            let left: Vec<_> = world.tree().into_keys().filter(|path| !is_prefix_dir(path)).collect();
            assert_eq!(left, empty);
        },
        |world| {
            // What is listed is whole.
            let list = world.rkt(&["image", "list", "--no-legend"]).ok();
            if !list.is_empty() {
                world.rkt(&["image", "render", "--overwrite", NAME, "out"]).ok();
                world.rkt(&["image", "verify", NAME]).ok();
            }
            // And the next fetch works, whatever was left.
            world.fetch("hello.aci");
            world.rkt(&["image", "verify", NAME]).ok();
            world.rkt(&["image", "gc"]).ok();
            assert_eq!(fs::read_dir(world.data().join("cas/tmp")).unwrap().count(), 0);
        },
    );
}

#[test]
fn a_killed_gc_leaves_every_image_whole_or_gone() {
    let words = ["image", "gc", "--grace-period=0"];
    kill_everywhere(
        50,
        &words,
        |world| {
            world.fetch("hello.aci");
        },
        |world| {
            let list = world.rkt(&["image", "list", "--no-legend"]).ok();
            if !list.is_empty() {
                world.rkt(&["image", "render", "--overwrite", NAME, "out"]).ok();
                let listed = tree(&world.at("out"));
                assert!(listed.contains_key(std::path::Path::new("rootfs/bin/hello")));
            }
            world.rkt(&["image", "gc", "--grace-period=0"]).ok();
            assert!(world.rkt(&["image", "list", "--no-legend"]).ok().is_empty());
            let blobs = world
                .tree()
                .into_keys()
                .filter(|path| path.starts_with("cas/blob") && path.components().count() > 4);
            assert_eq!(blobs.count(), 0);
        },
    );
}
