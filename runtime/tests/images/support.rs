//! A world of its own for each test: a data directory, image files, and `rkt` run on them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::killing;

/// What `rkt` did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    fn of(output: &Output) -> Run {
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The standard output of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The standard error of a failure, which must exit as failures do and say all of this.
    #[track_caller]
    pub(crate) fn fails(self, says: &[&str]) -> String {
        assert_eq!(self.code, 254, "{self:?}");
        for text in says {
            assert!(self.err.contains(text), "`{text}` is missing in {self:?}");
        }
        self.err
    }
}

/// A directory with a data directory in it.
#[derive(Debug)]
pub(crate) struct World {
    dir: tempfile::TempDir,
}

pub(crate) const NAME: &str = "example.com/hello";
pub(crate) const MANIFEST: &str = r#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/hello","labels":[{"name":"version","value":"1.0"},{"name":"os","value":"linux"},{"name":"arch","value":"amd64"}]}"#;

impl World {
    pub(crate) fn new() -> World {
        assert!(rustix::process::geteuid().is_root(), "these tests must be run as root");
        let world = World { dir: tempfile::tempdir().unwrap() };
        // Ordinary users must be able to reach what a test gives them.
        fs::set_permissions(world.path(), fs::Permissions::from_mode(0o755)).unwrap();
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.at("data")
    }

    /// `rkt` with this world's data directory and no configuration of the machine.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, words: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rkt"));
        command.current_dir(self.path()).env("TZ", "UTC");
        command.arg("--dir").arg(self.data());
        command.arg("--system-config").arg(self.at("system")).arg("--local-config").arg(self.at("local"));
        command.args(words);
        command
    }

    pub(crate) fn rkt<A: AsRef<OsStr>>(&self, words: &[A]) -> Run {
        Run::of(&self.command(words).output().unwrap())
    }

    /// Fetches a file and returns the whole image ID.
    #[track_caller]
    pub(crate) fn fetch(&self, file: &str) -> String {
        self.rkt(&["--insecure-options=image", "fetch", "--full", &format!("./{file}")])
            .ok()
            .trim_end()
            .to_owned()
    }

    /// Makes `hello.aci` with GNU tar: all kinds of entries that an image of an ordinary program has.
    pub(crate) fn hello(&self) -> String {
        self.hello_as("hello.aci", MANIFEST, "hello\n")
    }

    pub(crate) fn hello_as(&self, file: &str, manifest: &str, greeting: &str) -> String {
        let image = tempfile::tempdir_in(self.path()).unwrap();
        let at = |name: &str| image.path().join(name);
        fs::write(at("manifest"), manifest).unwrap();
        fs::create_dir_all(at("rootfs/bin")).unwrap();
        fs::create_dir_all(at("rootfs/etc/empty")).unwrap();
        fs::write(at("rootfs/bin/hello"), vec![7_u8; 300_000]).unwrap();
        fs::set_permissions(at("rootfs/bin/hello"), fs::Permissions::from_mode(0o4755)).unwrap();
        fs::hard_link(at("rootfs/bin/hello"), at("rootfs/bin/hi")).unwrap();
        std::os::unix::fs::symlink("/etc/greeting", at("rootfs/link")).unwrap();
        fs::write(at("rootfs/etc/greeting"), greeting).unwrap();
        fs::set_permissions(at("rootfs/etc/greeting"), fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::chown(at("rootfs/etc/greeting"), Some(1234), Some(5678)).unwrap();
        fs::set_permissions(at("rootfs/etc/empty"), fs::Permissions::from_mode(0o1777)).unwrap();
        run(Command::new("mkfifo").arg(at("rootfs/etc/fifo")));
        run(Command::new("mknod").arg(at("rootfs/null")).args(["c", "1", "3"]));
        run(Command::new("touch").args(["-d", "2020-02-02 02:02:02 UTC"]).arg(at("rootfs/etc/greeting")));
        run(Command::new("touch").args(["-d", "2021-01-01 00:00:00 UTC"]).arg(at("rootfs/etc")));
        run(Command::new("tar")
            .args(["--numeric-owner", "-czf"])
            .arg(self.at(file))
            .arg("-C")
            .arg(image.path())
            .args(["manifest", "rootfs"]));
        file.to_owned()
    }

    /// Everything in the data directory: what it is, and for files what is in them.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, String> {
        killing::tree(&self.data())
    }

    /// Places of the one stored image's archive.
    pub(crate) fn blob(&self, id: &str) -> PathBuf {
        self.data().join("cas/blob/sha512").join(&id[7..9]).join(id)
    }
}

/// Runs a program that must succeed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// True for the directories `<2 hex>` of the store, which stay when they are empty.
pub(crate) fn is_prefix_dir(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.len() == 2
        && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        && path.starts_with("cas")
        && path != Path::new("cas/db")
}

/// One entry of a hand-made archive, whose values need not make sense.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) path: &'static str,
    pub(crate) kind: u8,
    pub(crate) link: &'static str,
    pub(crate) content: Vec<u8>,
}

impl Raw {
    pub(crate) fn file(path: &'static str, content: &[u8]) -> Raw {
        Raw { path, kind: b'0', link: "", content: content.to_vec() }
    }

    pub(crate) fn dir(path: &'static str) -> Raw {
        Raw { path, kind: b'5', link: "", content: Vec::new() }
    }

    pub(crate) fn link(path: &'static str, kind: u8, link: &'static str) -> Raw {
        Raw { path, kind, link, content: Vec::new() }
    }
}

/// The bytes of a tar with these entries.
pub(crate) fn archive(entries: &[Raw]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        put(0, entry.path.as_bytes());
        put(100, b"0000755\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", entry.content.len()).as_bytes());
        put(136, b"00000000001\0");
        put(148, b"        ");
        put(156, &[entry.kind]);
        put(157, entry.link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&entry.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}
