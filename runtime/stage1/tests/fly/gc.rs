//! `gc`: nothing stays mounted, and nothing of the host is taken away.

use crate::scene::Scene;

const COUNT: &str = "echo $(mounts | wc -l)";

#[test]
fn everything_goes_and_twice_is_fine() {
    let scene = Scene::new("true");
    let outcome = scene
        .script(&format!(
            "run; [ $(mounts | wc -l) -gt 3 ] && echo mounted; gc; {COUNT}; gc; {COUNT}; ls $A/dev"
        ))
        .ended(0);
    assert_eq!(outcome.out, "mounted\n0\n0\n");
}

#[test]
fn never_run_or_half_gone() {
    let scene = Scene::new("true");
    scene.script("gc").ended(0);
    Scene::new("").script("rm -r $P/stage1/rootfs/opt/stage2/app/rootfs $P/pod; gc").ended(0);
    Scene::new("").script("rm -r $P/stage1/rootfs/opt; gc --local-config /etc/rkt --debug").ended(0);
    let outcome = scene.script("cd /; exec $R/gc $UUID").ended(254);
    assert!(outcome.err.contains("/ is not the directory of pod"), "{}", outcome.err);
}

#[test]
fn busy_mounts_go_too() {
    let scene = Scene::new("cd /dev/shm; touch /work/started; sleep 1000 & exit 0");
    let outcome = scene
        .script(&format!(
            "run; gc; {COUNT}; for p in /proc/[0-9]*; do [ $p/root -ef $A ] 2>/dev/null && kill -9 ${{p#/proc/}}; done; true"
        ))
        .ended(0);
    assert_eq!(outcome.out, "0\n");
}

#[test]
fn mounts_on_one_another_and_of_the_app_go() {
    let scene = Scene::new("mount -t tmpfs a /work; mount -t tmpfs b /work; mount -t tmpfs c /tmp");
    assert_eq!(scene.script(&format!("run; gc; {COUNT}")).ended(0).out, "0\n");
}

/// On a host whose mounts are shared, taking away the pod's view of `/dev` must not take `/dev/pts`.
#[test]
fn mounts_of_the_host_stay() {
    let scene = Scene::new("true");
    for propagation in ["private", "slave"] {
        let outcome = scene
            .script_with(
                propagation,
                &format!(
                    "[ {propagation} = private ] || mount --make-rshared /
                     host() {{ grep -vF \" $P/\" /proc/self/mountinfo | cut -d' ' -f5- | sort; }}
                     before=$(host); run; during=$(host); gc; after=$(host)
                     [ \"$before\" = \"$during\" ] && echo unchanged; [ \"$before\" = \"$after\" ] && echo same; {COUNT}"
                ),
            )
            .ended(0);
        assert_eq!(outcome.out, "unchanged\nsame\n0\n", "{propagation}");
    }
}

#[test]
fn mounts_beside_the_pod_stay() {
    let scene = Scene::new("true");
    let outcome = scene
        .script(
            "mkdir $P.other $OUTSIDE/x; mount -t tmpfs t $P.other; mount -t tmpfs t $OUTSIDE/x
             mkdir -p $R/opt/stage2/link; ln -s $OUTSIDE $R/opt/stage2/link/rootfs; ln -s $OUTSIDE $R/opt/stage2/other
             run; gc; grep -cE \" ($P.other|$OUTSIDE/x) \" /proc/self/mountinfo",
        )
        .ended(0);
    assert_eq!(outcome.out, "2\n");
}

/// What stage0 has mounted is stage0's, whether the app ran or could not be started.
#[test]
fn the_overlay_of_stage0_stays() {
    for exec in ["true", "exec /nowhere"] {
        let scene = Scene::new(exec);
        let outcome = scene
            .script(&format!(
                "touch $P/overlay-prepared; mkdir $OUTSIDE/upper $OUTSIDE/work $OUTSIDE/lower; cp -a $A/. $OUTSIDE/lower
                 mount -t overlay -o lowerdir=$OUTSIDE/lower,upperdir=$OUTSIDE/upper,workdir=$OUTSIDE/work overlay $A
                 run; gc; mounts | grep -o 'overlay overlay'; {COUNT}; gc; {COUNT}"
            ))
            .ended(0);
        assert_eq!(outcome.out, "overlay overlay\n1\n1\n", "{}", outcome.err);
    }
    let scene = Scene::new("").app("exec", serde_json::json!(["/nowhere"]));
    let outcome = scene
        .script(&format!(
            "touch $P/overlay-prepared; mount -t tmpfs t $A; cp -a /bin/busybox $A; run; echo $?; {COUNT}"
        ))
        .ended(0);
    assert_eq!(outcome.out, "254\n1\n", "{}", outcome.err);
}
