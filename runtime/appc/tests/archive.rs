//! Archives written and read, with GNU tar and the usual compressors as oracles.
#![cfg(feature = "archive")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use appc::archive::{
    AciWriter, Compression, Entry, EntryKind, Limits, ReadError, ReadSummary, Refusal, WriteCompression,
    WriteError, WriteOptions, Written, image_id_of_file, read_aci, read_manifest,
};
use sha2::{Digest, Sha512};

const MANIFEST: &str = r#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a"}"#;
const PLAIN: WriteOptions = WriteOptions { compression: WriteCompression::None, threads: 1 };
const MTIME: u64 = 1_700_000_000;

type Content = (Entry, Vec<u8>);

fn file(path: &str, mode: u32, content: &[u8]) -> Content {
    (Entry::new(path, EntryKind::File { size: content.len() as u64 }, mode, MTIME), content.to_vec())
}

fn other(path: &str, kind: EntryKind) -> Content {
    (Entry::new(path, kind, 0o755, MTIME), Vec::new())
}

fn write(entries: &[Content], options: WriteOptions) -> Result<(Vec<u8>, Written), WriteError> {
    let mut writer = AciWriter::new(Vec::new(), options);
    writer.manifest(MANIFEST.as_bytes(), MTIME)?;
    for (entry, content) in entries {
        writer.entry(entry, &mut content.as_slice())?;
    }
    writer.finish()
}

/// Everything that an image may hold, with values at the edges of what ustar can say.
fn all_kinds() -> Vec<Content> {
    let long = format!("rootfs/long/{}/{}", "d".repeat(140), "f".repeat(99));
    let longer = format!("rootfs/long/{}", "n".repeat(150));
    let mut with_xattrs = file("rootfs/caps", 0o4755, b"x");
    with_xattrs.0.xattrs = BTreeMap::from([
        (b"security.capability".to_vec(), b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        (b"user.empty".to_vec(), Vec::new()),
    ]);
    let mut owned = file("rootfs/owned", 0o640, b"mine");
    (owned.0.uid, owned.0.gid, owned.0.mtime) = (1000, 5_000_000, 9_000_000_000);
    let mut entries = vec![
        other("rootfs", EntryKind::Directory),
        file("rootfs/a", 0o644, b"hello\n"),
        file("rootfs/a-b", 0o755, &[7; 512]),
        other("rootfs/b", EntryKind::Hardlink { target: b"rootfs/a".to_vec() }),
        with_xattrs,
        other("rootfs/dev", EntryKind::Directory),
        other("rootfs/dev/null", EntryKind::CharDevice { major: 1, minor: 3 }),
        other("rootfs/dev/sda", EntryKind::BlockDevice { major: 8, minor: 0 }),
        file("rootfs/empty", 0o600, b""),
        other("rootfs/fifo", EntryKind::Fifo),
        other("rootfs/link", EntryKind::Symlink { target: b"../a".to_vec() }),
        other("rootfs/link2", EntryKind::Symlink { target: vec![b't'; 300] }),
        file(&long, 0o644, b"long"),
        file(&longer, 0o644, b"longer"),
        owned,
        file("rootfs/\u{fc}mlaut", 0o644, b"u"),
    ];
    let mut raw = file("rootfs/x", 0o644, b"raw");
    raw.0.path = b"rootfs/\xff\xfe".to_vec();
    entries.push(raw);
    entries.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    entries
}

fn read(bytes: &[u8], limits: &Limits) -> Result<(ReadSummary, Vec<Content>), ReadError<io::Error>> {
    let mut seen = Vec::new();
    let summary = read_aci(bytes, limits, None, |entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        seen.push((entry.clone(), bytes));
        Ok(())
    })?;
    Ok((summary, seen))
}

