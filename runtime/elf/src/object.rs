//! What one file says about what it needs.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, NoteIterator, ProgramHeader};
use object::{Endianness, pod};
use thiserror::Error;

use crate::arch::Machine;
use crate::dlopen::{self, Dlopen};
use crate::reader::Reader;
use crate::root::ReadAt;
use crate::script::Script;

/// Most program headers of an object.
pub const MAX_SEGMENTS: usize = 512;
/// Longest dynamic section, in bytes. The section of a common library has 500.
pub const MAX_DYNAMIC: usize = 64 << 10;
/// Most bytes of notes in an object.
pub const MAX_NOTES: usize = 256 << 10;
/// Longest name or search path in an object, in bytes; a path of the kernel has at most 4096.
pub const MAX_STRING: usize = 8 << 10;
/// Most bytes of all names and search paths of an object; a string in the file may be part of many.
pub const MAX_STRINGS: usize = 1 << 20;
/// Most libraries that one object may need.
pub const MAX_NEEDED: usize = 512;
/// Most directories in one search path of an object.
pub const MAX_DIRECTORIES: usize = 128;

/// An ELF file that can be loaded: a program or a shared library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it runs on.
    pub machine: Machine,
    /// Whether it is of the type of programs that are loaded at a fixed address (`ET_EXEC`). Others are
    /// shared libraries, or programs that look like them.
    pub fixed: bool,
    /// `PT_INTERP`: the dynamic loader that the kernel starts for it.
    pub interpreter: Option<PathBuf>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<OsString>,
    /// `DT_SONAME`: its own name.
    pub soname: Option<OsString>,
    /// `DT_RPATH`.
    pub rpath: Option<OsString>,
    /// `DT_RUNPATH`; with it, `rpath` counts for nothing.
    pub runpath: Option<OsString>,
    /// `DF_1_NODEFLIB`: the default directories are not searched for what it needs.
    pub nodeflib: bool,
    /// What its notes say that it opens at run time.
    pub dlopen: Vec<Dlopen>,
    /// Why some of its notes could not be read. The loader does not care; whoever relies on them should.
    pub bad_note: Option<String>,
}

impl Object {
    /// How many bytes its names have, about.
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.soname, &self.rpath, &self.runpath].into_iter().flatten();
        let names = self.needed.iter().chain(texts).map(|text| text.len());
        let notes = self.dlopen.iter().map(|note| {
            let texts = [&note.feature, &note.description].into_iter().flatten();
            note.soname.iter().chain(texts).map(String::len).sum()
        });
        names.chain(notes).sum()
    }
}

/// Why a file cannot be used as a program or library.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A directory, a device.
    #[error("not a regular file")]
    NotAFile,
    /// Neither ELF nor a script.
    #[error("neither an ELF file nor a script")]
    Unknown,
    /// It ends too early.
    #[error("ends within its {0}")]
    Truncated(&'static str),
    /// The bytes contradict themselves.
    #[error("a broken ELF file: {0}")]
    Malformed(&'static str),
    /// An object file, a core dump.
    #[error("an ELF file, but neither a program nor a shared library")]
    NotLoadable,
    /// More than this crate reads.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much of it is read.
        limit: usize,
    },
}

/// What a program or library may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An ELF object.
    Elf(Arc<Object>),
    /// A text that the kernel starts with an interpreter.
    Script(Script),
}

impl Content {
    /// Reads what is needed of a file: headers, the dynamic section, its strings, the notes; a few KB.
    ///
    /// # Errors
    /// When it cannot be read, is something else, is broken, or is larger than the limits of this module.
    pub fn read(file: &mut dyn ReadAt) -> Result<Content, ObjectError> {
        let mut reader = Reader::new(file);
        let start = reader.at_most(0, 20)?;
        if start.starts_with(b"#!") {
            return Ok(Content::Script(Script::parse(reader.at_most(0, crate::script::MAX_LINE)?)?));
        }
        if !start.starts_with(&elf::ELFMAG) {
            return Err(ObjectError::Unknown);
        }
        let object = match start.get(4) {
            Some(&class) if class == elf::ELFCLASS32.0 => parse::<FileHeader32<Endianness>>(&mut reader)?,
            Some(&class) if class == elf::ELFCLASS64.0 => parse::<FileHeader64<Endianness>>(&mut reader)?,
            Some(_) => return Err(ObjectError::Malformed("neither 32 nor 64 bits")),
            None => return Err(ObjectError::Truncated("header")),
        };
        Ok(Content::Elf(Arc::new(object)))
    }
}

/// A segment's place in the file, and in memory.
#[derive(Clone, Copy)]
struct Segment {
    offset: u64,
    address: u64,
    size: u64,
}

impl Segment {
    fn size(self, what: &'static str, limit: usize) -> Result<usize, ObjectError> {
        let size = usize::try_from(self.size).ok().filter(|size| *size <= limit);
        size.ok_or(ObjectError::Limit { what, limit })
    }
}

