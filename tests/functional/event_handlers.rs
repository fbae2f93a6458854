//! Programs of an image that run before and after its app.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Ended, Image, Sandbox, tests};

tests! {
    host: [
        they_run_around_the_app,
        they_run_as_root,
        what_fails_before_an_app_keeps_it_from_starting,
        what_fails_after_an_app_is_a_failure,
        one_that_is_not_there,
        they_get_their_arguments_unchanged,
        events_that_nobody_knows_are_refused,
    ],
}

/// An image with handlers. Its app says what is in `/tmp/pre`, and ends as the variable says.
fn image(sandbox: &Sandbox, handlers: &[(&str, &[&str])]) -> PathBuf {
    let handlers: Vec<Value> =
        handlers.iter().map(|(name, exec)| json!({"name": name, "exec": exec})).collect();
    Image::busybox("example.com/events", sandbox)
        .app("exec", json!(["/bin/sh", "-c", "echo app $(id -u); cat /tmp/pre; exit $CODE"]))
        .app("environment", json!([{"name": "CODE", "value": "0"}]))
        .app("workingDirectory", json!("/tmp"))
        .app("eventHandlers", json!(handlers))
        .make(sandbox)
}

fn run(sandbox: &Sandbox, image: &PathBuf, options: &[&str]) -> Ended {
    sandbox.run().app(image, options, &[]).end()
}

/// Says what runs, as whom and where, and leaves a file.
const PRE: &[&str] =
    &["/bin/sh", "-c", "echo pre $(id -u) $(id -g) $(pwd) $AC_APP_NAME; echo from pre >/tmp/pre"];
const POST: &[&str] = &["/bin/sh", "-c", "echo post $(id -u) $(id -g) $(pwd) $AC_APP_NAME"];

fn they_run_around_the_app(sandbox: &Sandbox) {
    let image = image(sandbox, &[("pre-start", PRE), ("post-stop", POST)]);
    for code in [0, 7] {
        let ended = run(sandbox, &image, &[&format!("--environment=CODE={code}")]).code(code);
        let lines = ["pre 0 0 /tmp events", "app 0", "from pre", "post 0 0 /tmp events"];
        assert_eq!(ended.lines_of("events"), lines, "{code}");
    }
}

fn they_run_as_root(sandbox: &Sandbox) {
    let image = image(sandbox, &[("pre-start", PRE), ("post-stop", POST)]);
    let ended = run(sandbox, &image, &["--user=1000", "--group=100"]).ok();
    let lines = ["pre 0 0 /tmp events", "app 1000", "from pre", "post 0 0 /tmp events"];
    assert_eq!(ended.lines_of("events"), lines);
}

fn what_fails_before_an_app_keeps_it_from_starting(sandbox: &Sandbox) {
    for (line, said) in [
        ("exit 3", "a program that runs before it failed: /bin/sh ended with 3"),
        ("kill -KILL $$", "a program that runs before it failed: /bin/sh was ended by signal 9/KILL"),
    ] {
        let image = image(sandbox, &[("pre-start", &["/bin/sh", "-c", line]), ("post-stop", POST)]);
        let ended = run(sandbox, &image, &[]).code(254);
        assert!(ended.out.contains(&format!("app \"events\" was not started: {said}")), "{ended:?}");
        assert!(!ended.lines_of("events").iter().any(|line| line.starts_with("app")), "{ended:?}");
    }
}

fn what_fails_after_an_app_is_a_failure(sandbox: &Sandbox) {
    let image = image(sandbox, &[("pre-start", PRE), ("post-stop", &["/bin/sh", "-c", "exit 5"])]);
    let ended = run(sandbox, &image, &[]).code(254);
    let said = "a program that runs after app \"events\" failed: /bin/sh ended with 5";
    assert!(ended.out.contains(said), "{ended:?}");
    // The app's own failure counts more.
    run(sandbox, &image, &["--environment=CODE=7"]).code(7);
}

fn one_that_is_not_there(sandbox: &Sandbox) {
    let missing = image(sandbox, &[("pre-start", &["/bin/none"])]);
    let ended = run(sandbox, &missing, &[]).code(254);
    assert!(
        ended.out.contains("a program that runs before it failed: /bin/none could not be executed"),
        "{ended:?}"
    );
    // This one is known before anything starts.
    let unknown = image(sandbox, &[("post-stop", &["none"])]);
    run(sandbox, &unknown, &[]).fails("unable to find \"none\"");
}

fn they_get_their_arguments_unchanged(sandbox: &Sandbox) {
    let line = "printf '<%s>' \"$@\" >/tmp/pre; echo >>/tmp/pre";
    let exec = ["/bin/sh", "-c", line, "sh", "a  b", "$HOME", "100%n", "it's", "\"q\"", "b\\s", ";", ""];
    let image = image(sandbox, &[("pre-start", &exec)]);
    let ended = run(sandbox, &image, &[]).ok();
    assert_eq!(ended.lines_of("events")[1], "<a  b><$HOME><100%n><it's><\"q\"><b\\s><;><>");
}

fn events_that_nobody_knows_are_refused(sandbox: &Sandbox) {
    let odd = image(sandbox, &[("pre-stop", POST)]);
    run(sandbox, &odd, &[]).fails("`pre-stop` is neither `pre-start` nor `post-stop`");
    let twice = image(sandbox, &[("post-stop", POST), ("post-stop", POST)]);
    run(sandbox, &twice, &[]).fails("an event is handled twice");
}
