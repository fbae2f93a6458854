//! `attach`: from outside the pod. A shell script with `nsenter` enters it as the real entry point does.

use crate::scene::{APP, Running, Scene, start, text, wait_until};
use crate::terminal;
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// Enters the root of a scene; keeps the environment.
const ENTER: &str = r#"#!/bin/sh
echo "$@" >"${0%/*}/called"
pid=${1#--pid=}; shift
[ "$1" = -- ] || exit 1; shift
program=${0%/*}/image$1; shift
exec nsenter --target="$pid" --mount --root --wdns=/ -- "$program" "$@"
"#;

fn enter(scene: &Scene) -> PathBuf {
    let path = scene.outside().join("enter");
    fs::write(&path, ENTER).expect("write");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    path
}

/// A call as stage0 makes it.
fn attach(scene: &Scene, arguments: &[&str]) -> Command {
    let mut command = Command::new(scene.entry_point("attach"));
    command.args(arguments).arg(format!("--app={APP}")).arg("--debug=false");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("RKT_STAGE1_ENTERCMD", enter(scene)).env("RKT_STAGE1_ENTERPID", scene.pid().to_string());
    command
}

#[test]
fn it_runs_a_client_in_the_pod() {
    let scene = Scene::new();
    let service = scene.serve(&["stdout", "stderr"]);
    let output = start(&mut attach(&scene, &["--action=list"])).output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("{\n    \"version\": 1,\n    \"targets\": [\n        {\n"));
    assert_eq!(
        fs::read_to_string(scene.outside().join("called")).expect("read"),
        format!("--pid={} -- /iottymux --action=list --app={APP}\n", scene.pid())
    );

    let streams = ["--tty-in=false", "--tty-out=false", "--stdin=false", "--stdout=false", "--stderr=true"];
    let mut custom = start(attach(&scene, &["--action=custom-attach"]).args(streams));
    let (mut out, mut err) = (scene.pipe("stdout"), scene.pipe("stderr"));
    err.write_all(b"err 1\n").expect("write");
    custom.complains(b"err 1\n");
    let mut client = start(&mut attach(&scene, &["--action=auto-attach"]));
    out.write_all(b"out\n").expect("write");
    client.writes(b"out\n");
    err.write_all(b"err 2\n").expect("write");
    custom.complains(b"err 2\n");
    client.complains(b"err 2\n");
    service.stop();
    assert_eq!(client.output().status.code(), Some(0));
    assert_eq!(custom.output().status.code(), Some(0));
    let output = start(&mut attach(&scene, &["--action=auto-attach"])).output();
    assert_eq!(output.status.code(), Some(254));
}

#[test]
fn signals_and_the_end_of_the_caller_reach_the_client() {
    for kill in [Signal::TERM, Signal::INT, Signal::KILL] {
        let scene = Scene::new();
        let service = scene.serve(&["stdin", "stdout"]);
        let mut app = scene.pipe("stdout");
        let mut caller = start(&mut attach(&scene, &["--action=auto-attach"]));
        app.write_all(b"out\n").expect("write");
        caller.writes(b"out\n");
        let clients = || {
            let list = Command::new("pgrep").args(["-f", "-P", &caller_pid(&caller), "auto-attach"]).output();
            text(&list.expect("run pgrep").stdout)
        };
        let client: i32 = clients().trim().parse().expect("one client");
        caller.signal(kill);
        let status = caller.end();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(kill.as_raw()), "{status}");
        let path = format!("/proc/{client}/stat");
        wait_until("the client has ended", || {
            fs::read_to_string(&path).map_or(true, |stat| stat.contains(") Z "))
        });
        service.stop();
    }
}

fn caller_pid(caller: &Running) -> String {
    caller.pid().as_raw_nonzero().to_string()
}

#[test]
fn a_killed_client_is_said() {
    let scene = Scene::new();
    let service = scene.serve(&["stdout"]);
    let mut caller = start(&mut attach(&scene, &["--action=auto-attach"]));
    let mut app = scene.pipe("stdout");
    app.write_all(b"out\n").expect("write");
    caller.writes(b"out\n");
    let killed = Command::new("pkill").args(["-KILL", "-P", &caller_pid(&caller)]).status();
    assert!(killed.expect("run pkill").success());
    let output = caller.output();
    assert_eq!(output.status.code(), Some(254));
    assert!(
        text(&output.stderr).contains("the client in the pod has been killed"),
        "{}",
        text(&output.stderr)
    );
    service.stop();
}

#[test]
fn the_terminal_is_given_back_when_the_client_is_killed_with_its_pod() {
    let scene = Scene::new();
    let _service = terminal::serve(&scene);
    let (_person, own) = terminal::own_terminal(33);
    let caller = terminal::on(&own, &attach(&scene, &["--action=auto-attach"]));
    wait_until("the terminal is raw", || terminal::is_raw(&own));
    let killed = Command::new("pkill").args(["-KILL", "-P", &caller_pid(&caller)]).status();
    assert!(killed.expect("run pkill").success());
    assert_eq!(caller.output().status.code(), Some(254));
    assert!(!terminal::is_raw(&own));
}

#[test]
fn wrong_calls() {
    let scene = Scene::new();
    let run = |name: &str, value: &str, arguments: &[&str]| {
        let mut command = attach(&scene, arguments);
        command.env(name, value);
        let output = start(&mut command).output();
        (output.status.code(), text(&output.stderr))
    };
    let (code, said) = run("OTHER", "", &["--action=other"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = run("OTHER", "", &["--action=list", "--nonsense"]);
    assert_eq!(code, Some(2), "{said}");
    for name in ["RKT_STAGE1_ENTERCMD", "RKT_STAGE1_ENTERPID"] {
        let (code, said) = run(name, "", &["--action=list"]);
        assert!(code == Some(254) && said.contains(name), "{said}");
    }
    let (code, said) = run("RKT_STAGE1_ENTERPID", "x", &["--action=list"]);
    assert!(code == Some(254) && said.contains("is not a process ID"), "{said}");
    let (code, said) = run("RKT_STAGE1_ENTERCMD", "/none", &["--action=list"]);
    assert!(code == Some(254) && said.contains("cannot run the program /none"), "{said}");
}
