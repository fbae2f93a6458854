//! Application images made on the spot, by GNU tar: tests do not take their inputs from the writer that they test.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::Sandbox;
use crate::common::ok;

/// The label `arch` of images for this machine.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "i386",
        other => other,
    }
}

/// An image to be made. Files lie on the disk as they will be in the image, owners included.
#[derive(Debug)]
#[must_use]
pub(crate) struct Image {
    dir: tempfile::TempDir,
    manifest: Value,
}

impl Image {
    /// An image with an empty root whose app is `/bin/sh`, done by root.
    pub(crate) fn empty(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("rootfs")).unwrap();
        let manifest = json!({
            "acKind": "ImageManifest",
            "acVersion": "0.8.11",
            "name": name,
            "labels": [
                {"name": "version", "value": "1.0.0"},
                {"name": "os", "value": "linux"},
                {"name": "arch", "value": arch()},
            ],
            "app": {"exec": ["/bin/sh"], "user": "0", "group": "0", "workingDirectory": "/"},
        });
        Self { dir, manifest }.directory("/", 0o755)
    }

    /// An image with the root of the busybox image.
    pub(crate) fn busybox(name: &str, sandbox: &Sandbox) -> Self {
        let image = Self::empty(name);
        ok(Command::new("tar").arg("-C").arg(image.dir.path()).arg("-xpzf").arg(sandbox.app()).arg("rootfs"));
        image
    }

    /// A copy of the stage1 image under test.
    pub(crate) fn stage1(sandbox: &Sandbox) -> Self {
        let mut image = Self::empty("stage1");
        ok(Command::new("tar").arg("-C").arg(image.dir.path()).arg("-xpzf").arg(sandbox.stage1()));
        let manifest = fs::read(image.dir.path().join("manifest")).unwrap();
        image.manifest = serde_json::from_slice(&manifest).unwrap();
        image
    }

    /// Takes something away.
    pub(crate) fn without(self, path: &str) -> Self {
        fs::remove_file(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        self
    }

    /// Where something of the image lies until it is made.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join("rootfs").join(path.trim_start_matches('/'))
    }

    /// A directory, and those above it.
    pub(crate) fn directory(self, path: &str, mode: u32) -> Self {
        let at = self.at(path);
        fs::create_dir_all(&at).unwrap();
        fs::set_permissions(at, Permissions::from_mode(mode)).unwrap();
        self
    }

    /// A file, and the directories above it.
    pub(crate) fn file(self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(&at, content).unwrap();
        fs::set_permissions(at, Permissions::from_mode(mode)).unwrap();
        self
    }

    /// A symbolic link, and the directories above it.
    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(target, at).unwrap();
        self
    }

    /// Sets a field of the manifest, or with `/app/…` of its app, by JSON pointer without the last `/`.
    pub(crate) fn set(mut self, parent: &str, field: &str, value: Value) -> Self {
        self.manifest.pointer_mut(parent).expect("a field of the manifest")[field] = value;
        self
    }

    /// Sets a field of the app.
    pub(crate) fn app(self, field: &str, value: Value) -> Self {
        self.set("/app", field, value)
    }

    /// Makes it.
    pub(crate) fn make(self, sandbox: &Sandbox) -> PathBuf {
        let name = self.manifest["name"].as_str().unwrap().rsplit('/').next().unwrap();
        let aci = sandbox.at(&format!("{name}.aci"));
        fs::write(self.dir.path().join("manifest"), self.manifest.to_string()).unwrap();
        tar(self.dir.path(), &aci);
        aci
    }
}

/// Packs `manifest` and `rootfs` of a directory.
fn tar(dir: &Path, aci: &Path) {
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(dir).args(["--numeric-owner", "--sort=name", "--mtime=@0", "--format=ustar", "-cf"]);
    ok(tar.arg(aci).args(["manifest", "rootfs"]));
}
