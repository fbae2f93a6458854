//! Arguments and variables arrive byte by byte as they were given, whatever they mean to shells, to systemd or to terminals.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;

use crate::harness::{Image, Sandbox, tests};

tests! {
    fly: [arguments_are_not_changed, arguments_of_images_are_not_changed, variables_are_not_changed, long_arguments, what_is_no_text_is_refused],
    host: [
        arguments_are_not_changed,
        arguments_of_images_are_not_changed,
        variables_are_not_changed,
        programs_with_odd_names,
        working_directories_with_odd_names,
        long_arguments,
        too_long_arguments_are_told,
        arguments_that_systemd_does_not_take_are_told,
        variables_that_systemd_does_not_take_are_told,
        what_is_no_text_is_refused,
    ],
}

/// Text with a meaning to somebody.
const ODD: &[&str] = &[
    "",
    " ",
    "  two  spaces  ",
    "'",
    "\"",
    "it's \"quoted\"",
    "\\",
    "\\\\n\\x41\\101\\u00e9",
    "ends with \\",
    "$",
    "$$",
    "$HOME ${HOME} $HOME$ $1 $@",
    "%",
    "%%",
    "%n %i %h %H 100%",
    "two\nlines",
    "\n",
    "ends with a line\n",
    "\r\n\t\u{b}\u{c}\u{7}\u{8}",
    "\u{1}\u{2}\u{1b}[31mred\u{1b}[0m\u{7f}",
    "; | & < > ( ) { } * ? [a] ~ # ! `id` $(id)",
    "@/bin/sh",
    "-",
    "--option=value",
    "=",
    "a=b",
    ";",
    "uml\u{e4}ut \u{4e16}\u{754c} \u{1f389} e\u{301}",
    "\u{80}\u{85}\u{9f}\u{a0}\u{2028}\u{2029}\u{feff}\u{fffd}\u{10fffd}",
];

/// Text that Unicode has set apart from all characters.
const NONCHARACTERS: &str = "a\u{fdd0}b\u{fffe}c\u{10ffff}";

/// Says each of its arguments in hexadecimal.
const SHOW: &str = "for word; do echo $(printf %s \"$word\" | hexdump -ve '1/1 \"%02x\"').; done";

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).chain([".".to_owned()]).collect()
}

fn hexes(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| hex(text)).collect()
}

fn arguments_are_not_changed(sandbox: &Sandbox) {
    let words = [&["-c", SHOW, "sh"], ODD].concat();
    let ended = sandbox.run().app(sandbox.app(), &["--exec=/bin/sh"], &words).end().ok();
    assert_eq!(ended.lines(), hexes(ODD));
}

fn arguments_of_images_are_not_changed(sandbox: &Sandbox) {
    let words = [&["/bin/sh", "-c", SHOW, "sh"], ODD].concat();
    let image = Image::busybox("example.com/odd", sandbox).app("exec", json!(words)).make(sandbox);
    let ended = sandbox.run().app(&image, &[], &[]).end().ok();
    assert_eq!(ended.lines_of("odd"), hexes(ODD));
}

fn variables_are_not_changed(sandbox: &Sandbox) {
    let options = ODD.iter().enumerate().map(|(index, value)| format!("--set-env=ODD_{index}={value}"));
    let names = (0..ODD.len()).map(|index| format!("\"$ODD_{index}\"")).collect::<Vec<_>>().join(" ");
    let line = format!("set -- {names}; {SHOW}");
    let ended = sandbox.run().options(options).shell(&line).end().ok();
    assert_eq!(ended.lines(), hexes(ODD));
    assert_eq!(ended.err, "");
    // Those who enter see the same.
    let options = ODD.iter().enumerate().map(|(index, value)| format!("--set-env=ODD_{index}={value}"));
    let mut pod = sandbox.run().options(options).shell("echo started; exec sleep 1000").start();
    pod.wait_for_line("started");
    let entered = pod.enter(["/bin/sh", "-c", &line]).ok();
    let lines: Vec<_> = entered.out.lines().map(str::to_owned).collect();
    assert_eq!(lines, hexes(ODD));
    pod.stop();
}

/// Names of files that units could misread.
const NAMES: &[&str] =
    &["two words", "100%n", "$HOME", "@x", "-x", "+x", "uml\u{e4}ut", ";", "#", "[a]*", ":!|"];
/// More of them, which are fine for directories, but which systemd takes for no program.
const QUOTED: &[&str] = &["it's", "q\"q", "b\\s"];

