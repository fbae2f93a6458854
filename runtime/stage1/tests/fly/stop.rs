//! `stop`: the app, or what it left behind.

use crate::scene::Scene;

const WAIT: &str = "touch /work/started; while :; do sleep 0.02; done";

#[test]
fn the_app_is_asked_or_forced() {
    let scene = Scene::new(&format!("trap 'echo asked; exit 5' TERM; {WAIT}"));
    let outcome =
        scene.script("run & app=$!; wait_for $A/work/started; stop; echo $?; wait $app; echo $?").ended(0);
    let mut lines = outcome.lines();
    lines.sort_unstable();
    assert_eq!(lines, ["0", "5", "asked"]);

    let scene = Scene::new(&format!("trap '' TERM; {WAIT}"));
    let outcome = scene
        .script(
            "run & app=$!; wait_for $A/work/started; stop; sleep 0.1; kill -0 $app && echo alive
             stop --force; wait $app; echo $?",
        )
        .ended(0);
    assert_eq!(outcome.out, "alive\n137\n");
}

#[test]
fn processes_that_the_app_left_behind() {
    // The group is the caller's too: only what has the app's root may be signalled.
    let scene = Scene::new("sleep 1000 & echo $! >/work/left; exit 0");
    let outcome = scene
        .script(
            "run; left=$(cat $A/work/left); kill -0 $left && echo alive
             stop; echo $?
             for i in $(seq 100); do kill -0 $left 2>/dev/null || break; sleep 0.02; done
             kill -0 $left 2>/dev/null || echo gone
             stop; echo $?",
        )
        .ended(0);
    assert_eq!(outcome.out, "alive\n0\ngone\n254\n");
    assert!(outcome.err.contains("no process of app \"app\" is left to stop"), "{}", outcome.err);
}

#[test]
fn a_pod_that_was_not_started() {
    let scene = Scene::new("true");
    assert!(scene.script("stop").ended(254).err.contains("/pid: "));
    for text in ["0", "-1", "x", ""] {
        let outcome = scene.script(&format!("echo '{text}' >$P/pid; stop")).ended(254);
        assert!(outcome.err.contains("is not a process ID"), "{}", outcome.err);
    }
}

#[test]
fn a_process_that_has_the_number_by_now() {
    let scene = Scene::new("true");
    let outcome = scene
        .script("sleep 5 & echo $! >$P/pid; stop; echo $?; stop --force; echo $?; kill -0 $! && echo alive; kill $!")
        .ended(0);
    assert_eq!(outcome.out, "254\n254\nalive\n");
}

#[test]
fn an_app_that_has_made_a_deeper_root_its_own() {
    let scene = Scene::new("touch /work/started; exec /bin/busybox chroot /work /bin/busybox sleep 1000");
    let outcome = scene
        .script(
            "mkdir $A/work/bin; cp $A/bin/busybox $A/work/bin; run & app=$!; wait_for $A/work/started
             until [ /proc/$(cat $P/pid)/root -ef $A/work ]; do sleep 0.02; done
             stop; wait $app; echo $?",
        )
        .ended(0);
    assert_eq!(outcome.out, "143\n");
}
