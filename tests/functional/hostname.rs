//! The name that a pod has for its apps.

use std::fs;

use crate::harness::{Sandbox, tests};

tests! {
    host: [
        a_pod_has_a_name_of_its_own,
        the_name_can_be_chosen,
        names_that_are_none_are_refused,
        prepared_pods_are_told_when_they_start,
    ],
}

/// The name as the kernel says it, as the file says it, and whether hosts has it.
const SHOW: &str = "hostname; cat /etc/hostname; grep -c \"^127.0.0.1.* $(hostname)\\$\" /etc/hosts";

fn a_pod_has_a_name_of_its_own(sandbox: &Sandbox) {
    let before = rustix::system::uname().nodename().to_owned();
    let mut pod = sandbox.run().shell(&format!("{SHOW}; exec sleep 1000")).start();
    let name = format!("rkt-{}", pod.uuid());
    pod.wait_for_line("1");
    assert_eq!(pod.enter(["/bin/hostname"]).ok().out, format!("{name}\n"));
    let ended = pod.stop();
    assert_eq!(ended.lines(), [&name, &name, "1"]);
    assert_eq!(rustix::system::uname().nodename(), &*before, "the name of the host");
}

fn the_name_can_be_chosen(sandbox: &Sandbox) {
    let longest = "a".repeat(64);
    for name in ["a", "web-1", "web.example.com", "0", "UPPER", "localhost", &longest] {
        let ended = sandbox.run().options([format!("--hostname={name}")]).shell(SHOW).end().ok();
        assert_eq!(ended.lines(), [name, name, "1"]);
    }
    // No name is as good as none.
    let ended = sandbox.run().options(["--hostname="]).shell("hostname").end().ok();
    assert!(ended.line().starts_with("rkt-"), "{ended:?}");
}

fn names_that_are_none_are_refused(sandbox: &Sandbox) {
    let too_long = "a".repeat(65);
    for name in
        ["a b", "-a", "a-", "a..b", ".a", "a.", "a_b", "a/b", "a\nb", "uml\u{e4}ut", "$(id)", &too_long]
    {
        let run = sandbox.run().options([format!("--hostname={name}")]);
        run.shell("true").end().fails(&format!("\"{name}\" is not a host name"));
    }
}

fn prepared_pods_are_told_when_they_start(sandbox: &Sandbox) {
    let prepared = sandbox.prepare().shell("hostname").end().ok();
    let ended = sandbox.ended(["run-prepared", "--net=host", "--hostname=later", prepared.out.trim()]).ok();
    assert_eq!(ended.line(), "later");
    assert!(!fs::read_to_string("/etc/hosts").unwrap().contains("later"), "hosts of the host");
}
