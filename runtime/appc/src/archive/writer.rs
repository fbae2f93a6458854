//! The one writer of image archives.
//!
//! The bytes are a function of what it is given: headers are POSIX ustar, made field by field; PAX records appear only
//! where a value needs one, sorted; the gzip blocks are fixed. `manifest` stands first, so that a reader who wants no
//! more need not unpack the rest (the original takes it anywhere).

use std::io::{self, Read, Write};

use sha2::{Digest, Sha512};

use super::gzip::GzipWriter;
use super::header::{self, BLOCK, Block};
use super::names::{Names, normalize};
use super::pax::{self, Records};
use super::{Entry, EntryKind, Limits, MANIFEST, Refusal, WriteError};
use crate::ImageId;

/// How the archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteCompression {
    /// Not at all.
    None,
    /// Gzip of a level from 0 to 9.
    Gzip {
        /// The level.
        level: u32,
    },
}

/// Options of a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOptions {
    /// Compression.
    pub compression: WriteCompression,
    /// Threads that compress. The bytes do not depend on it; memory is about 4 MiB for each.
    pub threads: usize,
}

impl Default for WriteOptions {
    /// Gzip of level 6 on all processors.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { compression: WriteCompression::Gzip { level: 6 }, threads }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The image ID.
    pub id: ImageId,
    /// Bytes of the uncompressed archive.
    pub tar_size: u64,
    /// Bytes of the file.
    pub file_size: u64,
    /// Entries, the manifest included.
    pub entries: u64,
}

/// Writes an image archive: [`AciWriter::manifest`], then [`AciWriter::entry`] for each entry, then
/// [`AciWriter::finish`].
///
/// Entries must come in strictly increasing order of their whole paths, compared byte by byte, the slash as any other
/// byte (`rootfs/a`, `rootfs/a-b`, `rootfs/a/b`): the order of a sorted map. A directory precedes what it holds in
/// that order too.
pub struct AciWriter<W: Write> {
    sink: Sink<W>,
    names: Names,
    limits: Limits,
    last: Vec<u8>,
    entries: u64,
    /// Whether a call failed half-way.
    broken: bool,
}

impl<W: Write> std::fmt::Debug for AciWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AciWriter").field("entries", &self.entries).finish_non_exhaustive()
    }
}

/// Where the tar goes: the digest and the compression.
struct Sink<W: Write> {
    out: Output<W>,
    digest: Sha512,
    size: u64,
}

enum Output<W: Write> {
    Plain(W),
    Gzip(Box<GzipWriter<W>>),
}

impl<W: Write> Sink<W> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        let result = match &mut self.out {
            Output::Plain(out) => out.write_all(bytes),
            Output::Gzip(out) => out.write_all(bytes),
        };
        result.map_err(WriteError::Output)
    }

    fn pad(&mut self, size: u64) -> Result<(), WriteError> {
        self.put(&[0; BLOCK][..header::padding(size)])
    }
}

impl<W: Write> AciWriter<W> {
    /// A writer into `out`, which needs no buffer of its own when compressing.
    pub fn new(out: W, options: WriteOptions) -> Self {
        let out = match options.compression {
            WriteCompression::None => Output::Plain(out),
            WriteCompression::Gzip { level } => {
                Output::Gzip(Box::new(GzipWriter::new(out, level, options.threads)))
            }
        };
        Self {
            sink: Sink { out, digest: Sha512::new(), size: 0 },
            names: Names::new(),
            // what is written must be readable with the defaults, as far as paths go
            limits: Limits::default(),
            last: Vec::new(),
            entries: 0,
            broken: false,
        }
    }

    /// Writes the manifest: mode 0644, owned by root, `mtime` in seconds since 1970. The text is taken as it is.
    pub fn manifest(&mut self, json: &[u8], mtime: u64) -> Result<(), WriteError> {
        if self.entries > 0 {
            return Err(WriteError::ManifestPlace);
        }
        let kind = EntryKind::File { size: json.len() as u64 };
        let mut content = json;
        self.write(&Entry::new(MANIFEST, kind, 0o644, mtime), &mut content)
    }

