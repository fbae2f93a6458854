//! `/etc/hosts` and `/etc/hostname` of an app: its image's, the pod's, the host's.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Image, Sandbox, tests};

tests! {
    host: [
        apps_without_get_the_pod_s,
        an_image_keeps_its_own,
        what_is_asked_for_counts_more,
        a_volume_counts_as_the_app_s_own,
        hostname_is_the_pod_s,
        links_are_followed_inside_the_app,
    ],
}

const OWN: &str = "192.0.2.7 of-the-image\n";

/// An image with a hosts file of its own, and a name.
fn image(sandbox: &Sandbox) -> PathBuf {
    let image = Image::busybox("example.com/own", sandbox).file("/etc/hosts", 0o644, OWN);
    image.file("/etc/hostname", 0o644, "of-the-image\n").make(sandbox)
}

fn apps_without_get_the_pod_s(sandbox: &Sandbox) {
    let ended =
        sandbox.run().options(["--hostname=me"]).shell("cat /etc/hosts; stat -c %a /etc/hosts").end().ok();
    let lines = ended.lines();
    assert_eq!(lines[0], "# For apps that bring no /etc/hosts of their own.");
    assert_eq!(lines[1], "127.0.0.1\tlocalhost localhost.domain localhost4 localhost4.localdomain4 me");
    assert_eq!(lines[2], "::1\tip6-localhost ip6-loopback localhost6 localhost6.localdomain6");
    assert_eq!(lines.last().unwrap(), "644");
}

fn an_image_keeps_its_own(sandbox: &Sandbox) {
    let ended = sandbox.run().app(image(sandbox), &["--exec=/bin/cat"], &["/etc/hosts"]).end().ok();
    assert_eq!(ended.lines_of("own"), [OWN.trim()]);
}

fn what_is_asked_for_counts_more(sandbox: &Sandbox) {
    let image = image(sandbox);
    let show = |options: &[&str]| {
        let run = sandbox.run().options(options).app(&image, &["--exec=/bin/cat"], &["/etc/hosts"]);
        run.end().ok().lines_of("own")
    };
    let lines = show(&["--hosts-entry=192.0.2.8=asked-for", "--hostname=me"]);
    assert!(lines.contains(&"192.0.2.8 asked-for".to_owned()), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("127.0.0.1") && line.ends_with(" me")), "{lines:?}");
    assert!(!lines.contains(&OWN.trim().to_owned()), "{lines:?}");
    let hosts = fs::read_to_string("/etc/hosts").unwrap();
    let hosts: Vec<_> = hosts.lines().filter(|line| !line.is_empty()).map(str::trim_end).collect();
    let lines = show(&["--hosts-entry=host"]);
    assert_eq!(lines.iter().filter(|line| !line.is_empty()).collect::<Vec<_>>(), hosts);
}

fn a_volume_counts_as_the_app_s_own(sandbox: &Sandbox) {
    let file = sandbox.at("hosts");
    fs::write(&file, "192.0.2.9 of-the-volume\n").unwrap();
    let volume = format!("--volume=hosts,kind=host,source={}", file.display());
    let run = sandbox.run().options([volume]);
    let ended = run.shell_with(&["--mount=volume=hosts,target=/etc/hosts"], "cat /etc/hosts").end().ok();
    assert_eq!(ended.line(), "192.0.2.9 of-the-volume");
}

fn hostname_is_the_pod_s(sandbox: &Sandbox) {
    let run = sandbox.run().options(["--hostname=me"]);
    let ended = run.app(image(sandbox), &["--exec=/bin/cat"], &["/etc/hostname"]).end().ok();
    assert_eq!(ended.lines_of("own"), ["me"]);
    // An app cannot rename the pod by it.
    let run = sandbox.run().options(["--hostname=me"]);
    let ended = run.shell("echo other 2>/dev/null >/etc/hostname; hostname").end().ok();
    assert_eq!(ended.line(), "me");
}

fn links_are_followed_inside_the_app(sandbox: &Sandbox) {
    let before = ["/etc/hosts", "/etc/hostname"].map(|path| fs::read(path).unwrap_or_default());
    let image = Image::busybox("example.com/links", sandbox)
        .link("/etc/hosts", "../../../../../../../etc/real-hosts")
        .link("/etc/hostname", "/name/of/the/pod")
        .make(sandbox);
    let line = ["-c", "cat /etc/hosts /etc/real-hosts /etc/hostname /name/of/the/pod"];
    let run = sandbox.run().options(["--hostname=me", "--hosts-entry=192.0.2.8=asked-for"]);
    let lines = run.app(image, &["--exec=/bin/sh"], &line).end().ok().lines_of("links");
    assert_eq!(lines.iter().filter(|line| line.contains("asked-for")).count(), 2, "{lines:?}");
    assert_eq!(lines[lines.len() - 2..], ["me", "me"]);
    assert_eq!(["/etc/hosts", "/etc/hostname"].map(|path| fs::read(path).unwrap_or_default()), before);
    assert!(!fs::exists("/etc/real-hosts").unwrap() && !fs::exists("/name/of").unwrap());
}
