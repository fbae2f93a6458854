//! What an ELF file says about itself, as far as shipping it is concerned.

use std::fs::File;
use std::io;
use std::path::Path;

use object::read::elf::{Dyn, ElfFile, FileHeader, ProgramHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef, elf};
use thiserror::Error;

/// Longest note that is read, in bytes.
const MAX_NOTE: u64 = 64 * 1024;

/// The facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    /// The label `arch` of images that it can be in.
    pub arch: &'static str,
    /// Whether it runs without a dynamic linker and shared libraries.
    pub is_static: bool,
    /// Text of the note that `rkt` carries.
    pub note: Option<String>,
}

/// Why a file is no executable that can be shipped.
#[derive(Debug, Error)]
pub enum ElfError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is not an ELF file, or a broken one.
    #[error("not a readable ELF file: {0}")]
    Format(#[from] object::Error),
    /// A library or an object file.
    #[error("an ELF file, but not a program")]
    NotAProgram,
    /// A machine that rkt does not know.
    #[error("a program for a machine that rkt does not know (ELF machine {0})")]
    Machine(u16),
}

/// Reads the facts; only the parts of the file that hold them are read.
pub fn inspect(path: &Path) -> Result<Executable, ElfError> {
    let data = ReadCache::new(File::open(path)?);
    match FileKind::parse(&data)? {
        FileKind::Elf32 => facts::<elf::FileHeader32<Endianness>, _>(&data),
        FileKind::Elf64 => facts::<elf::FileHeader64<Endianness>, _>(&data),
        _ => Err(ElfError::NotAProgram),
    }
}

fn facts<'data, Header: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(
    data: R,
) -> Result<Executable, ElfError> {
    let file = ElfFile::<Header, R>::parse(data)?;
    let (header, endian) = (file.elf_header(), file.endian());
    let kind = header.e_type(endian);
    if kind != elf::ET_EXEC && kind != elf::ET_DYN {
        return Err(ElfError::NotAProgram);
    }
    let little = endian == Endianness::Little;
    let arch = match (header.e_machine(endian), little) {
        (elf::EM_X86_64, true) => "amd64",
        (elf::EM_AARCH64, true) => "aarch64",
        // Both of the original's labels; which one it is is not in the header.
        (elf::EM_ARM, true) => "arm",
        (elf::EM_386, true) => "i386",
        (elf::EM_PPC64, false) => "ppc64",
        (elf::EM_PPC64, true) => "ppc64le",
        (other, _) => return Err(ElfError::Machine(other.0)),
    };
    let (mut is_static, mut note) = (true, None);
    if header.e_entry(endian).into() == 0 {
        return Err(ElfError::NotAProgram);
    }
    for segment in header.program_headers(endian, data)? {
        if segment.p_type(endian) == elf::PT_INTERP {
            is_static = false;
        }
        if let Some(dynamic) = segment.dynamic(endian, data)? {
            is_static &= !dynamic.iter().any(|item| item.tag(endian) == elf::DT_NEEDED);
        }
        if segment.p_type(endian) == elf::PT_NOTE && segment.p_filesz(endian).into() <= MAX_NOTE {
            for found in segment.notes(endian, data)?.into_iter().flatten() {
                let found = found?;
                if found.name() == b"rkt" && found.n_type(endian).0 == 1 {
                    note = String::from_utf8(found.desc().to_vec()).ok();
                }
            }
        }
    }
    Ok(Executable { arch, is_static, note })
}

impl Executable {
    /// Whether it can be in an image with this label `arch`.
    pub fn runs_on(&self, arch: &str) -> bool {
        self.arch == arch || (self.arch == "arm" && arch.starts_with("arm"))
    }
}