    /// Writes one entry. `content` is read for files only, and must have exactly the stated size.
    pub fn entry(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), WriteError> {
        if self.entries == 0 || entry.path == MANIFEST.as_bytes() {
            return Err(WriteError::ManifestPlace);
        }
        if entry.path <= self.last {
            return Err(WriteError::Order { path: entry.path.clone(), after: self.last.clone() });
        }
        self.write(entry, content)?;
        self.last.clone_from(&entry.path);
        Ok(())
    }

    /// Writes the end; the output is flushed.
    pub fn finish(mut self) -> Result<(W, Written), WriteError> {
        if self.broken {
            return Err(WriteError::Incomplete);
        }
        if self.entries == 0 {
            return Err(WriteError::ManifestPlace);
        }
        self.sink.put(&[0; 2 * BLOCK])?;
        let tar_size = self.sink.size;
        let id = ImageId::from_sha512(&self.sink.digest.finalize().into());
        let (mut out, file_size) = match self.sink.out {
            Output::Plain(out) => (out, tar_size),
            Output::Gzip(out) => out.finish().map_err(WriteError::Output)?,
        };
        out.flush().map_err(WriteError::Output)?;
        Ok((out, Written { id, tar_size, file_size, entries: self.entries }))
    }

    fn write(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Incomplete);
        }
        let refused = |reason| WriteError::Refused { path: entry.path.clone(), reason };
        let clean = |path: &[u8]| match normalize(path, &self.limits) {
            Ok(clean) if clean == path => Ok(()),
            Ok(_) => Err(refused(Refusal::NotClean)),
            Err(reason) => Err(refused(reason)),
        };
        clean(&entry.path)?;
        match &entry.kind {
            EntryKind::Hardlink { target } => clean(target)?,
            EntryKind::Symlink { target } if target.is_empty() || target.contains(&0) => {
                return Err(refused(Refusal::BadLink));
            }
            _ => {}
        }
        self.broken = true;
        self.names.add(&entry.path, &entry.kind, &self.limits).map_err(refused)?;
        self.header(entry)?;
        if let EntryKind::File { size } = entry.kind {
            self.content(&entry.path, size, content)?;
        }
        self.entries += 1;
        self.broken = false;
        Ok(())
    }

    fn content(&mut self, path: &[u8], size: u64, content: &mut dyn Read) -> Result<(), WriteError> {
        let mut buffer = vec![0; usize::try_from(size).map_or(CHUNK, |size| size.clamp(1, CHUNK))];
        let mut left = size;
        loop {
            // one byte more than is wanted shows that there is more
            let wanted = usize::try_from(left.max(1)).map_or(buffer.len(), |left| left.min(buffer.len()));
            let got = match content.read(&mut buffer[..wanted]) {
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(WriteError::Content { path: path.to_vec(), source }),
            };
            match (left, got) {
                (0, 0) => return self.sink.pad(size),
                (0, _) | (_, 0) => return Err(WriteError::Size { path: path.to_vec(), size }),
                _ => {}
            }
            self.sink.put(&buffer[..got])?;
            left -= got as u64;
        }
    }

    fn header(&mut self, entry: &Entry) -> Result<(), WriteError> {
        let wrong = |what| WriteError::Value { path: entry.path.clone(), what };
        let mut block = [0; BLOCK];
        let mut records = Records::new();
        if entry.mode > 0o7777 {
            return Err(wrong("the mode"));
        }
        let size = if let EntryKind::File { size } = entry.kind { size } else { 0 };
        put_path(&mut block, &entry.path, &mut records);
        header::MODE.put_number(&mut block, u64::from(entry.mode));
        put_number(&mut block, header::UID, entry.uid, "uid", &mut records);
        put_number(&mut block, header::GID, entry.gid, "gid", &mut records);
        put_number(&mut block, header::SIZE, size, "size", &mut records);
        put_number(&mut block, header::MTIME, entry.mtime, "mtime", &mut records);
        let mut device = (0, 0);
        block[header::TYPE] = match &entry.kind {
            EntryKind::File { .. } => b'0',
            EntryKind::Hardlink { target } => {
                put_link(&mut block, target, &mut records);
                b'1'
            }
            EntryKind::Symlink { target } => {
                put_link(&mut block, target, &mut records);
                b'2'
            }
            EntryKind::CharDevice { major, minor } => {
                device = (*major, *minor);
                b'3'
            }
            EntryKind::BlockDevice { major, minor } => {
                device = (*major, *minor);
                b'4'
            }
            EntryKind::Directory => b'5',
            EntryKind::Fifo => b'6',
        };
        for (field, number) in [(header::MAJOR, device.0), (header::MINOR, device.1)] {
            if u64::from(number) > field.largest() {
                return Err(wrong("the device number"));
            }
            field.put_number(&mut block, u64::from(number));
        }
        for (field, id) in [(header::USER, entry.uid), (header::GROUP, entry.gid)] {
            if id == 0 {
                field.put_text(&mut block, b"root");
            }
        }
        for (name, value) in &entry.xattrs {
            if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
                return Err(wrong("the name of an extended attribute"));
            }
            records.insert([pax::XATTR, name].concat(), value.clone());
        }
        if !records.is_empty() {
            self.extension(&entry.path, &pax::encode(&records))?;
        }
        header::seal(&mut block);
        self.sink.put(&block)
    }

    /// An extension header for the entry that follows.
    fn extension(&mut self, path: &[u8], records: &[u8]) -> Result<(), WriteError> {
        if records.len() as u64 > self.limits.extension {
            return Err(WriteError::Value { path: path.to_vec(), what: "so much of attributes" });
        }
        let mut block = [0; BLOCK];
        header::NAME.put_text(&mut block, b"PaxHeaders/entry");
        header::MODE.put_number(&mut block, 0o644);
        for field in [header::UID, header::GID, header::MTIME, header::MAJOR, header::MINOR] {
            field.put_number(&mut block, 0);
        }
        header::SIZE.put_number(&mut block, records.len() as u64);
        block[header::TYPE] = b'x';
        header::seal(&mut block);
        self.sink.put(&block)?;
        self.sink.put(records)?;
        self.sink.pad(records.len() as u64)
    }
}

