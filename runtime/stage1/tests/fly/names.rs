//! Names that the executable is called by, and flags.

use crate::scene::Scene;

#[test]
fn unknown_names_are_told_the_known_ones() {
    let scene = Scene::new("true");
    let outcome = scene.script("ln -s stage1 $R/jump; exec $R/jump").ended(254);
    let (first, second) = outcome.err.split_once('\n').expect("two lines");
    assert_eq!(first, "stage1: no entry point is called \"jump\"");
    let names = second
        .trim_end()
        .strip_prefix("stage1: hint: this executable is called through links with the names: ");
    let names: Vec<&str> = names.expect("the hint").split(", ").collect();
    assert!(
        names.is_sorted() && ["enter", "gc", "init", "run", "stop"].iter().all(|name| names.contains(name))
    );
    let outcome = scene.script("ln -s stage1 $R/init; exec $R/init").ended(254);
    assert_eq!(
        outcome.err,
        "stage1: flavor \"fly\" has no entry point \"init\"\nstage1: hint: it has: enter, gc, run, stop\n"
    );
    let outcome = scene.script("rm $R/flavor; ln -s other $R/flavor; exec $R/run").ended(254);
    assert!(
        outcome.err.contains("of the image names \"other\", which nothing here serves"),
        "{}",
        outcome.err
    );
    let outcome = scene.script("rm $R/flavor; exec $R/run").ended(254);
    assert!(outcome.err.contains("stage1/rootfs/flavor"), "{}", outcome.err);
}

#[test]
fn undefined_flags_end_with_usage() {
    let scene = Scene::new("echo must not run");
    for flag in ["--private-users=1:2", "-mutable", "--ipc=auto", "--nonsense"] {
        let outcome = scene.script(&format!("run {flag}")).ended(2);
        let name = flag.trim_start_matches('-').split('=').next().expect("name");
        let first = format!("flag provided but not defined: -{name}\nUsage of ");
        assert!(outcome.err.starts_with(&first), "{}", outcome.err);
        assert!(outcome.err.contains("  -dns-conf-mode value\n"), "{}", outcome.err);
        assert!(!outcome.err.contains("-ipc string"), "{}", outcome.err);
        assert_eq!(outcome.out, "");
    }
    scene.script("run --dns-conf-mode=resolv=other").ended(2);
}

#[test]
fn flags_without_meaning_here_are_accepted() {
    let scene = Scene::new("echo ran");
    let outcome = scene
        .script(
            "run -debug --local-config /etc/rkt --interactive=false -disable-paths --disable-seccomp \
             --disable-capabilities-restriction --hostname=h --mds-token=t",
        )
        .ended(0);
    assert_eq!(
        outcome.out,
        "Warning: -mds-token not supported; ignoring\nWarning: -hostname not supported; ignoring\nran\n"
    );
    assert_eq!(outcome.err, "");
}

#[test]
fn a_wrong_uuid_is_refused() {
    let scene = Scene::new("true");
    for words in ["", "nonsense", &format!("{0} {0}", crate::scene::UUID)] {
        let outcome = scene.script(&format!("cd $P; exec $R/run --net=host {words}")).ended(254);
        assert!(outcome.err.contains("UUID"), "{}", outcome.err);
    }
}
