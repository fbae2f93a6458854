//! Listing, exporting, unpacking, verifying, removing and collecting images.

use std::fs;
use std::process::Command;

use crate::killing::tree;
use crate::support::{MANIFEST, NAME, World, run};

#[test]
fn lists_for_people_and_programs() {
    let world = World::new();
    assert_eq!(world.rkt(&["image", "list", "--format=json"]).ok(), "null\n");
    let id = world.fetch(&world.hello());
    let list = world.rkt(&["image", "list"]).ok();
    let lines: Vec<_> = list.lines().collect();
    let header: Vec<_> = lines[0].split('\t').filter(|cell| !cell.is_empty()).collect();
    assert_eq!(header, ["ID", "NAME", "SIZE", "IMPORT TIME", "LAST USED"]);
    let row: Vec<_> = lines[1].split('\t').filter(|cell| !cell.is_empty()).collect();
    assert_eq!(row[..2], [&id[..19], "example.com/hello:1.0"]);
    assert!(row[2].ends_with("KiB") && (row[3] == "now" || row[3].ends_with("ago")), "{row:?}");

    let full = world.rkt(&["image", "list", "--full", "--no-legend", "--fields=id,size"]).ok();
    let size = full.trim_end().rsplit('\t').next().unwrap().parse::<u64>().unwrap();
    assert!(full.starts_with(&id), "{full}");
    let json: serde_json::Value =
        serde_json::from_str(&world.rkt(&["image", "list", "--format=json"]).ok()).unwrap();
    assert_eq!(json[0]["id"], id.as_str());
    assert_eq!(json[0]["name"], "example.com/hello:1.0");
    assert_eq!(json[0]["size"], size);
    assert!(json[0]["import_time"].as_u64() <= json[0]["last_used_time"].as_u64());

    world.fetch(&world.hello_as("b.aci", &MANIFEST.replace("hello", "a-first"), "x"));
    let names = |words: &[&str]| {
        let mut all = vec!["image", "list", "--no-legend", "--fields=name"];
        all.extend(words);
        world.rkt(&all).ok().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["example.com/hello:1.0", "example.com/a-first:1.0"]);
    assert_eq!(names(&["--sort=name"]), ["example.com/a-first:1.0", "example.com/hello:1.0"]);
    assert_eq!(names(&["--order=desc"]), ["example.com/a-first:1.0", "example.com/hello:1.0"]);
    for (word, says) in
        [("--fields=colour", "lastused"), ("--order=up", "asc"), ("--format=xml", "json-pretty")]
    {
        world.rkt(&["image", "list", word]).fails(&[says]);
    }
}

#[test]
fn the_manifest_is_what_the_archive_said() {
    let world = World::new();
    let id = world.fetch(&world.hello());
    let flat = world.rkt(&["image", "cat-manifest", "--pretty-print=false", NAME]).ok();
    assert_eq!(flat.trim_end(), MANIFEST);
    let pretty = world.rkt(&["image", "cat-manifest", &id[..15]]).ok();
    assert!(pretty.starts_with("{\n\t\"acKind\""), "{pretty}");
    world.rkt(&["image", "cat-manifest", "sha512-a"]).fails(&["image ID too short"]);
    world.rkt(&["image", "cat-manifest", "sha512-ffffffff0"]).fails(&["no image IDs found"]);
    world.rkt(&["image", "cat-manifest", "No Name"]).fails(&["No Name", "name[:version]"]);
}

#[test]
fn export_gives_back_the_same_image() {
    let world = World::new();
    let id = world.fetch(&world.hello());
    assert_eq!(world.rkt(&["image", "export", NAME, "out.aci"]).ok(), "");
    world.rkt(&["image", "export", NAME, "out.aci"]).fails(&["output ACI file exists (try --overwrite)"]);
    world.rkt(&["image", "export", "--overwrite", NAME, "out.aci"]).ok();
    world.rkt(&["image", "rm", &id]).ok();
    assert_eq!(world.fetch("out.aci"), id);
}

/// What GNU tar makes of the archive, as root.
fn unpacked_by_tar(world: &World) -> std::collections::BTreeMap<std::path::PathBuf, String> {
    fs::create_dir(world.at("by-tar")).unwrap();
    run(Command::new("tar")
        .args(["--numeric-owner", "--same-owner", "-xpzf", "hello.aci", "-C", "by-tar"])
        .current_dir(world.path()));
    tree(&world.at("by-tar"))
}

#[test]
fn extract_and_render_unpack_what_tar_unpacks() {
    let world = World::new();
    world.fetch(&world.hello());
    let expected = unpacked_by_tar(&world);
    for command in ["extract", "render"] {
        world.rkt(&["image", command, NAME, command]).ok();
        assert_eq!(tree(&world.at(command)), expected, "{command}");
        run(Command::new("diff")
            .args(["-r", "--no-dereference", "by-tar/rootfs/bin"])
            .arg(format!("{command}/rootfs/bin"))
            .current_dir(world.path()));
        let times = |dir: &str| {
            run(Command::new("find").args([dir, "-printf", "%P %T@\n"]).current_dir(world.path()))
                .lines()
                .filter(|line| !line.starts_with(' '))
                .map(|line| line.split('.').next().unwrap().to_owned())
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(times(command), times("by-tar"), "{command}");
        world.rkt(&["image", command, NAME, command]).fails(&["output directory exists (try --overwrite)"]);
        fs::write(world.at(command).join("stray"), "").unwrap();
        world.rkt(&["image", command, "--overwrite", "--rootfs-only", NAME, command]).ok();
        assert_eq!(tree(&world.at(command)), tree(&world.at("by-tar/rootfs")), "{command}");
        world
            .rkt(&["image", command, "--overwrite", NAME, "/"])
            .fails(&["this would delete your root filesystem. Refusing."]);
    }
    let left: Vec<_> = fs::read_dir(world.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".rkt")), "{left:?}");
}