/// What of the segments matters.
struct Segments<H: FileHeader> {
    load: Vec<Segment>,
    dynamic: Option<Segment>,
    interpreter: Option<Segment>,
    /// With their alignment.
    notes: Vec<(Segment, H::Word)>,
}

/// Values of the dynamic section; names are places in the table of strings.
#[derive(Default)]
struct Dynamic {
    strings: Option<u64>,
    strings_size: Option<u64>,
    needed: Vec<u64>,
    soname: Option<u64>,
    rpath: Option<u64>,
    runpath: Option<u64>,
    flags: u64,
}

fn parse<H: FileHeader<Endian = Endianness>>(reader: &mut Reader) -> Result<Object, ObjectError> {
    let bytes = reader.exactly(0, size_of::<H>(), "header")?;
    let (header, _) = pod::from_bytes::<H>(bytes).map_err(|()| ObjectError::Truncated("header"))?;
    if !header.is_supported() {
        return Err(ObjectError::Malformed("byte order or version of the format are unknown"));
    }
    let endian = header.endian().map_err(|_| ObjectError::Malformed("byte order is unknown"))?;
    let kind = header.e_type(endian);
    if kind != elf::ET_EXEC && kind != elf::ET_DYN {
        return Err(ObjectError::NotLoadable);
    }
    let machine = Machine {
        number: header.e_machine(endian).0,
        bits: if header.is_type_64() { 64 } else { 32 },
        little: endian == Endianness::Little,
        flags: header.e_flags(endian).0,
    };
    let count = usize::from(header.e_phnum(endian));
    if count > 0 && usize::from(header.e_phentsize(endian)) != size_of::<H::ProgramHeader>() {
        return Err(ObjectError::Malformed("program headers have an unknown size"));
    }
    let offset = header.e_phoff(endian).into();
    let segments = segments::<H>(reader, endian, offset, count)?;
    let dynamic = dynamic::<H>(reader, endian, segments.dynamic)?;

    let mut object = Object {
        machine,
        fixed: kind == elf::ET_EXEC,
        interpreter: None,
        needed: Vec::new(),
        soname: None,
        rpath: None,
        runpath: None,
        nodeflib: dynamic.flags & elf::DF_1_NODEFLIB.0 != 0,
        dlopen: Vec::new(),
        bad_note: None,
    };
    if let Some(segment) = segments.interpreter {
        let size = segment.size("bytes of interpreter", MAX_STRING)?;
        let bytes = reader.exactly(segment.offset, size, "interpreter")?;
        let end = bytes.iter().position(|byte| *byte == 0);
        let end = end.ok_or(ObjectError::Malformed("the interpreter's path does not end"))?;
        object.interpreter = Some(PathBuf::from(OsString::from_vec(bytes[..end].to_vec())));
    }
    strings(reader, &segments.load, &dynamic, &mut object)?;
    notes::<H>(reader, endian, &segments.notes, &mut object);
    Ok(object)
}

fn segments<H: FileHeader<Endian = Endianness>>(
    reader: &mut Reader,
    endian: Endianness,
    offset: u64,
    count: usize,
) -> Result<Segments<H>, ObjectError> {
    let mut found = Segments { load: Vec::new(), dynamic: None, interpreter: None, notes: Vec::new() };
    if count > MAX_SEGMENTS {
        return Err(ObjectError::Limit { what: "program headers", limit: MAX_SEGMENTS });
    }
    let bytes = reader.exactly(offset, count * size_of::<H::ProgramHeader>(), "program headers")?;
    let (headers, _) = pod::slice_from_bytes::<H::ProgramHeader>(bytes, count)
        .map_err(|()| ObjectError::Truncated("program headers"))?;
    for header in headers {
        let segment = Segment {
            offset: header.p_offset(endian).into(),
            address: header.p_vaddr(endian).into(),
            size: header.p_filesz(endian).into(),
        };
        match header.p_type(endian) {
            elf::PT_LOAD => found.load.push(segment),
            elf::PT_DYNAMIC => found.dynamic = Some(segment),
            // The kernel takes the first.
            elf::PT_INTERP if found.interpreter.is_none() => found.interpreter = Some(segment),
            elf::PT_NOTE => found.notes.push((segment, header.p_align(endian))),
            _ => {}
        }
    }
    Ok(found)
}

