//! Command lines that are easy to read wrong.

use grammar::Command;

use super::parse;

fn words(line: &str) -> Vec<std::ffi::OsString> {
    line.split(' ').map(|word| if word == "''" { "" } else { word }.into()).collect()
}

/// The images of a line as `image [exec] args…`, joined by ` | `, or the error's first line.
fn apps(line: &str) -> String {
    match parse(words(line)) {
        Ok((_, apps)) => apps
            .iter()
            .map(|app| format!("{} {:?} {:?}", app.image, app.flags.exec, app.args))
            .collect::<Vec<_>>()
            .join(" | "),
        Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn images_and_their_arguments() {
    for (line, expected) in [
        ("rkt run a.aci", "a.aci [] []"),
        ("rkt run a.aci --exec /bin/echo -- hello", "a.aci [\"/bin/echo\"] [\"hello\"]"),
        (
            "rkt run a --exec=/bin/sh -- -c --exec --- b -- --net",
            "a [\"/bin/sh\"] [\"-c\", \"--exec\"] | b [] [\"--net\"]",
        ),
        ("rkt run a -- x --- --- b", "a [] [\"x\"] | b [] []"),
        ("rkt run a -- x -- y", "a [] [\"x\", \"--\", \"y\"]"),
        ("rkt run a -- --- --exec=/x", "a [\"/x\"] []"),
        ("rkt run a -- '' x", "a [] [\"\", \"x\"]"),
        ("rkt run '' a", "a [] []"),
        ("rkt run a --exec --foo", "a [\"--foo\"] []"),
        ("rkt run a --exec -- x", "a [\"--\"] [] | x [] []"),
        ("rkt --debug run a", "a [] []"),
        ("rkt --dir run run a", "a [] []"),
        ("rkt --dir=run prepare a b", "a [] [] | b [] []"),
        ("rkt run --dns 8.8.8.8 a", "a [] []"),
        ("rkt run --net a", "a [] []"),
        ("rkt run --interactive a", "a [] []"),
        ("rkt run a --net=host b", "a [] [] | b [] []"),
        ("rkt run -", "- [] []"),
        ("rkt run -- x", "error: an image is required before any app arguments"),
        ("rkt run a -- x --- -- y", "error: only one set of app arguments allowed per image"),
        ("rkt run --exec=/x a", "error: --exec must follow an image"),
        ("rkt run --user 0 a", "error: --user must follow an image"),
        ("rkt run --cap-retain=X a", "error: --cap-retain must follow an image"),
        ("rkt run a --nonsense", "error: unexpected argument '--nonsense' found"),
        (
            "rkt run a --interactive=maybe",
            "error: invalid value 'maybe' for '--interactive[=<BOOL>]': a boolean is one of 1, t, true, 0, f, false",
        ),
    ] {
        assert_eq!(apps(line), expected, "{line}");
    }
}

#[test]
fn flags_reach_the_pod_or_the_app() {
    let (line, apps) = parse(words(
        "rkt --insecure-options=image run --mount volume=a,target=/a --net --dns 1.1.1.1 x --mount volume=b,target=/b \
         --dir /d --user=1 --user=2 --readonly-rootfs true --net=host y --environment A=1 --environment B=2 -- --debug",
    ))
    .unwrap();
    let Some(Command::Run(run)) = line.command else { panic!("not run") };
    assert_eq!(run.app.mount, ["volume=a,target=/a"]);
    assert_eq!(run.network.net, ["default", "host"]);
    assert_eq!(run.network.names.dns, ["1.1.1.1"]);
    assert!(!line.global.debug);
    assert_eq!(line.global.dir.as_deref(), Some(std::path::Path::new("/d")));
    assert_eq!(line.global.insecure_options, ["image"]);
    assert_eq!(apps[0].flags.mount, ["volume=b,target=/b"]);
    assert_eq!(apps[0].flags.user.as_deref(), Some("2"));
    assert_eq!(apps[0].flags.readonly_rootfs, Some(true));
    assert_eq!(apps[1].flags.environment, ["A=1", "B=2"]);
    assert_eq!(apps[1].args, ["--debug"]);
}

#[test]
fn commands_may_be_shortened() {
    for (line, ok) in [
        ("rkt l", true),
        ("rkt li --full=false --full", true),
        ("rkt ver", true),
        ("rkt r a", false),
        ("rkt i l", true),
        ("rkt sto x", true),
        ("rkt s x", false),
        ("rkt enter x ls -l --full", true),
        ("rkt status --wait=10s x", true),
        ("rkt status --wait x", true),
        ("rkt trust --prefix=a key", true),
        ("rkt", true),
    ] {
        assert_eq!(parse(words(line)).is_ok(), ok, "{line}");
    }
}
