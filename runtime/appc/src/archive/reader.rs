//! Reading image archives of any maker.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, BufReader, Read, Write};

use super::decode::{OUTPUT_BUFFER, Unpacked};
use super::header::{self, BLOCK, Block};
use super::names::{Names, normalize};
use super::pax::{self, Records};
use super::{Compression, Damage, Entry, EntryKind, Limits, MANIFEST, ReadError, Refusal};
use crate::{ImageId, ImageManifest};

/// What an archive was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadSummary {
    /// The image ID.
    pub id: ImageId,
    /// Bytes of the uncompressed archive.
    pub tar_size: u64,
    /// Bytes of the file.
    pub file_size: u64,
    /// Compression of the file.
    pub compression: Compression,
    /// Entries, the manifest included.
    pub entries: u64,
    /// The manifest.
    pub manifest: ImageManifest,
    /// The text of the manifest.
    pub manifest_json: Vec<u8>,
}

/// Reads a whole archive.
///
/// `visit` is shown each entry in the order of the archive, `manifest` included, with its content (empty for all but
/// files); what it leaves unread is skipped. Everything that the rules forbid has been refused before it is called:
/// paths are clean and unique, nothing lies below a symlink or file, hard links lead to earlier entries. Directories
/// may be missing, or come after what they hold. `tap` gets the uncompressed archive, byte for byte.
///
/// After an error, what `visit` and `tap` were given must be thrown away.
pub fn read_aci<E>(
    input: impl Read,
    limits: &Limits,
    tap: Option<&mut dyn Write>,
    mut visit: impl FnMut(&Entry, &mut dyn Read) -> Result<(), E>,
) -> Result<ReadSummary, ReadError<E>> {
    let mut tap = tap;
    let tap = tap.as_mut().map(|tap| &mut **tap as &mut dyn Write);
    let mut archive = Archive::open(input, limits, tap)?;
    let mut manifest = None;
    while let Some(entry) = archive.next_entry()? {
        if entry.path == MANIFEST.as_bytes() {
            let json = archive.manifest(&entry)?;
            visit(&entry, &mut json.as_slice())
                .map_err(|source| ReadError::Visit { entry: entry.path.clone(), source })?;
            manifest = Some((parse(&json)?, json));
            continue;
        }
        let size = if let EntryKind::File { size } = entry.kind { size } else { 0 };
        let mut content = archive.stream.by_ref().take(size);
        let visited = visit(&entry, &mut content);
        let left = content.limit();
        if archive.stream.get_ref().has_failed() {
            return Err(archive.error(io::ErrorKind::Other.into()));
        }
        visited.map_err(|source| ReadError::Visit { entry: entry.path.clone(), source })?;
        archive.skip(left).and_then(|()| archive.skip(header::padding(size) as u64))?;
    }
    archive.drain()?;
    let (manifest, manifest_json) = manifest.ok_or(ReadError::whole(Refusal::NoManifest))?;
    let entries = archive.entries;
    let stream = archive.stream.into_inner();
    Ok(ReadSummary {
        tar_size: stream.unpacked_size(),
        file_size: stream.packed_size(),
        compression: stream.compression,
        id: stream.id(),
        entries,
        manifest,
        manifest_json,
    })
}

/// Reads the manifest and its text, and no more of the archive than that needs.
pub fn read_manifest(input: impl Read, limits: &Limits) -> Result<(ImageManifest, Vec<u8>), ReadError> {
    let mut archive = Archive::open(input, limits, None)?;
    while let Some(entry) = archive.next_entry::<Infallible>()? {
        if entry.path == MANIFEST.as_bytes() {
            let json = archive.manifest(&entry)?;
            return Ok((parse(&json)?, json));
        }
        if let EntryKind::File { size } = entry.kind {
            archive.skip(size).and_then(|()| archive.skip(header::padding(size) as u64))?;
        }
    }
    Err(ReadError::whole(Refusal::NoManifest))
}

fn parse<E>(json: &[u8]) -> Result<ImageManifest, ReadError<E>> {
    ImageManifest::parse(json).map_err(|e| ReadError::at(MANIFEST.as_bytes(), Refusal::Manifest(e)))
}

/// An archive that is being read.
struct Archive<'a> {
    stream: BufReader<Unpacked<'a>>,
    limits: &'a Limits,
    names: Names,
    entries: u64,
    /// Whether a header has been read, so that this is an archive at all.
    begun: bool,
}

/// What extension headers said about the entry that follows them.
#[derive(Default)]
struct Extension {
    records: Records,
    gnu_name: Option<Vec<u8>>,
    gnu_link: Option<Vec<u8>>,
}

impl<'a> Archive<'a> {
    fn open<E>(
        input: impl Read + 'a,
        limits: &'a Limits,
        tap: Option<&'a mut dyn Write>,
    ) -> Result<Self, ReadError<E>> {
        let stream = Unpacked::new(input, limits, tap).map_err(|(_, reason)| ReadError::whole(reason))?;
        let stream = BufReader::with_capacity(OUTPUT_BUFFER, stream);
        Ok(Self { stream, limits, names: Names::new(), entries: 0, begun: false })
    }