fn dynamic<H: FileHeader<Endian = Endianness>>(
    reader: &mut Reader,
    endian: Endianness,
    segment: Option<Segment>,
) -> Result<Dynamic, ObjectError> {
    let mut found = Dynamic::default();
    let Some(segment) = segment else { return Ok(found) };
    let size = segment.size("bytes of dynamic section", MAX_DYNAMIC)?;
    let bytes = reader.exactly(segment.offset, size, "dynamic section")?;
    let (entries, _) = pod::slice_from_bytes::<H::Dyn>(bytes, size / size_of::<H::Dyn>())
        .map_err(|()| ObjectError::Truncated("dynamic section"))?;
    for entry in entries {
        let value = entry.val(endian);
        match entry.tag(endian) {
            elf::DT_NULL => break,
            elf::DT_NEEDED => found.needed.push(value),
            elf::DT_SONAME => found.soname = Some(value),
            elf::DT_RPATH => found.rpath = Some(value),
            elf::DT_RUNPATH => found.runpath = Some(value),
            elf::DT_STRTAB => found.strings = Some(value),
            elf::DT_STRSZ => found.strings_size = Some(value),
            elf::DT_FLAGS_1 => found.flags = value,
            _ => {}
        }
    }
    if found.needed.len() > MAX_NEEDED {
        return Err(ObjectError::Limit { what: "needed libraries", limit: MAX_NEEDED });
    }
    Ok(found)
}

/// Reads the names; in the order of their places, so that neighbours come from one read.
fn strings(
    reader: &mut Reader,
    load: &[Segment],
    dynamic: &Dynamic,
    object: &mut Object,
) -> Result<(), ObjectError> {
    let paths = [dynamic.soname, dynamic.rpath, dynamic.runpath];
    let mut places: Vec<u64> = dynamic.needed.iter().copied().chain(paths.into_iter().flatten()).collect();
    if places.is_empty() {
        return Ok(());
    }
    places.sort_unstable();
    places.dedup();
    let address = dynamic.strings.ok_or(ObjectError::Malformed("names without a table of strings"))?;
    let start = load.iter().find_map(|segment| {
        let inside = address.checked_sub(segment.address).filter(|inside| *inside < segment.size)?;
        segment.offset.checked_add(inside)
    });
    let start = start.ok_or(ObjectError::Malformed("the table of strings is not in the file"))?;
    let size = dynamic.strings_size.ok_or(ObjectError::Malformed("a table of strings without a size"))?;

    let mut texts: Vec<OsString> = Vec::with_capacity(places.len());
    let mut length = 0;
    for place in &places {
        let outside = ObjectError::Malformed("a name is outside of the table of strings");
        let room = size.checked_sub(*place).filter(|room| *room > 0);
        let (Some(room), Some(offset)) = (room, start.checked_add(*place)) else { return Err(outside) };
        let text = reader.string(offset, room)?;
        length += text.len();
        if length > MAX_STRINGS {
            return Err(ObjectError::Limit { what: "bytes of names", limit: MAX_STRINGS });
        }
        texts.push(OsString::from_vec(text));
    }
    let text = |place: u64| places.binary_search(&place).map(|at| texts[at].clone()).unwrap_or_default();
    object.needed = dynamic.needed.iter().map(|place| text(*place)).collect();
    object.soname = dynamic.soname.map(text);
    object.rpath = dynamic.rpath.map(text);
    object.runpath = dynamic.runpath.map(text);
    for path in [&object.rpath, &object.runpath].into_iter().flatten() {
        if path.as_encoded_bytes().split(|byte| *byte == b':').count() > MAX_DIRECTORIES {
            return Err(ObjectError::Limit { what: "directories in a search path", limit: MAX_DIRECTORIES });
        }
    }
    Ok(())
}

/// Reads the notes about dlopen. Damage in notes is kept as a remark: the file can be loaded all the same.
fn notes<H: FileHeader<Endian = Endianness>>(
    reader: &mut Reader,
    endian: Endianness,
    segments: &[(Segment, H::Word)],
    object: &mut Object,
) {
    let mut left = MAX_NOTES;
    for (segment, align) in segments {
        let size = segment.size("bytes of notes", left).map_err(|error| error.to_string());
        let read = size.and_then(|size| {
            left -= size;
            dlopens::<H>(reader, endian, (segment.offset, size), *align, &mut object.dlopen)
        });
        if let Err(reason) = read {
            object.bad_note.get_or_insert(reason);
        }
    }
}

fn dlopens<H: FileHeader<Endian = Endianness>>(
    reader: &mut Reader,
    endian: Endianness,
    (offset, size): (u64, usize),
    align: H::Word,
    found: &mut Vec<Dlopen>,
) -> Result<(), String> {
    let bytes = reader.exactly(offset, size, "notes").map_err(|error| error.to_string())?;
    // Alignments other than 8 count as 4, as the loader has it.
    let align = if align.into() == 8 { align } else { H::Word::default() };
    let notes = NoteIterator::<H>::new(endian, align, bytes).map_err(|error| error.to_string())?;
    for note in notes {
        let note = note.map_err(|error| error.to_string())?;
        if note.n_type(endian).0 == dlopen::NOTE_TYPE && note.name() == dlopen::NOTE_OWNER {
            dlopen::parse(note.desc(), found)?;
        }
    }
    Ok(())
}
