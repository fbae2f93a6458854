//! The environment of an app: image, options of pod and app, the caller's; when it runs and when it is entered.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use crate::harness::{Image, Pod, Sandbox, tests};

tests! {
    fly: [
        what_is_said_later_wins,
        the_caller_s_environment_is_handed_on_when_asked_for,
        odd_values_arrive_as_they_are,
        the_standard_variables_are_there,
        prepared_pods_keep_theirs,
        entering_gives_the_app_s,
        the_terminal_of_those_who_enter,
        wrong_words_are_refused,
    ],
    host: [
        what_is_said_later_wins,
        the_caller_s_environment_is_handed_on_when_asked_for,
        odd_values_arrive_as_they_are,
        the_standard_variables_are_there,
        prepared_pods_keep_theirs,
        entering_gives_the_app_s,
        the_terminal_of_those_who_enter,
        wrong_words_are_refused,
    ],
}

/// An image that sets `PLACE`.
fn image(sandbox: &Sandbox) -> std::path::PathBuf {
    let environment = json!([{"name": "PLACE", "value": "image"}]);
    Image::busybox("example.com/env", sandbox).app("environment", environment).make(sandbox)
}

const ECHO: &[&str] = &["-c", "echo $PLACE $ONLY"];

fn what_is_said_later_wins(sandbox: &Sandbox) {
    let image = image(sandbox);
    let file = sandbox.at("env-file");
    fs::write(&file, "# a comment\n; another one\n\nPLACE=file\nONLY=file\n").unwrap();
    let file = format!("--set-env-file={}", file.display());
    let rows: &[(&[&str], &[&str], &str)] = &[
        (&[], &[], "image"),
        (&[], &["--environment=PLACE=app"], "app"),
        (&["--set-env=PLACE=set"], &["--environment=PLACE=app"], "set"),
        (&[&file], &["--environment=PLACE=app"], "file file"),
        (&[&file, "--set-env=PLACE=set"], &[], "set file"),
    ];
    for (pod, app, expected) in rows {
        let app = [&["--exec=/bin/sh"], *app].concat();
        let ended = sandbox.run().options(*pod).app(&image, &app, ECHO).end().ok();
        assert_eq!(ended.lines_of("env"), [*expected], "{pod:?} {app:?}");
    }
}

fn the_caller_s_environment_is_handed_on_when_asked_for(sandbox: &Sandbox) {
    let image = image(sandbox);
    for (option, expected) in [("--inherit-env=false", "image"), ("--inherit-env", "image caller")] {
        let run = sandbox.run().options([option]).app(&image, &["--exec=/bin/sh"], ECHO);
        let mut command = run.command();
        let output = command.env("PLACE", "caller").env("ONLY", "caller").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.trim_end().ends_with(expected), "{option}: {text}");
    }
}

fn odd_values_arrive_as_they_are(sandbox: &Sandbox) {
    let values = [
        "",
        " two  spaces ",
        "quotes \" and '",
        "back\\slash \\n",
        "dollar $HOME ${HOME} $$",
        "per%cent %n",
        "# no comment",
        "a=b=c",
        "uml\u{e4}ut",
    ];
    let options = values.iter().enumerate().map(|(index, value)| format!("--set-env=ODD{index}={value}"));
    let line = (0..values.len()).map(|index| format!("printf '%s|\\n' \"|$ODD{index}\"")).collect::<Vec<_>>();
    let ended = sandbox.run().options(options).shell(&line.join("; ")).end().ok();
    assert_eq!(ended.lines(), values.map(|value| format!("|{value}|")));
}

fn the_standard_variables_are_there(sandbox: &Sandbox) {
    let ended = sandbox.shell("env").ok();
    let lines = ended.lines();
    let found: BTreeMap<_, _> = lines.iter().filter_map(|line| line.split_once('=')).collect();
    for (name, value) in [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("USER", "root"),
        ("LOGNAME", "root"),
        ("SHELL", "/bin/sh"),
        ("AC_APP_NAME", "busybox"),
    ] {
        assert_eq!(found.get(name), Some(&value), "{name}");
    }
    // What rkt and its stage1 tell each other is not for apps.
    assert!(!found.keys().any(|name| name.starts_with("RKT_")), "{found:?}");
}

fn prepared_pods_keep_theirs(sandbox: &Sandbox) {
    let prepared = sandbox.prepare().options(["--set-env=PLACE=set"]).shell("echo $PLACE").end().ok();
    let ended = sandbox.ended(["run-prepared", "--net=host", prepared.out.trim()]).ok();
    assert_eq!(ended.line(), "set");
}

fn entering_gives_the_app_s(sandbox: &Sandbox) {
    let image = image(sandbox);
    let line = &["-c", "echo started; exec sleep 1000"];
    let mut pod = sandbox.run().options(["--set-env=ONLY=set"]).app(image, &["--exec=/bin/sh"], line).start();
    pod.wait_for_line_of("env", "started");
    let entered = pod.enter(["/bin/sh", "-c", "echo $PLACE $ONLY $AC_APP_NAME ${CALLER-none}"]).ok();
    assert_eq!(entered.out, "image set env none\n");
    pod.stop();
}

fn the_terminal_of_those_who_enter(sandbox: &Sandbox) {
    let run = |options: &[&str]| {
        let mut pod = sandbox.run().options(options).shell("echo started; exec sleep 1000").start();
        pod.wait_for_line("started");
        pod
    };
    let terminal = |pod: &Pod<'_>, caller: Option<&str>| {
        let mut command = sandbox.command(["enter", pod.uuid(), "/bin/sh", "-c", "echo $TERM"]);
        match caller {
            Some(terminal) => command.env("TERM", terminal),
            None => command.env_remove("TERM"),
        };
        sandbox.ended_by(command).ok().out.trim().to_owned()
    };
    let pod = run(&[]);
    assert_eq!(terminal(&pod, Some("of-the-caller")), "of-the-caller");
    assert_eq!(terminal(&pod, None), if sandbox.flavor() == "fly" { "" } else { "vt100" });
    pod.stop();
    // What the app has itself counts more.
    let pod = run(&["--set-env=TERM=of-the-app"]);
    assert_eq!(terminal(&pod, Some("of-the-caller")), "of-the-app");
    pod.stop();
}

fn wrong_words_are_refused(sandbox: &Sandbox) {
    let rows: &[(&[&str], &str)] = &[
        (&["--set-env=NO_VALUE"], "NO_VALUE"),
        (&["--set-env=A=1", "--set-env=A=2"], "A"),
        (&["--set-env-file=/nonexistent"], "/nonexistent"),
    ];
    for (options, said) in rows {
        sandbox.run().options(*options).shell("true").end().fails(said);
    }
}
