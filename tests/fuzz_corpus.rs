//! Replays the corpus of every fuzz target: what once was found stays mended.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[expect(unreachable_pub, reason = "the fuzz targets use it as a crate of its own")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

#[test]
fn every_target_takes_its_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let folders = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(
        folders.collect::<BTreeSet<String>>(),
        names,
        "each target has a folder of seeds, each folder a target"
    );
    for (name, target) in targets::TARGETS {
        let mut seeds = 0;
        for seed in fs::read_dir(root.join(name)).unwrap() {
            let seed = seed.unwrap().path();
            println!("{}", seed.display());
            target(&fs::read(&seed).unwrap());
            seeds += 1;
        }
        assert!(seeds > 0, "the target {name} has no seeds");
    }
}