fn refusal(bytes: &[u8], limits: &Limits) -> (String, Refusal) {
    match read(bytes, limits) {
        Err(ReadError::Refused { entry, reason }) => {
            (String::from_utf8(entry.unwrap_or_default()).unwrap(), reason)
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// Runs a program with bytes as its input; its output.
fn filter(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("this test needs the program {program}: {e}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", output.status);
    output.stdout
}

fn run(program: &str, args: &[&str], directory: &Path) -> String {
    let output = Command::new(program).args(args).current_dir(directory).output();
    let output = output.unwrap_or_else(|e| panic!("this test needs the program {program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn what_is_written_is_read_back() {
    let entries = all_kinds();
    for threads in [1, 2, 5] {
        let options = WriteOptions { compression: WriteCompression::Gzip { level: 6 }, threads };
        let (bytes, written) = write(&entries, options).unwrap();
        let (summary, mut seen) = read(&bytes, &Limits::default()).unwrap();
        assert_eq!(seen.remove(0).1, MANIFEST.as_bytes());
        assert_eq!(seen, entries);
        assert_eq!(summary.manifest_json, MANIFEST.as_bytes());
        assert_eq!(summary.manifest.name, "example.com/a");
        assert_eq!((summary.id, summary.tar_size), (written.id, written.tar_size));
        assert_eq!((summary.file_size, summary.entries), (bytes.len() as u64, entries.len() as u64 + 1));
        assert_eq!((written.file_size, written.entries), (bytes.len() as u64, entries.len() as u64 + 1));
        assert_eq!(summary.compression, Compression::Gzip);
    }
}

#[test]
fn the_id_is_the_first_half_of_the_digest_of_the_tar() {
    let (plain, written) = write(&all_kinds(), PLAIN).unwrap();
    let digest: [u8; 64] = Sha512::digest(&plain).into();
    let hex: Vec<String> = digest[..32].iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(written.id.to_string(), format!("sha512-{}", hex.concat()));
    let (packed, same) = write(&all_kinds(), WriteOptions::default()).unwrap();
    assert_eq!(written.id, same.id);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.aci");
    fs::write(&path, packed).unwrap();
    assert_eq!(image_id_of_file(&path, &Limits::default()).unwrap(), written.id);
    assert_eq!(read_manifest(File::open(&path).unwrap(), &Limits::default()).unwrap().1, MANIFEST.as_bytes());
}

#[test]
fn the_bytes_are_pinned() {
    let entries = [other("rootfs", EntryKind::Directory), file("rootfs/a", 0o644, b"a")];
    let (bytes, written) = write(&entries, PLAIN).unwrap();
    assert_eq!(bytes.len(), 512 * (2 + 1 + 2 + 2));
    // a change of this value changes the ID of every image
    assert_eq!(written.id.short(16), "sha512-290f64bf07de9919");
}

#[test]
fn gnu_tar_lists_and_extracts_it() {
    let directory = tempfile::tempdir().unwrap();
    let (bytes, _) = write(&all_kinds(), WriteOptions::default()).unwrap();
    fs::write(directory.path().join("a.aci"), bytes).unwrap();
    let listing = run("tar", &["--list", "--verbose", "--gzip", "-f", "a.aci"], directory.path());
    assert!(listing.lines().all(|line| line.contains(" root/root ") || line.contains("owned")), "{listing}");
    assert_eq!(listing.lines().count(), all_kinds().len() + 1);
    let out = directory.path().join("out");
    fs::create_dir(&out).unwrap();
    // GNU tar takes device nodes and capabilities from the archive as root only
    run("tar", &["--extract", "--xattrs", "--xattrs-include=*", "-p", "-f", "../a.aci"], &out);
    for (entry, content) in all_kinds() {
        use std::os::unix::ffi::OsStrExt;
        let path = out.join(std::ffi::OsStr::from_bytes(&entry.path));
        let found = fs::symlink_metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        match &entry.kind {
            EntryKind::File { .. } => {
                assert_eq!(fs::read(&path).unwrap(), content, "{}", path.display());
                assert_eq!(found.permissions().mode() & 0o7777, entry.mode, "{}", path.display());
                assert_eq!(u64::try_from(found.mtime()).unwrap(), entry.mtime);
                assert_eq!((u64::from(found.uid()), u64::from(found.gid())), (entry.uid, entry.gid));
            }
            EntryKind::Symlink { target } => {
                assert_eq!(fs::read_link(&path).unwrap().as_os_str().as_bytes(), target);
            }
            EntryKind::Hardlink { .. } => assert_eq!(found.nlink(), 2),
            EntryKind::Directory => assert!(found.is_dir()),
            EntryKind::CharDevice { .. } => assert_eq!(found.rdev(), 0x103),
            EntryKind::BlockDevice { .. } => assert_eq!(found.rdev(), 0x800),
            EntryKind::Fifo => assert_eq!(found.mode() & 0o170_000, 0o010_000),
        }
    }
}

/// A tree on disk with a manifest.
fn tree(directory: &Path) {
    fs::write(directory.join("manifest"), MANIFEST).unwrap();
    fs::create_dir_all(directory.join("rootfs/usr/bin")).unwrap();
    fs::write(directory.join("rootfs/usr/bin/tool"), vec![b'x'; 70_000]).unwrap();
    fs::hard_link(directory.join("rootfs/usr/bin/tool"), directory.join("rootfs/usr/bin/tool2")).unwrap();
    std::os::unix::fs::symlink("usr/bin", directory.join("rootfs/bin")).unwrap();
    fs::write(directory.join(format!("rootfs/usr/{}", "l".repeat(200))), "long").unwrap();
    fs::write(directory.join("rootfs/\u{fc}"), "umlaut").unwrap();
}

#[test]
fn archives_of_gnu_tar_are_read_in_every_format_and_compression() {
    let directory = tempfile::tempdir().unwrap();
    tree(directory.path());
    let mut contents = Vec::new();
    for format in ["gnu", "pax", "oldgnu"] {
        for names in [&["."][..], &["rootfs", "manifest"]] {
            let mut args = vec!["--create", "--format", format, "-f", "-"];
            args.extend(names);
            let output = Command::new("tar").args(&args).current_dir(directory.path()).output().unwrap();
            assert!(output.status.success());
            let tar = output.stdout;
            let digest: [u8; 64] = Sha512::digest(&tar).into();
            for (program, args, compression) in [
                ("cat", &[][..], Compression::None),
                ("gzip", &["-1"], Compression::Gzip),
                ("bzip2", &[], Compression::Bzip2),
                ("xz", &["-0"], Compression::Xz),
                ("zstd", &["-q"], Compression::Zstd),
            ] {
                let packed = filter(program, args, &tar);
                let mut tap = Vec::new();
                let mut seen = BTreeMap::new();
                let visit = |entry: &Entry, content: &mut dyn Read| {
                    let mut bytes = Vec::new();
                    content.read_to_end(&mut bytes)?;
                    seen.insert(entry.path.clone(), (entry.kind.clone(), bytes));
                    Ok::<(), io::Error>(())
                };
                let summary = read_aci(packed.as_slice(), &Limits::default(), Some(&mut tap), visit).unwrap();
                assert_eq!(summary.compression, compression);
                assert_eq!(summary.id, appc::ImageId::from_sha512(&digest), "the padding counts too");
                assert_eq!(summary.file_size, packed.len() as u64);
                assert!(tap == tar);
                assert_eq!(seen.len(), 9);
                contents.push(seen);
            }
        }
    }
    // which of two hard links comes first is the directory's order, the same for all
    assert!(contents.windows(2).all(|two| two[0] == two[1]));
}

#[test]
fn members_and_streams_may_follow_each_other() {
    let (tar, written) = write(&all_kinds(), PLAIN).unwrap();
    let (front, back) = tar.split_at(1000);
    for (program, args) in [("gzip", &[][..]), ("bzip2", &[]), ("xz", &[]), ("zstd", &["-q"])] {
        let packed = [filter(program, args, front), filter(program, args, back)].concat();
        assert_eq!(read(&packed, &Limits::default()).unwrap().0.id, written.id, "{program}");
    }
}

#[test]
fn trailing_bytes_belong_to_the_id() {
    let (mut tar, written) = write(&all_kinds(), PLAIN).unwrap();
    tar.extend_from_slice(&[0; 5000]);
    tar.extend_from_slice(b"and more");
    let (summary, _) = read(&tar, &Limits::default()).unwrap();
    let digest: [u8; 64] = Sha512::digest(&tar).into();
    assert_ne!(summary.id, written.id);
    assert_eq!(summary.id, appc::ImageId::from_sha512(&digest));
}

#[test]
fn the_writer_refuses_what_a_reader_would() {
    let link = |target: &str| EntryKind::Hardlink { target: target.into() };
    let directory = || other("rootfs", EntryKind::Directory);
    let cases: Vec<(Vec<Content>, &str)> = vec![
        (vec![directory(), directory()], "sorted"),
        (vec![file("rootfs/b", 0o644, b""), file("rootfs/a", 0o644, b"")], "sorted"),
        (vec![file("manifest", 0o644, b"")], "first"),
        (vec![file("rootfs/../a", 0o644, b"")], "`..`"),
        (vec![file("/rootfs", 0o644, b"")], "absolute"),
        (vec![file("./rootfs/a", 0o644, b"")], "`.` component"),
        (vec![other("rootfs/", EntryKind::Directory)], "slash at its end"),
        (vec![other("rootfs", EntryKind::Symlink { target: b"/".to_vec() })], "must be a directory"),
        (
            vec![
                other("rootfs/a", EntryKind::Symlink { target: b"/".to_vec() }),
                file("rootfs/a/b", 0o644, b""),
            ],
            "below",
        ),
        (vec![directory(), other("rootfs/a", link("rootfs/b"))], "no earlier entry"),
        (vec![directory(), other("rootfs/a", link("manifest"))], "out of"),
        (vec![file("rootfs/a", 0o100_644, b"")], "mode"),
        (vec![other("rootfs/a", EntryKind::Symlink { target: Vec::new() })], "link target"),
    ];
    for (entries, like) in cases {
        let error = write(&entries, PLAIN).unwrap_err().to_string();
        assert!(error.contains(like), "{error} has no {like}");
    }
    for (size, content) in [(3, &b"ab"[..]), (1, b"ab"), (0, b"a"), (512, b"")] {
        let entry = (Entry::new("rootfs/a", EntryKind::File { size }, 0o644, 0), content.to_vec());
        assert!(matches!(write(&[entry], PLAIN), Err(WriteError::Size { .. })));
    }
    let mut writer = AciWriter::new(Vec::new(), PLAIN);
    assert!(matches!(writer.entry(&directory().0, &mut io::empty()), Err(WriteError::ManifestPlace)));
    writer.manifest(b"{}", 0).unwrap();
    let (bad, content) = (Entry::new("rootfs/a", EntryKind::File { size: 9 }, 0o644, 0), b"short");
    writer.entry(&bad, &mut content.as_slice()).unwrap_err();
    assert!(matches!(writer.finish(), Err(WriteError::Incomplete)));
}

/// A tar of raw headers: name, type, link target, content.
fn raw(entries: &[(&str, u8, &str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, kind, link, content) in entries {
        let mut block = [0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..108].copy_from_slice(b"0000644\0");
        block[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        block[156] = *kind;
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        block[257..265].copy_from_slice(b"ustar\x0000");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&block);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

#[test]
fn hostile_archives_are_refused_by_entry() {
    const M: (&str, u8, &str, &[u8]) = ("manifest", b'0', "", MANIFEST.as_bytes());
    let file = |name| (name, b'0', "", &b""[..]);
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (raw(&[M, file("rootfs/../../etc/passwd")]), "rootfs/../../etc/passwd", "`..`"),
        (raw(&[M, file("/etc/passwd")]), "/etc/passwd", "absolute"),
        (raw(&[M, file("rootfs/a"), file("./rootfs//a")]), "./rootfs//a", "twice"),
        (raw(&[M, M]), "manifest", "twice"),
        (raw(&[M, ("rootfs", b'2', "/", b"")]), "rootfs", "must be a directory"),
        (raw(&[M, ("rootfs/s", b'2', "/", b""), file("rootfs/s/x")]), "rootfs/s/x", "symlink"),
        (raw(&[M, file("rootfs/s/x"), ("rootfs/s", b'2', "/", b"")]), "rootfs/s", "earlier entries"),
        (raw(&[M, file("rootfs/f"), file("rootfs/f/x")]), "rootfs/f/x", "not make a directory"),
        (raw(&[M, ("rootfs/h", b'1', "rootfs/later", b""), file("rootfs/later")]), "rootfs/h", "no earlier"),
        (raw(&[M, ("rootfs/h", b'1', "/etc/passwd", b"")]), "rootfs/h", "no earlier"),
        (raw(&[M, ("rootfs/h", b'1', "rootfs/../x", b"")]), "rootfs/h", "no earlier"),
        (raw(&[M, ("rootfs/h", b'1', "manifest", b"")]), "rootfs/h", "out of `rootfs`"),
        (raw(&[("manifest", b'2', "rootfs/m", b"")]), "manifest", "must be a file"),
        (raw(&[("manifest", b'5', "", b"")]), "manifest", "must be a file"),
        (raw(&[M, ("rootfs/s", b'2', "", b"")]), "rootfs/s", "link target"),
        (raw(&[M, ("rootfs/s", b'S', "", b"")]), "rootfs/s", "sparse"),
        (raw(&[M, ("rootfs/v", b'V', "", b"")]), "rootfs/v", "unsupported type V"),
        (raw(&[M, ("p", b'x', "", b"22 GNU.sparse.major=1\n"), file("rootfs/a")]), "rootfs/a", "sparse"),
        (raw(&[M, ("p", b'x', "", b"19 path=rootfs/../a\n")]), "", "damaged"),
        (raw(&[M, ("p", b'x', "", b"20 path=rootfs/../a\n"), file("x")]), "rootfs/../a", "`..`"),
        (raw(&[M, ("p", b'L', "", b"rootfs/../a\0"), file("x")]), "rootfs/../a", "`..`"),
        (raw(&[M, ("p", b'x', "", b"7 a=b\n")]), "", "damaged"),
        (raw(&[M, ("p", b'x', "", b"6 a=b\n")]), "", "ends too early"),
        (raw(&[file("rootfs/a")]), "", "no `manifest`"),
        (vec![0; 1024], "", "no `manifest`"),
        (raw(&[("manifest", b'0', "", b"{")]), "manifest", "not JSON"),
        (raw(&[("manifest", b'0', "", br#"{"acKind":"PodManifest"}"#)]), "manifest", "field acKind"),
        (b"#!/bin/sh\n".to_vec(), "", "not an image archive"),
        (vec![b'x'; 5000], "", "not an image archive"),
        (Vec::new(), "", "not an image archive"),
    ];
    for (bytes, at, like) in cases {
        let (entry, reason) = refusal(&bytes, &Limits::default());
        assert!(
            entry == at && reason.to_string().contains(like),
            "`{entry}`: {reason}; wanted `{at}`: {like}"
        );
        assert!(!reason.hint().is_empty());
    }
}

#[test]
fn limits_hold() {
    let entries = all_kinds();
    let (bytes, written) = write(&entries, WriteOptions::default()).unwrap();
    let full = Limits::default();
    for (limits, like) in [
        (Limits { entries: 3, ..full.clone() }, "more than 3 entries"),
        (Limits { bytes: 2000, ..full.clone() }, "more than 2000 bytes"),
        (Limits { path: 100, ..full.clone() }, "100 bytes in a link target"),
        (Limits { depth: 2, ..full.clone() }, "2 components in a path"),
        (Limits { names: 50, ..full.clone() }, "50 bytes of names"),
        (Limits { manifest: 10, ..full.clone() }, "10 bytes in its manifest"),
        (Limits { extension: 10, ..full.clone() }, "10 bytes in an extension header"),
        (Limits { ratio: 1, free_bytes: 100, ..full.clone() }, "bomb"),
    ] {
        let (_, reason) = refusal(&bytes, &limits);
        assert!(reason.to_string().contains(like), "{reason}; wanted {like}");
    }
    let exact = Limits { entries: written.entries, bytes: written.tar_size, depth: 4, ..full };
    read(&bytes, &exact).unwrap();
}

#[test]
fn decoders_keep_to_their_memory() {
    let (tar, _) = write(&all_kinds(), PLAIN).unwrap();
    let limits = Limits { decoder_memory: 1 << 20, ..Limits::default() };
    for (program, args) in [("xz", &["-9"][..]), ("zstd", &["-q", "--long=27", "--ultra", "-22"])] {
        let packed = filter(program, args, &tar);
        let (_, reason) = refusal(&packed, &limits);
        assert!(matches!(reason, Refusal::Memory(_)), "{program}: {reason}");
        read(&packed, &Limits::default()).unwrap();
    }
}

/// A reader of a long file without making it.
fn zeros(size: u64) -> impl Read {
    io::repeat(0).take(size)
}

fn packed_zeros(size: u64) -> Vec<u8> {
    let mut writer = AciWriter::new(
        Vec::new(),
        WriteOptions { compression: WriteCompression::Gzip { level: 9 }, threads: 2 },
    );
    writer.manifest(MANIFEST.as_bytes(), 0).unwrap();
    writer.entry(&Entry::new("rootfs/zeros", EntryKind::File { size }, 0o644, 0), &mut zeros(size)).unwrap();
    writer.finish().unwrap().0
}

#[test]
fn a_bomb_ends_early_and_a_sparse_image_passes() {
    let small = packed_zeros(64 << 20);
    assert!(small.len() < 128 << 10);
    assert_eq!(read_aci(small.as_slice(), &Limits::default(), None, skip).unwrap().entries, 2);
    // the same with limits of a hundredth: ten gigabytes at the defaults
    let limits = Limits { free_bytes: (1 << 30) / 100, ..Limits::default() };
    let bomb = packed_zeros((10 << 30) / 100);
    match read_aci(bomb.as_slice(), &limits, None, skip) {
        Err(ReadError::Refused { reason: Refusal::Ratio { unpacked, .. }, .. }) => {
            assert!(unpacked < 30 << 20, "{unpacked}");
        }
        other => panic!("{other:?}"),
    }
    // a file of 10 GiB is written in bounded memory, with the size in a record
    let mut writer = AciWriter::new(io::sink(), PLAIN);
    writer.manifest(MANIFEST.as_bytes(), 0).unwrap();
    let huge = Entry::new("rootfs/huge", EntryKind::File { size: 1 << 33 }, 0o644, 0);
    let error = writer.entry(&huge, &mut io::empty()).unwrap_err();
    assert!(matches!(error, WriteError::Size { .. }));
}

#[expect(clippy::unnecessary_wraps, reason = "a visitor returns a result")]
fn skip(_: &Entry, _: &mut dyn Read) -> Result<(), Infallible> {
    Ok(())
}

/// A small archive in each compression.
fn small_archives() -> Vec<Vec<u8>> {
    let mut entries = vec![
        other("rootfs", EntryKind::Directory),
        file("rootfs/a", 0o644, b"content"),
        file("rootfs/\u{fc}", 0o644, b""),
    ];
    entries[1].0.xattrs.insert(b"user.a".to_vec(), b"b".to_vec());
    let (tar, _) = write(&entries, PLAIN).unwrap();
    let packers: [(&str, &[&str]); 5] =
        [("cat", &[]), ("gzip", &["-n"]), ("bzip2", &[]), ("xz", &[]), ("zstd", &["-q", "--check"])];
    packers.iter().map(|(program, args)| filter(program, args, &tar)).collect()
}

#[test]
fn truncated_archives_are_refused_at_every_length() {
    for bytes in small_archives() {
        for length in 0..bytes.len() {
            let result = read(&bytes[..length], &Limits::default());
            // one block of zeros is end enough, as for the original
            let lone_end = Compression::of_magic(&bytes) == Compression::None && length >= bytes.len() - 512;
            assert!(result.is_err() || lone_end, "{length} of {} bytes pass", bytes.len());
        }
    }
}

#[test]
fn a_flipped_bit_never_passes_as_the_same_image() {
    for bytes in small_archives() {
        let whole = read(&bytes, &Limits::default()).unwrap();
        let mut bytes = bytes;
        for position in 0..bytes.len() {
            for bit in [0x01, 0x20, 0x80] {
                bytes[position] ^= bit;
                if let Ok((summary, seen)) = read(&bytes, &Limits::default()) {
                    // what passes is either the same content (a time stamp of the compression) or has another ID
                    assert!(summary.id != whole.0.id || seen == whole.1, "byte {position}");
                }
                bytes[position] ^= bit;
            }
        }
    }
}

#[test]
fn errors_of_input_output_and_visitor_are_told_apart() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken disk"))
        }
    }
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("full disk"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (bytes, _) = write(&all_kinds(), WriteOptions::default()).unwrap();
    let limits = Limits::default();
    for front in [0, 3, bytes.len() / 2] {
        let error = read_aci(bytes[..front].chain(Broken), &limits, None, skip).unwrap_err();
        assert!(matches!(error, ReadError::Input(_)), "{error}");
    }
    let error = read_aci(bytes.as_slice(), &limits, Some(&mut Broken), skip).unwrap_err();
    assert!(matches!(error, ReadError::Tap(_)), "{error}");
    let error = read_aci(bytes.as_slice(), &limits, None, |_, _| Err("no")).unwrap_err();
    assert!(matches!(error, ReadError::Visit { source: "no", .. }), "{error}");
}
