//! Image archives.

use std::collections::BTreeMap;
use std::io;

use appc::archive::{
    AciWriter, Entry, EntryKind, Limits, ReadError, ReadSummary, WriteCompression, WriteError, WriteOptions,
    read_aci, read_manifest,
};

type Contents = BTreeMap<Vec<u8>, (Entry, Vec<u8>)>;

/// Whatever is accepted keeps the rules, and is the same when it is written and read again. The bytes are tried as they
/// are, and with the checksums of a tar mended, which chance does not find.
pub fn run(data: &[u8]) {
    archive(data);
    if let Some(mended) = mend(data) {
        archive(&mended);
    }
}

/// The checksums of all headers made right; none if there is nothing to do.
fn mend(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = data.to_vec();
    let mut at = 0;
    while let Some(block) = out.get_mut(at..at + 512) {
        at += 512;
        if block.iter().all(|b| *b == 0) {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = block[124..135].iter().take_while(|b| (b'0'..=b'7').contains(b));
        let size = size.fold(0_usize, |size, b| size << 3 | usize::from(b - b'0'));
        at = at.checked_add(size.checked_next_multiple_of(512)?)?;
    }
    (out != data).then_some(out)
}

fn archive(data: &[u8]) {
    let limits = Limits {
        entries: 1000,
        bytes: 4 << 20,
        names: 64 << 10,
        manifest: 64 << 10,
        extension: 64 << 10,
        free_bytes: 1 << 20,
        decoder_memory: 16 << 20,
        ..Limits::default()
    };
    let manifest = read_manifest(data, &limits);
    let Ok((summary, contents)) = read(data, &limits) else { return };
    let (first, json) = manifest.expect("an archive that can be read has a manifest");
    assert_eq!((&first, &json), (&summary.manifest, &summary.manifest_json));
    for (path, (entry, bytes)) in &contents {
        check(path, entry, bytes);
    }
    assert!(contents.contains_key(&b"manifest"[..]));
    // a link may lead to a path that comes later in the writer's order
    if !contents.values().any(|(entry, _)| matches!(entry.kind, EntryKind::Hardlink { .. })) {
        rewrite(&contents, &limits);
    }
}

fn read(data: &[u8], limits: &Limits) -> Result<(ReadSummary, Contents), ReadError<io::Error>> {
    let mut contents = Contents::new();
    let mut tap = Vec::new();
    let summary = read_aci(data, limits, Some(&mut tap), |entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        let old = contents.insert(entry.path.clone(), (entry.clone(), bytes));
        assert_eq!(old, None, "a path comes once");
        Ok(())
    })?;
    assert_eq!(tap.len() as u64, summary.tar_size);
    Ok((summary, contents))
}

fn check(path: &[u8], entry: &Entry, bytes: &[u8]) {
    let bad = |c: &[u8]| c.is_empty() || c == b"." || c == b"..";
    assert!(!path.split(|b| *b == b'/').any(bad) && !path.contains(&0), "a clean path");
    let size = if let EntryKind::File { size } = entry.kind { size } else { 0 };
    assert_eq!(size, bytes.len() as u64);
    assert!(entry.mode <= 0o7777);
}

fn rewrite(contents: &Contents, limits: &Limits) {
    let options = WriteOptions { compression: WriteCompression::None, threads: 1 };
    let mut writer = AciWriter::new(Vec::new(), options);
    let (manifest, json) = &contents[&b"manifest"[..]];
    writer.manifest(json, manifest.mtime).expect("a manifest can be written");
    for (path, (entry, bytes)) in contents {
        if path == b"manifest" {
            continue;
        }
        match writer.entry(entry, &mut bytes.as_slice()) {
            Ok(()) => {}
            // a device number or an attribute's name that only other writers store
            Err(WriteError::Value { .. }) => return,
            Err(error) => panic!("what was read can be written: {error}"),
        }
    }
    let (out, written) = writer.finish().expect("a vector takes everything");
    // the records of the second archive may be longer than those of the first
    let limits = Limits { extension: 1 << 20, bytes: 16 << 20, ..limits.clone() };
    let (summary, again) = read(&out, &limits).expect("what was written can be read");
    assert_eq!(summary.id, written.id);
    for (path, entry) in contents {
        if path != b"manifest" {
            assert_eq!(again.get(path), Some(entry));
        }
    }
    assert_eq!(again.len(), contents.len());
}
