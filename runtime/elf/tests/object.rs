//! Reading one file: what it says, and files that lie, end early or are too large.

mod writer;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rkt_elf::{Content, Object, ObjectError, Priority, ReadAt, limits};
use writer::{Elf, library, program};

fn read(bytes: &[u8]) -> Result<Content, ObjectError> {
    let mut bytes = bytes;
    Content::read(&mut bytes)
}

fn object(elf: &Elf) -> Arc<Object> {
    match read(&elf.bytes()).expect("readable") {
        Content::Elf(object) => object,
        Content::Script(script) => panic!("{script:?}"),
    }
}

fn reason(bytes: &[u8]) -> String {
    read(bytes).expect_err("an error").to_string()
}

fn full() -> Elf {
    Elf { rpath: Some("/old".to_owned()), ..program() }
        .needs(&["libb.so.2", "liba.so.1", "libb.so.2"])
        .runpath("/x:$ORIGIN/../lib")
        .nodeflib()
        .opens(
            r#"[{"soname":["libz.so.2","libz.so.1"],"feature":"z","description":"Z","priority":"required"}]"#,
        )
        .opens(r#"{"soname":"liby.so.1"}"#)
}

#[test]
fn everything_is_read_in_both_classes_and_byte_orders() {
    for (bits, little, machine) in [(64, true, 62), (64, false, 21), (32, true, 3), (32, false, 20)] {
        let elf = Elf { soname: Some("me".to_owned()), ..full().machine(machine, bits, little, 7) };
        let object = object(&elf);
        assert_eq!(
            (object.machine.number, object.machine.bits, object.machine.little, object.machine.flags),
            (machine, bits, little, 7)
        );
        assert_eq!(object.interpreter.as_deref(), Some(Path::new("/lib64/ld-linux-x86-64.so.2")));
        assert_eq!(object.needed, ["libb.so.2", "liba.so.1", "libb.so.2"]);
        let texts = [&object.soname, &object.rpath, &object.runpath].map(|text| text.clone().unwrap());
        assert_eq!(texts, ["me", "/old", "/x:$ORIGIN/../lib"].map(OsString::from));
        assert!(object.nodeflib && !object.fixed && object.bad_note.is_none());
        assert_eq!(object.dlopen.len(), 2);
        assert_eq!(object.dlopen[0].soname, ["libz.so.2", "libz.so.1"]);
        assert_eq!(object.dlopen[0].priority, Priority::Required);
        assert_eq!(object.dlopen[1].soname, ["liby.so.1"]);
        assert_eq!(object.dlopen[1].priority, Priority::Recommended);
    }
}

#[test]
fn names_may_be_any_bytes() {
    let (mut bytes, places) = library("").needs(&["libx.so"]).layout();
    bytes[places.strings + 4] = 0xff;
    let Content::Elf(object) = read(&bytes).unwrap() else { panic!("an object") };
    assert_eq!(object.needed[0].as_encoded_bytes(), b"lib\xff.so");
}

#[test]
fn a_program_without_libraries() {
    let mut elf = library("");
    elf.kind = 2;
    let object = object(&elf);
    assert!(object.fixed && object.needed.is_empty() && object.interpreter.is_none());
    // no program headers at all
    let mut bytes = elf.bytes();
    bytes[56..58].fill(0);
    assert!(matches!(read(&bytes), Ok(Content::Elf(object)) if object.needed.is_empty()));
}

#[test]
fn other_files_are_refused() {
    for (bytes, text) in [
        (&b""[..], "neither an ELF file nor a script"),
        (b"hello", "neither an ELF file nor a script"),
        (b"#!\n", "neither an ELF file nor a script"),
        (b"\x7fELF", "ends within its header"),
        (b"\x7fELF\x07", "a broken ELF file: neither 32 nor 64 bits"),
        (b"\x7fELF\x02\x01\x01", "ends within its header"),
    ] {
        assert_eq!(reason(bytes), text);
    }
    for kind in [0, 1, 4, 0xffff] {
        let mut elf = library("x");
        elf.kind = kind;
        assert!(matches!(read(&elf.bytes()), Err(ObjectError::NotLoadable)), "{kind}");
    }
}

#[test]
fn limits_are_told() {
    let many: Vec<String> = (0..=limits::MAX_NEEDED).map(|number| format!("lib{number}.so")).collect();
    let elf = Elf { needed: many, ..library("x") };
    assert_eq!(reason(&elf.bytes()), "more than 512 needed libraries");
    let elf = Elf { needed: elf.needed[1..].to_vec(), ..elf };
    assert_eq!(object(&elf).needed.len(), limits::MAX_NEEDED);

    let directories = |count: usize| vec!["/d"; count].join(":");
    let elf = library("x").runpath(&directories(limits::MAX_DIRECTORIES + 1));
    assert_eq!(reason(&elf.bytes()), "more than 128 directories in a search path");
    object(&library("x").rpath(&directories(limits::MAX_DIRECTORIES)));

    let elf = library(&"x".repeat(limits::MAX_STRING + 1));
    assert_eq!(reason(&elf.bytes()), "more than 8192 bytes in a name");
    let elf = library(&"x".repeat(limits::MAX_STRING));
    assert_eq!(object(&elf).soname.as_ref().unwrap().len(), limits::MAX_STRING);

    let mut bytes = library("x").bytes();
    bytes[56..58].copy_from_slice(&[1, 2]);
    assert_eq!(reason(&bytes), "more than 512 program headers");
    // the size of the dynamic section, which is the first segment
    let mut bytes = library("x").bytes();
    bytes[64 + 32..64 + 40].fill(0xff);
    assert_eq!(reason(&bytes), "more than 65536 bytes of dynamic section");
}

#[test]
fn damage_in_notes_is_only_a_remark() {
    for (payload, text) in [
        ("[", "a note about dlopen: EOF"),
        (r#"[{"feature":"x"}]"#, "a note about dlopen: missing field `soname`"),
        (r#"[{"soname":[]}]"#, "names no library"),
        (r#"[{"soname":["a"],"priority":"maybe"}]"#, "unknown variant `maybe`"),
        ("", "a note about dlopen: EOF"),
    ] {
        let object = object(&library("x").needs(&["liba.so"]).opens(payload));
        assert_eq!(object.needed, ["liba.so"]);
        let remark = object.bad_note.as_deref().unwrap_or_default();
        assert!(remark.contains(text), "{payload}: {remark}");
    }
    let many = vec![r#"{"soname":"a"}"#; limits::MAX_DLOPEN + 1].join(",");
    let object = object(&library("x").opens(&format!("[{many}]")));
    assert_eq!(object.bad_note.as_deref(), Some("notes about more than 256 libraries"));
    let (mut bytes, places) = library("x").opens("[]").layout();
    bytes[places.notes + 4..places.notes + 8].fill(0xff);
    let Content::Elf(object) = read(&bytes).unwrap() else { panic!("an object") };
    assert_eq!(object.bad_note.as_deref(), Some("Invalid ELF note descsz"));
    // of somebody else
    bytes[places.notes + 4..places.notes + 8].copy_from_slice(&[3, 0, 0, 0]);
    bytes[places.notes + 12] = b'X';
    assert!(matches!(read(&bytes), Ok(Content::Elf(object)) if object.bad_note.is_none()));
}

#[test]
fn truncated_and_mutated_files_are_read_or_refused() {
    let whole = full().bytes();
    let mut refused = 0;
    for end in 0..whole.len() {
        refused += usize::from(read(&whole[..end]).is_err());
    }
    // the last bytes are the end of the dynamic section
    assert_eq!(refused, whole.len());
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            // Only that it ends, and well.
            let _ = read(&bytes);
            if at + 8 <= bytes.len() {
                bytes[at..at + 8].fill(value);
                let _ = read(&bytes);
            }
        }
    }
}

#[test]
fn scripts() {
    for (text, interpreter, argument) in [
        ("#!/bin/sh\necho", "/bin/sh", None),
        ("#! \t/bin/sh -e -x \nx", "/bin/sh", Some("-e -x")),
        ("#!/usr/bin/env\tpython3", "/usr/bin/env", Some("python3")),
        ("#!/bin/sh\0-e\n", "/bin/sh", None),
        ("#!bin/sh\r\n", "bin/sh\r", None),
    ] {
        let Content::Script(script) = read(text.as_bytes()).expect(text) else { panic!("{text}") };
        assert_eq!(script.interpreter, PathBuf::from(interpreter), "{text}");
        assert_eq!(script.argument, argument.map(OsString::from), "{text}");
    }
    let long = format!("#!/{}", "x".repeat(300));
    assert_eq!(reason(long.as_bytes()), "more than 256 bytes in the first line of a script");
}

/// Counts what is read.
struct Counting<'a>(&'a [u8], usize, usize);

impl ReadAt for Counting<'_> {
    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = self.0.read_at(buf, offset)?;
        self.1 += count;
        self.2 += 1;
        Ok(count)
    }
}

#[test]
fn little_is_read_of_a_large_file() {
    let mut large = Elf { gap: 20 << 20, ..full() }.bytes();
    large.resize(50 << 20, 0xee);
    let mut file = Counting(&large, 0, 0);
    Content::read(&mut file).expect("readable");
    assert!(file.1 <= 16 << 10 && file.2 <= 6, "{} bytes in {} reads", file.1, file.2);
}
