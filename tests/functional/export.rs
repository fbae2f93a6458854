//! `rkt export`: an app of a pod that has ended becomes an image that runs, with what the app has written.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Sandbox, tests};

tests! {
    fly: [what_an_app_has_written_is_in_its_image, copied_pods_too, only_pods_that_have_ended],
    host: [what_an_app_has_written_is_in_its_image, copied_pods_too, only_pods_that_have_ended, each_app_has_an_image_of_its_own],
}

/// The UUID of the only pod.
fn only_pod(sandbox: &Sandbox) -> String {
    let pods = sandbox.pods();
    let [pod] = &pods[..] else { panic!("{pods:?}") };
    pod.rsplit('/').next().unwrap().to_owned()
}

fn export(sandbox: &Sandbox, options: &[&str], name: &str) -> PathBuf {
    let image = sandbox.at(name);
    let (uuid, target) = (only_pod(sandbox), image.display().to_string());
    sandbox.rkt_ok([&["export"], options, &[uuid.as_str(), target.as_str()]].concat());
    image
}

/// What an app of the image says when it prints a file.
fn printed(sandbox: &Sandbox, image: &PathBuf, file: &str) -> String {
    let ended = sandbox.run().app(image, &["--exec=/bin/cat"], &[file]).end().ok();
    ended.line()
}

fn what_an_app_has_written_is_in_its_image(sandbox: &Sandbox) {
    sandbox.shell("echo from the app >/written; rm /etc/group").ok();
    let image = export(sandbox, &[], "exported.aci");
    assert_eq!(printed(sandbox, &image, "/written"), "from the app");
    let ended = sandbox.run().app(&image, &["--exec=/bin/test"], &["-e", "/etc/group"]).end();
    ended.code(1);
    // One that is there is not replaced unless that is asked for.
    let before = fs::read(&image).unwrap();
    let uuid = sandbox.pods()[0].rsplit('/').next().unwrap().to_owned();
    let target = image.display().to_string();
    sandbox.ended(["export", &uuid, &target]).fails("--overwrite");
    assert_eq!(fs::read(&image).unwrap(), before);
}

fn copied_pods_too(sandbox: &Sandbox) {
    sandbox.run().options(["--no-overlay"]).shell("echo copied >/written").end().ok();
    let image = export(sandbox, &[], "exported.aci");
    assert_eq!(printed(sandbox, &image, "/written"), "copied");
}

fn only_pods_that_have_ended(sandbox: &Sandbox) {
    let pod = sandbox.sleeping();
    let target = sandbox.at("exported.aci").display().to_string();
    sandbox.ended(["export", pod.uuid(), &target]).code(254).says("running");
    pod.stop();
    let uuid = only_pod(sandbox);
    sandbox.ended(["export", &uuid, "exported.tar"]).fails(".aci");
    sandbox.rkt_ok(["export", &uuid, &target]);
}

fn each_app_has_an_image_of_its_own(sandbox: &Sandbox) {
    let one = |name: &'static str| (format!("--name={name}"), format!("echo {name} >/written"));
    let run = ["first", "second"].into_iter().map(one).fold(sandbox.run(), |run, (name, line)| {
        run.app(sandbox.app(), &[&name, "--exec=/bin/sh"], &["-c", &line])
    });
    run.end().ok();
    let uuid = only_pod(sandbox);
    let target = sandbox.at("none.aci").display().to_string();
    sandbox.ended(["export", &uuid, &target]).code(254).says("--app");
    for name in ["first", "second"] {
        let image = export(sandbox, &[&format!("--app={name}")], &format!("{name}.aci"));
        // The pods that print it are more pods.
        let tar = std::process::Command::new("tar")
            .args(["-xzOf"])
            .arg(&image)
            .arg("rootfs/written")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&tar.stdout), format!("{name}\n"));
    }
}
