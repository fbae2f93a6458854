//! What is mounted below a volume: seen by the app when the volume is recursive, hidden when it is not.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount};

use crate::harness::{Sandbox, tests};

tests! {
    fly: [
        recursive_volumes_show_what_is_mounted_below,
        other_volumes_hide_it,
        without_a_word_they_hide_it,
        read_only_ones_are_so_all_the_way_down,
        one_volume_goes_to_one_place,
    ],
    host: [
        recursive_volumes_show_what_is_mounted_below,
        other_volumes_hide_it,
        without_a_word_they_show_it,
        read_only_ones_are_so_all_the_way_down,
        one_volume_goes_to_several_places,
    ],
}

/// A directory with another file system mounted on `inner`, a file in each.
fn source(sandbox: &Sandbox) -> PathBuf {
    let source = sandbox.at("outer");
    fs::create_dir_all(source.join("inner")).unwrap();
    fs::write(source.join("file"), "outer\n").unwrap();
    mount("tmpfs", source.join("inner"), "tmpfs", MountFlags::empty(), None).unwrap();
    fs::write(source.join("inner/file"), "inner\n").unwrap();
    source
}

/// The lines of an app that has the directory as `/data`.
fn in_an_app(sandbox: &Sandbox, source: &Path, more: &str, line: &str) -> Vec<String> {
    let volume = format!("--volume=v,kind=host,source={}{more}", source.display());
    let run = sandbox.run().options([volume]).shell_with(&["--mount=volume=v,target=/data"], line);
    let lines = run.end().ok().lines();
    unmount(source);
    lines
}

/// The test's own mount, which is not the pod's to take away.
fn unmount(source: &Path) {
    rustix::mount::unmount(source.join("inner"), rustix::mount::UnmountFlags::DETACH).unwrap();
}

const CAT: &str = "cat /data/file; cat /data/inner/file 2>/dev/null || echo hidden";

fn recursive_volumes_show_what_is_mounted_below(sandbox: &Sandbox) {
    assert_eq!(in_an_app(sandbox, &source(sandbox), ",recursive=true", CAT), ["outer", "inner"]);
}

fn other_volumes_hide_it(sandbox: &Sandbox) {
    assert_eq!(in_an_app(sandbox, &source(sandbox), ",recursive=false", CAT), ["outer", "hidden"]);
}

fn without_a_word_they_hide_it(sandbox: &Sandbox) {
    assert_eq!(in_an_app(sandbox, &source(sandbox), "", CAT), ["outer", "hidden"]);
}

fn without_a_word_they_show_it(sandbox: &Sandbox) {
    assert_eq!(in_an_app(sandbox, &source(sandbox), "", CAT), ["outer", "inner"]);
}

fn read_only_ones_are_so_all_the_way_down(sandbox: &Sandbox) {
    let source = source(sandbox);
    let line = "for dir in /data /data/inner; do touch $dir/new 2>/dev/null && echo written || echo no; done";
    assert_eq!(in_an_app(sandbox, &source, ",recursive=true,readOnly=true", line), ["no", "no"]);
    assert!(!source.join("new").exists());
}

/// A run with the volume on two targets.
fn twice(sandbox: &Sandbox) -> crate::harness::Ended {
    let source = source(sandbox);
    let volume = format!("--volume=v,kind=host,source={}", source.display());
    let mounts = ["--mount=volume=v,target=/one", "--mount=volume=v,target=/two"];
    let ended = sandbox.run().options([volume]).shell_with(&mounts, "cat /one/file /two/file").end();
    unmount(&source);
    ended
}

fn one_volume_goes_to_one_place(sandbox: &Sandbox) {
    twice(sandbox).fails("duplicate mount given: \"v\"");
}

fn one_volume_goes_to_several_places(sandbox: &Sandbox) {
    assert_eq!(twice(sandbox).ok().lines(), ["outer", "outer"]);
}
