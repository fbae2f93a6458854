//! `inspect`, `diff` and `lint`, on images made here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use appc::archive::{AciWriter, Entry, EntryKind, WriteCompression, WriteOptions};
use serde_json::{Value, json};

/// A stage1 image that can be changed before it is written.
#[derive(Clone)]
struct Image {
    manifest: Value,
    entries: Vec<(Entry, Vec<u8>)>,
    options: WriteOptions,
}

/// The first bytes of a static ELF executable of a machine.
fn elf(machine: u16, interpreter: bool) -> Vec<u8> {
    let mut bytes = vec![0; 64 + 56];
    bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
    bytes[16] = 2;
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[20] = 1;
    bytes[32] = 64; // program headers
    bytes[52] = 64; // size of this header
    bytes[54] = 56; // size of a program header
    bytes[56] = 1;
    bytes[64] = if interpreter { 3 } else { 1 };
    bytes
}

impl Image {
    /// An image that keeps the contract.
    fn good() -> Self {
        let point =
            |name: &str, path: &str| json!({"name": format!("coreos.com/rkt/stage1/{name}"), "value": path});
        let manifest = json!({
            "acKind": "ImageManifest",
            "acVersion": "0.8.11",
            "name": "coreos.com/rkt/stage1-fly",
            "labels": [
                {"name": "version", "value": "2.0.0"},
                {"name": "arch", "value": "amd64"},
                {"name": "os", "value": "linux"},
            ],
            "annotations": [
                point("run", "/run"),
                point("enter", "/enter"),
                point("gc", "/gc"),
                point("stop", "/stop"),
                point("interface-version", "5"),
            ],
        });
        let mut image = Self {
            manifest,
            entries: Vec::new(),
            options: WriteOptions { compression: WriteCompression::Gzip { level: 6 }, threads: 1 },
        };
        for path in
            ["rootfs", "rootfs/opt", "rootfs/opt/stage2", "rootfs/rkt", "rootfs/rkt/status", "rootfs/usr"]
        {
            image.put(path, EntryKind::Directory, 0o755, &[]);
        }
        image.file("rootfs/usr/stage1", 0o755, &elf(62, false));
        for name in ["run", "enter", "gc", "stop"] {
            let target = b"usr/stage1".to_vec();
            image.put(&format!("rootfs/{name}"), EntryKind::Symlink { target }, 0o777, &[]);
        }
        image
    }

    /// Makes an image of it in which systemd starts the apps.
    fn with_systemd(&mut self) {
        let folder = "rootfs/usr/lib/systemd/system";
        self.directory(folder);
        for path in ["rootfs/etc", "rootfs/usr/bin"] {
            self.directory(path);
        }
        self.file(&format!("{folder}/a.service"), 0o644, b"[Service]\nExecStart=/usr/bin/tool\n");
        self.file(&format!("{folder}/a@.service"), 0o644, b"[Unit]\nBindsTo=%i.service\n");
        self.file(
            &format!("{folder}/b.target"),
            0o644,
            b"[Unit]\nRequires=a.service a@x.service default.target\n",
        );
        self.link(&format!("{folder}/c.target"), "b.target");
        self.file("rootfs/usr/bin/tool", 0o755, &elf(62, false));
        self.file("rootfs/etc/os-release", 0o644, b"ID=rkt\n");
        self.file("rootfs/etc/hosts-fallback", 0o644, b"127.0.0.1 localhost\n");
        self.link("rootfs/flavor", "src");
    }

    fn directory(&mut self, path: &str) {
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            if !self.entries.iter().any(|(entry, _)| entry.path == path.as_bytes()[..end]) {
                self.put(&path[..end], EntryKind::Directory, 0o755, &[]);
            }
        }
    }

    fn link(&mut self, path: &str, target: &str) {
        self.put(path, EntryKind::Symlink { target: target.into() }, 0o777, &[]);
    }

    fn unit(&mut self, name: &str, text: &str) {
        self.with_systemd();
        self.file(&format!("rootfs/usr/lib/systemd/system/{name}"), 0o644, text.as_bytes());
    }

    /// An image with systemd that lacks something.
    fn without(&mut self, path: &str) {
        self.with_systemd();
        self.remove(path);
    }

    fn put(&mut self, path: &str, kind: EntryKind, mode: u32, content: &[u8]) {
        self.remove(path);
        self.entries.push((Entry::new(path, kind, mode, 1_700_000_000), content.to_vec()));
    }

    fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.put(path, EntryKind::File { size: content.len() as u64 }, mode, content);
    }

    fn remove(&mut self, path: &str) {
        self.entries.retain(|(entry, _)| entry.path != path.as_bytes());
    }

    fn annotate(&mut self, name: &str, value: Option<&str>) {
        let name = format!("coreos.com/rkt/stage1/{name}");
        let list = self.manifest["annotations"].as_array_mut().unwrap();
        list.retain(|annotation| annotation["name"] != name);
        list.extend(value.map(|value| json!({"name": name, "value": value})));
    }

    fn write(&self, directory: &Path, name: &str) -> PathBuf {
        let path = directory.join(name);
        let mut entries = self.entries.clone();
        entries.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        let mut writer = AciWriter::new(fs::File::create(&path).unwrap(), self.options);
        writer.manifest(self.manifest.to_string().as_bytes(), 1_700_000_000).unwrap();
        for (entry, content) in &entries {
            writer.entry(entry, &mut content.as_slice()).unwrap();
        }
        writer.finish().unwrap();
        path
    }
}

