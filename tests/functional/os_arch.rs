//! Images for other systems are refused, when they are run and when they are fetched first.

use serde_json::{Value, json};

use crate::harness::{Image, Sandbox, tests};

tests! {
    fly: [images_for_other_systems_are_refused, images_without_labels_are_refused],
    host: [images_for_other_systems_are_refused, images_without_labels_are_refused],
}

/// Expects that an image with these labels is refused with this reason.
#[track_caller]
fn refused(sandbox: &Sandbox, labels: Value, reason: &str) {
    let image = Image::busybox("example.com/foreign", sandbox).set("", "labels", labels).make(sandbox);
    sandbox.run().app(&image, &[], &["-c", "true"]).end().fails(reason);
    // The store takes what appc knows; running it is another thing.
    let fetched = sandbox.ended(["fetch", image.to_str().unwrap()]);
    if fetched.code == Some(0) {
        sandbox.run().app(fetched.out.trim(), &[], &["-c", "true"]).end().fails(reason);
    } else {
        fetched.fails(reason);
    }
}

fn images_for_other_systems_are_refused(sandbox: &Sandbox) {
    let label = |name: &str, value: &str| json!({"name": name, "value": value});
    for (os, arch, reason) in [
        ("freebsd", "amd64", "freebsd"),
        ("linux", "not-an-arch", "not-an-arch"),
        ("not-an-os", "amd64", "not-an-os"),
        ("linux", "s390x", "s390x"),
    ] {
        refused(sandbox, json!([label("version", "1"), label("os", os), label("arch", arch)]), reason);
    }
}

fn images_without_labels_are_refused(sandbox: &Sandbox) {
    refused(sandbox, json!([{"name": "arch", "value": "amd64"}]), "os");
    refused(sandbox, json!([{"name": "os", "value": "linux"}]), "arch");
}
