//! `enter`: a command beside the app.

use crate::scene::Scene;
use serde_json::json;
use std::fs;

const WAIT: &str = "touch /work/started; while [ ! -e /work/end ]; do sleep 0.02; done";

#[test]
fn the_command_is_in_the_apps_place() {
    let scene = Scene::new(WAIT)
        .app("user", json!("web"))
        .app("group", json!("staff"))
        .app("supplementaryGIDs", json!([77]))
        .app("environment", json!([{"name": "A", "value": "b c"}]));
    std::os::unix::fs::chown(scene.rootfs().join("work"), Some(33), None).expect("chown");
    let outcome = scene
        .script(
            "run & wait_for $A/work/started
             TERM=vt100 enter sh -c 'id -u; id -g; id -G; echo $A $AC_APP_NAME $TERM ${SECRET-unset}; pwd; ls /'
             enter /bin/sh -c 'exit 9'; echo $?
             enter /bin/nothing; echo $?
             enter nothing; echo $?
             touch $A/work/end; wait",
        )
        .ended(0);
    assert_eq!(
        outcome.lines(),
        [
            "33",
            "50",
            "50 77",
            "b c app vt100 unset",
            "/",
            "bin",
            "dev",
            "etc",
            "proc",
            "sys",
            "tmp",
            "work",
            "9",
            "254",
            "254"
        ]
    );
    assert!(
        outcome.err.contains("fly-enter: exec failed: \"/bin/nothing\" does not exist"),
        "{}",
        outcome.err
    );
    assert!(outcome.err.contains("fly-enter: exec failed: unable to find \"nothing\""), "{}", outcome.err);
}

#[test]
fn it_runs_from_the_tree_store_copy_too() {
    let scene = Scene::new(WAIT);
    let outcome = scene
        .script(
            "mkdir $OUTSIDE/tree; cp -a $R/stage1 $R/enter $R/flavor $OUTSIDE/tree
             run & wait_for $A/work/started
             ( cd $P && $OUTSIDE/tree/enter --pid=$(cat pid) --appname=app -- /bin/echo entered )
             touch $A/work/end; wait",
        )
        .ended(0);
    assert_eq!(outcome.out, "entered\n");
}

#[test]
fn a_group_that_docker_copied_from_the_user() {
    let scene = Scene::new(WAIT)
        .app("user", json!("web"))
        .app("group", json!("web"))
        .image("annotations", json!([{"name": "appc.io/docker/repository", "value": "x"}]))
        .image("app", json!({"exec": ["/x"], "user": "web", "group": "web"}));
    std::os::unix::fs::chown(scene.rootfs().join("work"), Some(33), None).expect("chown");
    let outcome =
        scene.script("run & wait_for $A/work/started; enter id -g; touch $A/work/end; wait").ended(0);
    assert_eq!(outcome.out, "33\n");
}

#[test]
fn wrong_calls() {
    let scene = Scene::new("true");
    let call = |arguments: &str| scene.script(&format!("cd $P; exec $R/enter {arguments}"));
    call("--pid=x -- /bin/sh").ended(2);
    call("-- /bin/sh").ended(2);
    call("--pid=1 --other -- /bin/sh").ended(2);
    assert!(call("--pid=1").ended(254).err.contains("no command to run"));
    assert!(
        call("--pid=1 --appname=other -- /bin/sh").ended(254).err.contains("the pod has no app \"other\"")
    );
    // A number that somebody else's process has by now: entering its root would be entering the host.
    let outcome = scene
        .script("sleep 5 & cd $P; $R/enter --pid=$! -- /bin/sh; code=$?; kill $!; exit $code")
        .ended(254);
    assert!(outcome.err.contains("is not of pod"), "{}", outcome.err);
    assert!(call("--pid=4194300 -- /bin/sh").ended(254).err.contains("/proc/4194300/root"));
    fs::remove_file(scene.pod.join("pod")).expect("remove");
}