/// Bytes of content that are copied at a time.
const CHUNK: usize = 256 << 10;

fn put_number(block: &mut Block, field: header::Field, number: u64, key: &str, records: &mut Records) {
    if number <= field.largest() {
        field.put_number(block, number);
    } else {
        field.put_number(block, 0);
        records.insert(key.into(), number.to_string().into_bytes());
    }
}

/// Into the name field, into name and prefix, or into a record.
fn put_path(block: &mut Block, path: &[u8], records: &mut Records) {
    let (name, prefix) = (header::NAME.capacity(), header::PREFIX.capacity());
    if path.is_ascii() {
        if path.len() <= name {
            return header::NAME.put_text(block, path);
        }
        // the first slash that leaves a short enough name: one rule, one result
        let from = path.len() - name - 1;
        let slash = path[from..].iter().position(|b| *b == b'/').map(|at| from + at);
        if let Some(at) = slash.filter(|at| (1..=prefix).contains(at)) {
            header::PREFIX.put_text(block, &path[..at]);
            return header::NAME.put_text(block, &path[at + 1..]);
        }
    }
    records.insert(b"path".to_vec(), path.to_vec());
    header::NAME.put_text(block, &stand_in(path));
}

fn put_link(block: &mut Block, target: &[u8], records: &mut Records) {
    if target.is_ascii() && target.len() <= header::LINK.capacity() {
        return header::LINK.put_text(block, target);
    }
    records.insert(b"linkpath".to_vec(), target.to_vec());
    header::LINK.put_text(block, &stand_in(target));
}

/// What stands in the header where the record counts.
fn stand_in(text: &[u8]) -> Vec<u8> {
    text.iter().map(|b| if b.is_ascii() { *b } else { b'_' }).take(header::NAME.capacity()).collect()
}