fn programs_with_odd_names(sandbox: &Sandbox) {
    let image = NAMES.iter().fold(Image::busybox("example.com/odd", sandbox), |image, name| {
        image.file(&format!("/opt/{name}/{name}"), 0o755, "#!/bin/sh\necho \"$0\"\n")
    });
    let image = image.make(sandbox);
    for name in NAMES {
        let path = format!("/opt/{name}/{name}");
        let ended = sandbox.run().app(&image, &[&format!("--exec={path}")], &[]).end().ok();
        assert_eq!(ended.lines_of("odd"), [path]);
    }
    let exec = "--exec=/opt/two\nlines";
    sandbox
        .run()
        .app(&image, &[exec], &[])
        .end()
        .fails("systemd cannot be told the program \"/opt/two\\nlines\"");
}

fn working_directories_with_odd_names(sandbox: &Sandbox) {
    let names = [NAMES, QUOTED].concat();
    let image = names.iter().fold(Image::busybox("example.com/odd", sandbox), |image, name| {
        image.directory(&format!("/opt/{name}"), 0o755)
    });
    let image = image.make(sandbox);
    for name in names {
        let path = format!("/opt/{name}");
        let options = ["--exec=/bin/pwd", &format!("--working-dir={path}")];
        assert_eq!(sandbox.run().app(&image, &options, &[]).end().ok().lines_of("odd"), [path]);
    }
    for path in ["/two\nlines", "/ends with a blank "] {
        let ended =
            sandbox.run().app(&image, &["--exec=/bin/pwd", &format!("--working-dir={path}")], &[]).end();
        ended.fails(&format!("systemd cannot be told the working directory {path:?} of app \"odd\""));
    }
}

/// The kernel's limit of one argument is 128 KiB.
const LONG: usize = 120 << 10;

fn long_arguments(sandbox: &Sandbox) {
    let long = "a%$\"".repeat(LONG / 4);
    let many: Vec<_> = (0..2000).map(|number| number.to_string()).collect();
    let mut words = vec!["-c", "echo ${#1} $# $2 $1001", "sh", &long];
    words.extend(many.iter().map(String::as_str));
    words[1] = "first=${#1}; shift 1000; echo $first $# $1";
    let ended = sandbox.run().app(sandbox.app(), &["--exec=/bin/sh"], &words).end().ok();
    assert_eq!(ended.line(), format!("{LONG} 1001 999"));
    // And a long variable.
    let option = format!("--set-env=LONG={long}");
    assert_eq!(sandbox.run().options([option]).shell("echo ${#LONG}").end().ok().line(), LONG.to_string());
}

fn too_long_arguments_are_told(sandbox: &Sandbox) {
    // Ten long ones are no trouble for the kernel, but for systemd, which reads lines of up to a megabyte.
    let long = "a".repeat(LONG);
    let words = [&["-c", "echo $#", "sh"][..], &[long.as_str(); 10]].concat();
    let ended = sandbox.run().app(sandbox.app(), &["--exec=/bin/sh"], &words).end();
    ended.fails(
        "app \"busybox\": its program and arguments are longer than the 1048512 bytes that systemd reads",
    );
}

fn arguments_that_systemd_does_not_take_are_told(sandbox: &Sandbox) {
    let ended = sandbox.run().app(sandbox.app(), &["--exec=/bin/echo"], &[NONCHARACTERS]).end();
    ended.fails(&format!("systemd cannot be told the argument {NONCHARACTERS:?} of app \"busybox\""));
}

fn variables_that_systemd_does_not_take_are_told(sandbox: &Sandbox) {
    let odd = format!("with_odd={NONCHARACTERS}");
    let variables = ["plain_1=a", "with-dash=b", "with.dot=c", &odd];
    let options = variables.map(|variable| format!("--set-env={variable}"));
    let ended = sandbox.run().options(options).shell("env | grep -e plain -e with").end().ok();
    assert_eq!(ended.lines(), ["plain_1=a"]);
    let said = ["with-dash", "with.dot", "with_odd"];
    said.iter().fold(ended, |ended, name| {
        ended.says(&format!("app \"busybox\": systemd does not set the variable \"{name}\""))
    });
}

fn what_is_no_text_is_refused(sandbox: &Sandbox) {
    // Manifests are JSON.
    let run = sandbox.run().app(sandbox.app(), &["--exec=/bin/echo"], &[]);
    let mut command = run.command();
    command.args([OsStr::new("--"), OsStr::from_bytes(b"not \xff text")]);
    sandbox.ended_by(command).fails("UTF-8");
}