#[test]
fn only_what_the_whitelist_names_is_rendered() {
    let world = World::new();
    let manifest =
        MANIFEST.replace("\"labels\"", "\"pathWhitelist\":[\"/bin/hello\",\"/etc/greeting\"],\"labels\"");
    world.fetch(&world.hello_as("hello.aci", &manifest, "hello\n"));
    world.rkt(&["image", "render", "--rootfs-only", NAME, "out"]).ok();
    let files: Vec<_> = tree(&world.at("out"))
        .into_iter()
        .filter(|(_, about)| !about.starts_with('4'))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(files, [std::path::Path::new("bin/hello"), std::path::Path::new("etc/greeting")]);
    world.rkt(&["image", "extract", "--rootfs-only", NAME, "raw"]).ok();
    assert!(world.at("raw/bin/hi").exists());
}

#[test]
fn images_that_need_others_are_refused_where_they_would_be_rendered() {
    let world = World::new();
    let manifest =
        MANIFEST.replace("\"labels\"", "\"dependencies\":[{\"imageName\":\"example.com/base\"}],\"labels\"");
    world.fetch(&world.hello_as("hello.aci", &manifest, "hello\n"));
    world.rkt(&["image", "render", NAME, "out"]).fails(&["example.com/hello", "example.com/base", "depends"]);
    assert!(!world.at("out").exists());
}

#[test]
fn verify_finds_a_changed_tree_and_mends_it() {
    let world = World::new();
    let id = world.fetch(&world.hello());
    let sound = || world.rkt(&["image", "verify", NAME]);
    // Whether fetching renders depends on overlay mounts; what follows needs the tree.
    let tree_dir =
        || fs::read_dir(world.data().join("cas/tree")).unwrap().map(|entry| entry.unwrap().path()).next();
    let Some(dir) = tree_dir() else {
        panic!("fetch did not render a tree: overlay mounts must work where tests run")
    };
    let expected = format!("successfully verified checksum for image: \"{NAME}\" (\"{id}\")\n");
    assert_eq!(sound().ok(), expected);
    let before = tree(&dir);
    for damage in
        ["echo more >> etc/greeting", "chmod 600 etc/greeting", "rm bin/hi", "touch new", "ln -sf /x link"]
    {
        run(Command::new("sh").arg("-c").arg(damage).current_dir(dir.join("rootfs")));
        let found = sound();
        assert!(
            found.err.contains("tree cache verification failed for image")
                && found.err.contains("rebuilding..."),
            "{damage}: {found:?}"
        );
        found.ok();
        assert_eq!(tree(&dir), before, "{damage}");
        assert_eq!(sound().ok(), expected, "{damage}");
    }
    // A tree without its mark was never completed.
    fs::remove_file(dir.join("rendered")).unwrap();
    assert!(sound().ok().contains("not rendered; no verification needed"));
}

#[test]
fn rm_removes_what_is_there_and_reports_the_rest() {
    let world = World::new();
    let id = world.fetch(&world.hello());
    let done = world.rkt(&["image", "rm", &id[..20], "example.com/none"]);
    assert_eq!(done.code, 0);
    assert_eq!(done.out, format!("successfully removed aci for image: \"{id}\"\n"));
    assert!(done.err.contains("rm: 1 image(s) successfully removed"), "{done:?}");
    assert!(done.err.contains("rm: 1 image(s) cannot be removed"), "{done:?}");
    assert!(!world.blob(&id).exists());
    assert!(world.rkt(&["image", "list", "--no-legend"]).ok().is_empty());
    let none: [&str; 2] = ["image", "rm"];
    world.rkt(&none).fails(&["must provide at least one image ID"]);
    // The file is known no longer either: it comes in anew.
    assert_eq!(world.fetch("hello.aci"), id);
    assert!(world.blob(&id).exists());
}

#[test]
fn gc_keeps_what_was_used_lately() {
    let world = World::new();
    let id = world.fetch(&world.hello());
    let kept = world.rkt(&["image", "gc"]);
    assert!(!kept.err.contains("successfully removed"), "{kept:?}");
    kept.ok();
    assert!(world.blob(&id).exists());
    assert_eq!(fs::read_dir(world.data().join("cas/tree")).unwrap().count(), 0);
    let gone = world.rkt(&["image", "gc", "--grace-period=0"]);
    assert!(gone.err.contains("gc: 1 image(s) successfully removed"), "{gone:?}");
    assert!(!world.blob(&id).exists());
    world.rkt(&["image", "gc", "--grace-period=soon"]).fails(&["--grace-period", "soon", "90m"]);
}

#[test]
fn gc_keeps_the_trees_of_pods() {
    let world = World::new();
    world.fetch(&world.hello());
    let id = fs::read_dir(world.data().join("cas/tree")).unwrap().next().unwrap().unwrap().file_name();
    let pod = world.data().join("pods/prepared/00000000-0000-4000-8000-000000000001");
    fs::create_dir_all(pod.join("appsinfo/hello")).unwrap();
    fs::write(pod.join("appsinfo/hello/treeStoreID"), id.to_str().unwrap()).unwrap();
    world.rkt(&["image", "gc"]).ok();
    assert!(world.data().join("cas/tree").join(&id).exists());
    fs::remove_dir_all(&pod).unwrap();
    world.rkt(&["image", "gc"]).ok();
    assert!(!world.data().join("cas/tree").join(&id).exists());
}
