//! Writes small ELF files: headers, one segment, the dynamic section, notes. They cannot run, but they can be read.
#![allow(dead_code, reason = "each test uses a part of it")]

/// What is written; what is empty is left out.
#[derive(Debug, Clone)]
pub(crate) struct Elf {
    pub(crate) bits: u8,
    pub(crate) little: bool,
    pub(crate) machine: u16,
    pub(crate) flags: u32,
    pub(crate) kind: u16,
    pub(crate) interpreter: Option<String>,
    pub(crate) needed: Vec<String>,
    pub(crate) soname: Option<String>,
    pub(crate) rpath: Option<String>,
    pub(crate) runpath: Option<String>,
    pub(crate) nodeflib: bool,
    /// Payloads of notes about dlopen.
    pub(crate) dlopen: Vec<String>,
    /// Bytes between the start and the names, as symbols are in a real library.
    pub(crate) gap: usize,
}

/// Where things are in the written file.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) notes: usize,
    pub(crate) strings: usize,
    pub(crate) dynamic: usize,
}

/// A library of this machine's architecture.
pub(crate) fn library(soname: &str) -> Elf {
    Elf {
        bits: 64,
        little: true,
        machine: 62,
        flags: 0,
        kind: 3,
        interpreter: None,
        needed: Vec::new(),
        soname: (!soname.is_empty()).then(|| soname.to_owned()),
        rpath: None,
        runpath: None,
        nodeflib: false,
        dlopen: Vec::new(),
        gap: 0,
    }
}

/// A program with the loader of glibc.
pub(crate) fn program() -> Elf {
    library("").interpreter("/lib64/ld-linux-x86-64.so.2")
}

impl Elf {
    pub(crate) fn needs(mut self, names: &[&str]) -> Elf {
        self.needed.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    pub(crate) fn interpreter(self, path: &str) -> Elf {
        Elf { interpreter: Some(path.to_owned()), ..self }
    }

    pub(crate) fn rpath(self, path: &str) -> Elf {
        Elf { rpath: Some(path.to_owned()), ..self }
    }

    pub(crate) fn runpath(self, path: &str) -> Elf {
        Elf { runpath: Some(path.to_owned()), ..self }
    }

    pub(crate) fn nodeflib(self) -> Elf {
        Elf { nodeflib: true, ..self }
    }

    pub(crate) fn opens(mut self, payload: &str) -> Elf {
        self.dlopen.push(payload.to_owned());
        self
    }

    pub(crate) fn machine(self, machine: u16, bits: u8, little: bool, flags: u32) -> Elf {
        Elf { bits, little, machine, flags, ..self }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.layout().0
    }

    pub(crate) fn layout(&self) -> (Vec<u8>, Places) {
        let wide = self.bits == 64;
        let (header, segment) = if wide { (64, 56) } else { (52, 32) };
        let count = 2 + u16::from(self.interpreter.is_some()) + u16::from(!self.dlopen.is_empty());
        let mut out =
            Out { bytes: vec![0; header + segment * usize::from(count)], wide, little: self.little };

        let mut segments: Vec<(u32, usize, usize)> = Vec::new();
        if let Some(interpreter) = &self.interpreter {
            segments.push((3, out.bytes.len(), interpreter.len() + 1));
            out.bytes.extend_from_slice(interpreter.as_bytes());
            out.bytes.push(0);
        }
        out.pad(8);
        let notes = out.bytes.len();
        for payload in &self.dlopen {
            out.word32(4);
            out.word32(u32::try_from(payload.len()).unwrap() + 1);
            out.word32(0x407c_0c0a);
            out.bytes.extend_from_slice(b"FDO\0");
            out.bytes.extend_from_slice(payload.as_bytes());
            out.bytes.push(0);
            out.pad(4);
        }
        if !self.dlopen.is_empty() {
            segments.push((4, notes, out.bytes.len() - notes));
        }
        out.bytes.resize(out.bytes.len() + self.gap, 0xee);
        let strings = out.bytes.len();
        out.bytes.push(0);
        let mut entries: Vec<(u64, u64)> = Vec::new();
        let texts = self.needed.iter().map(|name| (1, name));
        let texts = texts.chain(self.soname.iter().map(|name| (14, name)));
        let texts = texts.chain(self.rpath.iter().map(|path| (15, path)));
        for (tag, text) in texts.chain(self.runpath.iter().map(|path| (29, path))) {
            entries.push((tag, (out.bytes.len() - strings) as u64));
            out.bytes.extend_from_slice(text.as_bytes());
            out.bytes.push(0);
        }
        entries.push((5, strings as u64));
        entries.push((10, (out.bytes.len() - strings) as u64));
        if self.nodeflib {
            entries.push((0x6fff_fffb, 0x800));
        }
        entries.push((0, 0));
        out.pad(8);
        let dynamic = out.bytes.len();
        for (tag, value) in &entries {
            out.word(*tag);
            out.word(*value);
        }
        segments.push((2, dynamic, out.bytes.len() - dynamic));
        segments.push((1, 0, out.bytes.len()));

        let mut head = Out { bytes: Vec::new(), wide, little: self.little };
        head.bytes.extend_from_slice(b"\x7fELF");
        head.bytes.extend_from_slice(&[if wide { 2 } else { 1 }, if self.little { 1 } else { 2 }, 1]);
        head.bytes.resize(16, 0);
        head.word16(self.kind);
        head.word16(self.machine);
        head.word32(1);
        head.word(0);
        head.word(header as u64);
        head.word(0);
        head.word32(self.flags);
        head.word16(u16::try_from(header).unwrap());
        head.word16(u16::try_from(segment).unwrap());
        head.word16(count);
        for _ in 0..3 {
            head.word16(0);
        }
        for (kind, offset, size) in segments {
            let (offset, size) = (offset as u64, size as u64);
            head.word32(kind);
            if wide {
                head.word32(4);
            }
            for value in [offset, offset, offset, size, size] {
                head.word(value);
            }
            if !wide {
                head.word32(4);
            }
            head.word(4);
        }
        out.bytes[..head.bytes.len()].copy_from_slice(&head.bytes);
        (out.bytes, Places { notes, strings, dynamic })
    }
}

struct Out {
    bytes: Vec<u8>,
    wide: bool,
    little: bool,
}

impl Out {
    fn number(&mut self, value: u64, size: usize) {
        let bytes = value.to_le_bytes();
        if self.little {
            self.bytes.extend_from_slice(&bytes[..size]);
        } else {
            self.bytes.extend(bytes[..size].iter().rev());
        }
    }

    fn word16(&mut self, value: u16) {
        self.number(value.into(), 2);
    }

    fn word32(&mut self, value: u32) {
        self.number(value.into(), 4);
    }

    /// As wide as addresses are.
    fn word(&mut self, value: u64) {
        self.number(value, if self.wide { 8 } else { 4 });
    }

    fn pad(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }
}