fn run(arguments: &[&str], files: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rkt-build")).args(arguments).args(files).output().unwrap()
}

fn json_of(arguments: &[&str], files: &[&Path]) -> (Option<i32>, Value) {
    let output = run(arguments, files);
    let value = serde_json::from_slice(&output.stdout);
    (output.status.code(), value.unwrap_or_else(|e| panic!("{e}: {output:?}")))
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn inspect_shows_what_is_in_an_image_and_where_it_comes_from() {
    let directory = tempfile::tempdir().unwrap();
    let mut image = Image::good();
    image.file("rootfs/usr/other", 0o4755, b"x");
    image.entries.last_mut().unwrap().0.xattrs.insert(b"user.note".to_vec(), b"hi".to_vec());
    let file = image.write(directory.path(), "a.aci");
    let (code, report) = json_of(&["inspect", "--json"], &[&file]);
    assert_eq!(code, Some(0));
    assert_eq!(report["name"], "coreos.com/rkt/stage1-fly");
    assert_eq!(report["compression"], "gzip");
    assert_eq!(report["fileSize"], fs::metadata(&file).unwrap().len());
    let entries = report["entries"].as_array().unwrap();
    assert_eq!(entries.len(), image.entries.len() + 1);
    assert_eq!(entries[0]["path"], "manifest");
    let other = entries.iter().find(|entry| entry["path"] == "rootfs/usr/other").unwrap();
    assert_eq!(other["mode"], "4755");
    assert_eq!(other["xattrs"], json!({"user.note": "6869"}));
    assert_eq!(other.get("origin"), None);

    let origins = json!({"id": report["id"], "size": 1, "entries": [
        {"path": "rootfs/usr/other", "origin": {"flavor": "fly", "layer": 2, "input": null}},
        {"path": "rootfs/run", "origin": "flavor fly"},
    ]});
    fs::write(directory.path().join("a.json"), origins.to_string()).unwrap();
    let text = text_of(&run(&["inspect"], &[&file]));
    assert!(text.contains("-rwsr-xr-x") && text.contains("[flavor fly, layer 2]"), "{text}");
    assert!(text.contains("rootfs/run -> usr/stage1  [flavor fly]"), "{text}");
    assert!(text.contains("2023-11-14 22:13:20"), "{text}");
    // a report of another image is not believed
    fs::write(directory.path().join("a.json"), origins.to_string().replace("sha512-", "sha512-0")).unwrap();
    let text = text_of(&run(&["inspect"], &[&file]));
    assert!(text.contains("belongs to another image") && !text.contains("[flavor fly"), "{text}");
}

#[test]
fn diff_tells_every_difference() {
    let directory = tempfile::tempdir().unwrap();
    let a = Image::good().write(directory.path(), "a.aci");
    let same = {
        let mut image = Image::good();
        image.options.compression = WriteCompression::None;
        image.write(directory.path(), "same.aci")
    };
    let (code, diff) = json_of(&["diff", "--json"], &[&a, &same]);
    assert_eq!((code, &diff["same"]), (Some(0), &json!(true)));
    assert_eq!(diff["files"][0], json!({"what": "compression", "a": "gzip", "b": "none"}));

    let mut image = Image::good();
    image.remove("rootfs/stop");
    image.file("rootfs/new", 0o644, b"new");
    image.file("rootfs/usr/stage1", 0o700, &elf(183, false));
    image.entries.iter_mut().find(|(entry, _)| entry.path == b"rootfs/opt").unwrap().0.mtime += 1;
    image.manifest["labels"][0]["value"] = json!("3.0.0");
    let b = image.write(directory.path(), "b.aci");
    let (code, diff) = json_of(&["diff", "--json"], &[&a, &b]);
    assert_eq!((code, &diff["same"]), (Some(1), &json!(false)));
    let version = json!({"what": "labels[version].value", "a": "\"2.0.0\"", "b": "\"3.0.0\""});
    assert_eq!(diff["manifest"], json!([version]));
    let entries = diff["entries"].as_array().unwrap();
    let of = |path: &str| entries.iter().find(|entry| entry["path"] == path).unwrap();
    assert_eq!(of("rootfs/stop")["only"], "a");
    assert_eq!(of("rootfs/new")["only"], "b");
    assert_eq!(of("rootfs/opt")["changes"][0]["what"], "mtime");
    let whats: Vec<&str> = of("rootfs/usr/stage1")["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|c| c["what"].as_str())
        .collect();
    assert_eq!(whats, ["sha256", "mode"]);
    assert_eq!(entries.len(), 5, "the manifest's content differs too: {entries:?}");
    let text = text_of(&run(&["diff"], &[&a, &b]));
    assert!(text.contains("only in a: rootfs/stop\n") && text.contains("mode: 0755 | 0700\n"), "{text}");

    let output = run(&["diff"], &[&a, &directory.path().join("none.aci")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("none.aci"));
}

/// A change of an image, and the rule that finds it with a part of what it says.
type Case = (fn(&mut Image), &'static str, &'static str);

#[test]
fn lint_finds_each_breach_of_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let good = Image::good().write(directory.path(), "good.aci");
    let output = run(&["lint"], &[&good]);
    assert_eq!((output.status.code(), text_of(&output).as_str()), (Some(0), ""));
    let cases: &[Case] = &[
        (|i| i.annotate("run", None), "entry-point-missing", "stage1/run"),
        (|i| i.annotate("enter", None), "entry-point-missing", "rkt enter"),
        (|i| i.annotate("gc", None), "entry-point-missing", "rkt gc"),
        (|i| i.annotate("gc", Some("gc")), "entry-point-path", "`gc`"),
        (|i| i.annotate("gc", Some("/../gc")), "entry-point-path", ".."),
        (|i| i.remove("rootfs/usr/stage1"), "entry-point-absent", "`/run` leads to nothing"),
        (|i| i.annotate("run", Some("/usr")), "entry-point-absent", "is a directory"),
        (
            |i| i.put("rootfs/run", EntryKind::Symlink { target: b"run".to_vec() }, 0o777, &[]),
            "entry-point-absent",
            "circle",
        ),
        (
            |i| i.put("rootfs/run", EntryKind::Symlink { target: b"/usr/stage1".to_vec() }, 0o777, &[]),
            "entry-point-outside",
            "`rootfs/run`",
        ),
        (
            |i| i.put("rootfs/run", EntryKind::Symlink { target: b"../../../bin/sh".to_vec() }, 0o777, &[]),
            "entry-point-outside",
            "`rootfs/run`",
        ),
        (|i| i.file("rootfs/gc", 0o644, &elf(62, false)), "entry-point-mode", "0644"),
        (|i| i.file("rootfs/gc", 0o755, b"text"), "entry-point-format", "/gc"),
        (|i| i.file("rootfs/gc", 0o755, &elf(183, false)), "entry-point-arch", "183"),
        (|i| i.file("rootfs/gc", 0o755, &elf(62, true)), "entry-point-interpreter", "/gc"),
        (|i| i.file("rootfs/gc", 0o755, b"#!/bin/sh\n"), "entry-point-interpreter", "/gc"),
        (
            |i| {
                i.entries
                    .iter_mut()
                    .filter(|(e, _)| e.path == b"rootfs/usr/stage1")
                    .for_each(|(e, _)| e.uid = 7);
            },
            "entry-point-owner",
            "user 7",
        ),
        (|i| i.annotate("interface-version", Some("five")), "interface-version", "five"),
        (|i| i.annotate("interface-version", Some("7")), "interface-version", "7"),
        (|i| i.annotate("interface-version", Some("0")), "interface-version", "0"),
        (|i| i.annotate("interface-version", None), "interface-too-old", "stop"),
        (|i| i.annotate("app/rm", Some("/stop")), "app-entry-points", "app/rm without app/add, app/start"),
        (|i| i.remove("rootfs/rkt/status"), "status-directory", "missing"),
        (|i| i.file("rootfs/rkt/status", 0o644, b""), "status-directory", "missing"),
        (|i| i.remove("rootfs/opt/stage2"), "stage2-directory", "missing"),
        (|i| i.file("rootfs/rkt/status/app", 0o644, b"0"), "reserved-directory", "1 entries"),
        (|i| i.manifest["labels"][2]["value"] = json!("freebsd"), "label-os", "freebsd"),
        (|i| i.manifest["labels"] = json!([{"name": "arch", "value": "x86"}]), "label-arch", "x86"),
        (|i| i.manifest["labels"] = json!([]), "label-missing", "version"),
        (|i| i.file("rootfs/usr/su", 0o4755, b""), "setuid", "4755"),
        (|i| i.file("rootfs/usr/x", 0o666, b""), "world-writable", "0666"),
        (|i| i.put("rootfs/tmp", EntryKind::Directory, 0o777, &[]), "world-writable", "0777"),
        (|i| i.file("README", 0o644, b""), "top-level", "README"),
        (|i| i.link("rootfs/flavor", "mine"), "flavor-link", "`mine`, which is none of coreos"),
        (|i| i.file("rootfs/flavor", 0o644, b"fly"), "flavor-link", "no symlink"),
        (|i| i.without("rootfs/flavor"), "flavor-link", "the symlink is missing"),
        (|i| i.without("rootfs/etc/os-release"), "os-release-missing", "missing"),
        (|i| i.file("rootfs/etc/os-release", 0o644, b"rkt\n"), "os-release", "line 1: it is no KEY=value"),
        (|i| i.without("rootfs/etc/hosts-fallback"), "hosts-fallback", "missing"),
        (
            |i| i.unit("d.target", "[Unit]\nRequires=e.service\n"),
            "unit-missing",
            "d.target needs the unit e.service",
        ),
        (|i| i.unit("d.target", "[Unit]\nBindsTo=b@x.service\n"), "unit-missing", "b@x.service"),
        (|i| i.without("rootfs/usr/lib/systemd/system/b.target"), "unit-missing", "leads to `b.target`"),
        (|i| i.without("rootfs/usr/bin/tool"), "unit-program", "a.service starts /usr/bin/tool"),
        (|i| i.entries.clear(), "rootfs", "no `rootfs`"),
        (|i| i.manifest["labels"][1]["value"] = json!("x86"), "archive", "unknown arch `x86`"),
    ];
    for (index, (change, rule, like)) in cases.iter().enumerate() {
        let mut image = Image::good();
        change(&mut image);
        let file = image.write(directory.path(), "bad.aci");
        let (code, result) = json_of(&["lint", "--json"], &[&file]);
        let findings = result["findings"].as_array().unwrap();
        let found =
            findings.iter().find(|finding| finding["rule"] == *rule && finding.to_string().contains(like));
        let found = found.unwrap_or_else(|| panic!("case {index}: no {rule} with `{like}` in {findings:#?}"));
        let errors = findings.iter().any(|finding| finding["severity"] == "error");
        assert_eq!(code, Some(i32::from(errors)), "case {index}");
        assert_eq!(result["ok"], !errors);
        assert_ne!(found["hint"], "");
        let known = rkt_build::inspect::lint::rules().any(|known| known.name == *rule);
        assert!(known || *rule == "archive");
    }
    // a sticky directory may be open to all
    let mut image = Image::good();
    image.put("rootfs/tmp", EntryKind::Directory, 0o1777, &[]);
    assert_eq!(run(&["lint"], &[&image.write(directory.path(), "tmp.aci")]).stdout, b"");
    // with systemd, and with what the host brings
    let mut image = Image::good();
    image.with_systemd();
    let output = run(&["lint"], &[&image.write(directory.path(), "systemd.aci")]);
    assert_eq!(text_of(&output), "");
    image.unit(
        "d.service",
        "[Unit]\nRequires=systemd-journald.service\n[Service]\nExecStart=/bin/systemctl x\n",
    );
    image.link("rootfs/flavor", "host");
    let output = run(&["lint"], &[&image.write(directory.path(), "host.aci")]);
    assert_eq!(text_of(&output), "");
    // every rule has a case
    for rule in rkt_build::inspect::lint::rules() {
        assert!(cases.iter().any(|(_, name, _)| *name == rule.name), "no case for {}", rule.name);
    }
}

#[test]
fn lint_reports_all_breaches_together_and_trouble_as_trouble() {
    let directory = tempfile::tempdir().unwrap();
    let mut image = Image::good();
    image.annotate("run", None);
    image.annotate("gc", None);
    image.remove("rootfs/rkt/status");
    image.file("rootfs/usr/su", 0o4755, b"");
    let text = text_of(&run(&["lint"], &[&image.write(directory.path(), "a.aci")]));
    assert_eq!(text.matches("error: ").count(), 3, "{text}");
    assert_eq!(text.matches("warning: ").count(), 1, "{text}");
    assert!(text.find("warning: ").unwrap() > text.rfind("error: ").unwrap(), "{text}");
    fs::write(directory.path().join("b.aci"), "no image").unwrap();
    let output = run(&["lint"], &[&directory.path().join("b.aci")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text_of(&output).contains("not an image archive"));
    let output = run(&["lint"], &[&directory.path().join("none.aci")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("none.aci"));
}