    fn error<E>(&mut self, error: io::Error) -> ReadError<E> {
        self.stream.get_mut().take_error(error)
    }

    /// Fills a buffer; less than all of it at the end of the stream.
    fn fill<E>(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError<E>> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(error)),
            }
        }
        Ok(filled)
    }

    fn skip<E>(&mut self, bytes: u64) -> Result<(), ReadError<E>> {
        match io::copy(&mut self.stream.by_ref().take(bytes), &mut io::sink()) {
            Ok(got) if got == bytes => Ok(()),
            Ok(_) => Err(ReadError::whole(Refusal::Damaged(Damage::Truncated))),
            Err(error) => Err(self.error(error)),
        }
    }

    /// Reads what follows the end of the tar: it belongs to the ID.
    fn drain<E>(&mut self) -> Result<(), ReadError<E>> {
        match io::copy(&mut self.stream, &mut io::sink()) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.error(error)),
        }
    }

    /// A whole content in memory, with its padding skipped.
    fn content<E>(&mut self, size: u64) -> Result<Vec<u8>, ReadError<E>> {
        let mut bytes = Vec::new();
        match self.stream.by_ref().take(size).read_to_end(&mut bytes) {
            Ok(got) if got as u64 == size => {}
            Ok(_) => return Err(ReadError::whole(Refusal::Damaged(Damage::Truncated))),
            Err(error) => return Err(self.error(error)),
        }
        self.skip(header::padding(size) as u64)?;
        Ok(bytes)
    }

    fn manifest<E>(&mut self, entry: &Entry) -> Result<Vec<u8>, ReadError<E>> {
        let EntryKind::File { size } = entry.kind else {
            return Err(ReadError::at(&entry.path, Refusal::ManifestKind(entry.kind.describe())));
        };
        if size > self.limits.manifest {
            let reason = Refusal::Limit { what: "bytes in its manifest", limit: self.limits.manifest };
            return Err(ReadError::at(&entry.path, reason));
        }
        self.content(size)
    }

    /// The next header; none at the end mark. The stream stands behind it.
    fn header<E>(&mut self) -> Result<Option<Block>, ReadError<E>> {
        let mut block = [0; BLOCK];
        let start = !self.begun;
        match self.fill(&mut block)? {
            BLOCK => {}
            _ if start => return Err(ReadError::whole(Refusal::NotAnArchive)),
            _ => return Err(ReadError::whole(Refusal::Damaged(Damage::Truncated))),
        }
        if block == [0; BLOCK] {
            return Ok(None);
        }
        match header::verify(&block) {
            Ok(()) => {
                self.begun = true;
                Ok(Some(block))
            }
            Err(_) if start => Err(ReadError::whole(Refusal::NotAnArchive)),
            Err(damage) => Err(ReadError::whole(Refusal::Damaged(damage))),
        }
    }

    /// The next entry, checked; none at the end.
    fn next_entry<E>(&mut self) -> Result<Option<Entry>, ReadError<E>> {
        let mut extension = Extension::default();
        let mut extended = false;
        loop {
            let Some(block) = self.header()? else {
                // an extension header without its entry
                let cut = extended.then(|| ReadError::whole(Refusal::Damaged(Damage::Truncated)));
                return cut.map_or(Ok(None), Err);
            };
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(ReadError::whole(Refusal::Limit { what: "entries", limit: self.limits.entries }));
            }
            match block[header::TYPE] {
                // one replaces another, so that no row of them fills the memory
                b'x' => extension.records = self.records(&block)?,
                // says something about all entries: the original skips it too
                b'g' => drop(self.extension(&block)?),
                b'L' => extension.gnu_name = Some(until_nul(self.extension(&block)?)),
                b'K' => extension.gnu_link = Some(until_nul(self.extension(&block)?)),
                _ => {
                    if let Some(entry) = self.entry(&block, &mut extension)? {
                        return Ok(Some(entry));
                    }
                    extension = Extension::default();
                    extended = false;
                    continue;
                }
            }
            extended = block[header::TYPE] != b'g';
            self.entries -= 1;
        }
    }

    fn extension<E>(&mut self, block: &Block) -> Result<Vec<u8>, ReadError<E>> {
        let damaged = |damage| ReadError::whole(Refusal::Damaged(damage));
        let size = header::SIZE.number(block).map_err(damaged)?;
        let size = size.ok_or_else(|| damaged(Damage::Header("the size")))?;
        if size > self.limits.extension {
            let limit = self.limits.extension;
            return Err(ReadError::whole(Refusal::Limit { what: "bytes in an extension header", limit }));
        }
        self.content(size)
    }

    fn records<E>(&mut self, block: &Block) -> Result<Records, ReadError<E>> {
        let mut records = Records::new();
        match pax::decode(&self.extension(block)?, &mut records) {
            Ok(()) => Ok(records),
            Err(damage) => Err(ReadError::whole(Refusal::Damaged(damage))),
        }
    }

    /// The entry of a header; none for the top directory itself.
    fn entry<E>(&mut self, block: &Block, extension: &mut Extension) -> Result<Option<Entry>, ReadError<E>> {
        let records = &mut extension.records;
        let raw = records.remove(&b"path"[..]).or_else(|| extension.gnu_name.take());
        let raw = raw.unwrap_or_else(|| header_path(block));
        let refused = |reason| ReadError::at(&raw, reason);
        let kind = self.kind(block, records, extension.gnu_link.take(), &raw).map_err(refused)?;
        let path = normalize(&raw, self.limits).map_err(refused)?;
        if path.is_empty() {
            let reason = Refusal::BadPath;
            return if kind == EntryKind::Directory { Ok(None) } else { Err(refused(reason)) };
        }
        self.names.add(&path, &kind, self.limits).map_err(refused)?;
        let number =
            |field: header::Field, key: &str| -> Result<u64, Refusal> { value(block, field, records, key) };
        let mode = header::MODE.number(block).map_err(Refusal::Damaged).map_err(refused)?.unwrap_or(0);
        let uid = number(header::UID, "uid").map_err(refused)?;
        let gid = number(header::GID, "gid").map_err(refused)?;
        let mtime = match records.get(&b"mtime"[..]) {
            Some(text) => {
                pax::seconds(text).ok_or_else(|| refused(Refusal::Damaged(Damage::Header("the time"))))?
            }
            None => header::MTIME.number(block).map_err(Refusal::Damaged).map_err(refused)?.unwrap_or(0),
        };
        let mut xattrs = BTreeMap::new();
        for (key, value) in std::mem::take(records) {
            if let Some(name) = key.strip_prefix(pax::XATTR) {
                xattrs.insert(name.to_vec(), value);
            }
        }
        // the upper bits, which some programs write, repeat the type
        let mode = u32::try_from(mode & 0o7777).unwrap_or(0);
        Ok(Some(Entry { path, kind, mode, uid, gid, mtime, xattrs }))
    }

    fn kind(
        &self,
        block: &Block,
        records: &mut Records,
        gnu_link: Option<Vec<u8>>,
        raw: &[u8],
    ) -> Result<EntryKind, Refusal> {
        if records.keys().any(|key| key.starts_with(b"GNU.sparse.")) {
            return Err(Refusal::Sparse);
        }
        let link = records.remove(&b"linkpath"[..]).or(gnu_link);
        let link = || link.unwrap_or_else(|| header::LINK.text(block).to_vec());
        let device = |field: header::Field| {
            let number = field.number(block).map_err(Refusal::Damaged)?;
            number
                .and_then(|n| u32::try_from(n).ok())
                .ok_or(Refusal::Damaged(Damage::Header("the device number")))
        };
        match block[header::TYPE] {
            // before ustar, directories were files with a slash at the end
            0 if raw.ends_with(b"/") => Ok(EntryKind::Directory),
            0 | b'0' | b'7' => {
                let size = value(block, header::SIZE, records, "size")?;
                if size > self.limits.bytes {
                    return Err(Refusal::Limit { what: "bytes", limit: self.limits.bytes });
                }
                Ok(EntryKind::File { size })
            }
            b'1' => {
                let target = link();
                let clean = normalize(&target, self.limits).ok().filter(|path| !path.is_empty());
                Ok(EntryKind::Hardlink { target: clean.ok_or(Refusal::HardlinkTarget(target))? })
            }
            b'2' => {
                let target = link();
                if target.is_empty() || target.contains(&0) {
                    return Err(Refusal::BadLink);
                }
                if target.len() > self.limits.path {
                    return Err(Refusal::Limit {
                        what: "bytes in a link target",
                        limit: self.limits.path as u64,
                    });
                }
                Ok(EntryKind::Symlink { target })
            }
            b'3' => {
                Ok(EntryKind::CharDevice { major: device(header::MAJOR)?, minor: device(header::MINOR)? })
            }
            b'4' => {
                Ok(EntryKind::BlockDevice { major: device(header::MAJOR)?, minor: device(header::MINOR)? })
            }
            b'5' => Ok(EntryKind::Directory),
            b'6' => Ok(EntryKind::Fifo),
            b'S' => Err(Refusal::Sparse),
            other => Err(Refusal::UnknownType(other)),
        }
    }
}

/// A number that a record may override.
fn value(block: &Block, field: header::Field, records: &Records, key: &str) -> Result<u64, Refusal> {
    let wrong = || Refusal::Damaged(Damage::Header(field.name()));
    match records.get(key.as_bytes()) {
        Some(text) => pax::number(text).ok_or_else(wrong),
        None => field.number(block).map_err(Refusal::Damaged)?.ok_or_else(wrong),
    }
}

fn header_path(block: &Block) -> Vec<u8> {
    let name = header::NAME.text(block);
    match header::PREFIX.text(block) {
        prefix if header::is_ustar(block) && !prefix.is_empty() => [prefix, b"/", name].concat(),
        _ => name.to_vec(),
    }
}

fn until_nul(mut text: Vec<u8>) -> Vec<u8> {
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    text.truncate(end);
    text
}
