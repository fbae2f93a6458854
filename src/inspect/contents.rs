//! An image in memory: its entries and what the commands want to know of their contents, not the contents.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use appc::archive::{Entry, EntryKind, Limits, ReadError, ReadSummary, read_aci};
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader};
use sha2::{Digest, Sha256};

use crate::failure::{Problem, remedy};

/// Why an image cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", file.display())]
pub struct InspectError {
    /// The image's file.
    pub file: PathBuf,
    /// The error.
    pub source: ReadError<io::Error>,
}

impl InspectError {
    /// Whether the image is at fault, not the machine.
    pub fn is_refusal(&self) -> bool {
        matches!(self.source, ReadError::Refused { .. })
    }

    /// For people: what, where, and what to do.
    pub fn problem(&self) -> Problem {
        let problem = Problem::new(self.source.to_string()).at(self.file.display().to_string());
        problem.hint(self.source.hint().unwrap_or_else(|| remedy(&self.source)))
    }
}

/// What to find out about the content of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing.
    Nothing,
    /// Their digests.
    Digests,
    /// What keeping the contract depends on: what kind of program each executable file is, and the text of units and of
    /// os-release files.
    Contract,
}

/// One entry and what was found out about its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The entry.
    pub entry: Entry,
    /// SHA-256 of a file's content.
    pub sha256: Option<[u8; 32]>,
    /// What kind of program an executable file is.
    pub program: Option<Program>,
    /// The content of a file that rules read, where it is not larger than such files are.
    pub text: Option<Vec<u8>>,
}

/// What starts when a file is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// An ELF executable.
    Elf {
        /// Its machine, as `e_machine` says.
        machine: u16,
        /// Whether it names an interpreter.
        interpreter: bool,
    },
    /// A script with a `#!` line.
    Script,
    /// Something that the kernel does not start.
    Unknown,
}

/// An image without the contents of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The image's file.
    pub file: PathBuf,
    /// What the archive was as a whole.
    pub summary: ReadSummary,
    /// The entries in the order of the archive.
    pub items: Vec<Item>,
}

/// So much of a program is looked at: linkers put the program headers right behind the file header.
const PROGRAM_START: u64 = 4096;

/// Largest unit or os-release file that is kept, and the most that is kept of all, in bytes.
const MAX_TEXT: u64 = 64 << 10;
const MAX_TEXTS: u64 = 8 << 20;

impl Contents {
    /// Reads an image.
    pub fn read(file: &Path, limits: &Limits, wanted: Wanted) -> Result<Self, InspectError> {
        let fail = |source| InspectError { file: file.to_owned(), source };
        let input = File::open(file).map_err(|e| fail(ReadError::Input(e)))?;
        let mut items = Vec::new();
        let mut room = MAX_TEXTS;
        let summary = read_aci(input, limits, None, |entry, content| {
            let mut item = Item { entry: entry.clone(), sha256: None, program: None, text: None };
            if let EntryKind::File { size } = entry.kind {
                match wanted {
                    Wanted::Digests => item.sha256 = Some(digest(content)?),
                    Wanted::Contract if is_text(&entry.path, size) && size <= room => {
                        room -= size;
                        let mut text = Vec::new();
                        content.read_to_end(&mut text)?;
                        item.text = Some(text);
                    }
                    Wanted::Contract if entry.mode & 0o111 != 0 => item.program = Some(program(content)?),
                    Wanted::Nothing | Wanted::Contract => {}
                }
            }
            items.push(item);
            Ok(())
        });
        Ok(Self { file: file.to_owned(), summary: summary.map_err(fail)?, items })
    }
}

/// Whether a rule reads the file with this path of the archive.
fn is_text(path: &[u8], size: u64) -> bool {
    let directory = path.iter().rposition(|byte| *byte == b'/').map_or(&b""[..], |slash| &path[..slash]);
    size <= MAX_TEXT && (path.ends_with(b"/os-release") || directory.ends_with(b"/systemd/system"))
}

fn digest(content: &mut dyn Read) -> io::Result<[u8; 32]> {
    let mut digest = Sha256::new();
    let mut buffer = [0; 16 << 10];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(digest.finalize().into()),
            Ok(got) => digest.update(&buffer[..got]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn program(content: &mut dyn Read) -> io::Result<Program> {
    let mut start = Vec::new();
    content.take(PROGRAM_START).read_to_end(&mut start)?;
    if start.starts_with(b"#!") {
        return Ok(Program::Script);
    }
    let elf = elf_program::<elf::FileHeader64<object::Endianness>>(&start);
    let elf = elf.or_else(|| elf_program::<elf::FileHeader32<object::Endianness>>(&start));
    Ok(elf.unwrap_or(Program::Unknown))
}

fn elf_program<H: FileHeader<Endian = object::Endianness>>(start: &[u8]) -> Option<Program> {
    let header = H::parse(start).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, start).ok()?;
    let interpreter = segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP);
    Some(Program::Elf { machine: header.e_machine(endian).0, interpreter })
}
