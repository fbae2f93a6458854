//! From the bytes of the file to the bytes of the tar: compression, digest, limits.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::rc::Rc;

use sha2::{Digest, Sha512};

use super::{Damage, Limits, ReadError, Refusal};
use crate::ImageId;

/// Compression of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// None.
    None,
    /// Gzip, one or more members.
    Gzip,
    /// Bzip2.
    Bzip2,
    /// Xz.
    Xz,
    /// Zstandard.
    Zstd,
}

/// What a compressed file begins with.
const MAGIC: &[(&[u8], Compression)] = &[
    (b"\x1f\x8b", Compression::Gzip),
    (b"BZh", Compression::Bzip2),
    (b"\xfd7zXZ\0", Compression::Xz),
    (b"\x28\xb5\x2f\xfd", Compression::Zstd),
];

impl Compression {
    /// The compression of a file that begins with these bytes.
    pub fn of_magic(start: &[u8]) -> Self {
        MAGIC.iter().find(|(magic, _)| start.starts_with(magic)).map_or(Self::None, |(_, found)| *found)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        })
    }
}

/// Counts what is read from the file.
struct Counted<R> {
    input: R,
    count: Rc<Cell<u64>>,
    /// Whether it was the input itself that failed.
    failed: Rc<Cell<bool>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.read(buffer) {
            Ok(got) => {
                self.count.set(self.count.get() + got as u64);
                Ok(got)
            }
            Err(error) => {
                self.failed.set(error.kind() != io::ErrorKind::Interrupted);
                Err(error)
            }
        }
    }
}

/// The uncompressed stream: hashed, copied and counted as it is read.
pub(super) struct Unpacked<'a> {
    decoder: Box<dyn Read + 'a>,
    pub(super) compression: Compression,
    digest: Sha512,
    tap: Option<&'a mut dyn Write>,
    limits: &'a Limits,
    packed: Rc<Cell<u64>>,
    input_failed: Rc<Cell<bool>>,
    /// Bytes that came out.
    count: u64,
    /// Why reading stopped: the `io::Error` that went through the parser only says that it did.
    stopped: Option<Stop>,
}

enum Stop {
    Input(io::Error),
    Tap(io::Error),
    Refused(Refusal),
}

/// Bytes read from the file at a time.
const INPUT_BUFFER: usize = 64 << 10;
/// Bytes unpacked at a time.
pub(super) const OUTPUT_BUFFER: usize = 128 << 10;

impl<'a> Unpacked<'a> {
    /// Looks at the magic and prepares the decoder.
    pub(super) fn new(
        input: impl Read + 'a,
        limits: &'a Limits,
        tap: Option<&'a mut dyn Write>,
    ) -> Result<Self, (io::Error, Refusal)> {
        let packed = Rc::new(Cell::new(0));
        let input_failed = Rc::new(Cell::new(false));
        let counted = Counted { input, count: Rc::clone(&packed), failed: Rc::clone(&input_failed) };
        let mut input = BufReader::with_capacity(INPUT_BUFFER, counted);
        let mut start = Vec::new();
        let mut stopped = None;
        if let Err(error) = input.by_ref().take(6).read_to_end(&mut start) {
            stopped = Some(Stop::Input(error));
        }
        let compression = Compression::of_magic(&start);
        let input = Cursor::new(start).chain(input);
        let decoder = match stopped {
            Some(_) => Ok(Box::new(io::empty()) as Box<dyn Read + 'a>),
            None => decoder(input, compression, limits.decoder_memory),
        };
        let decoder = decoder.map_err(|e| (e, Refusal::Memory(limits.decoder_memory)))?;
        Ok(Self {
            decoder,
            compression,
            digest: Sha512::new(),
            tap,
            limits,
            packed,
            input_failed,
            count: 0,
            stopped,
        })
    }

    /// Bytes read from the file.
    pub(super) fn packed_size(&self) -> u64 {
        self.packed.get()
    }

    /// Bytes that came out.
    pub(super) fn unpacked_size(&self) -> u64 {
        self.count
    }

    /// The ID, once everything has been read.
    pub(super) fn id(self) -> ImageId {
        ImageId::from_sha512(&self.digest.finalize().into())
    }

    /// The error behind a failed read.
    pub(super) fn take_error<E>(&mut self, error: io::Error) -> ReadError<E> {
        match self.stopped.take() {
            Some(Stop::Input(error)) => ReadError::Input(error),
            Some(Stop::Tap(error)) => ReadError::Tap(error),
            Some(Stop::Refused(reason)) => ReadError::whole(reason),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                ReadError::whole(Refusal::Damaged(Damage::Truncated))
            }
            None => ReadError::Input(error),
        }
    }

    /// Whether reading has failed, whatever a visitor made of it.
    pub(super) fn has_failed(&self) -> bool {
        self.stopped.is_some()
    }

    fn stop(&mut self, why: Stop) -> io::Error {
        self.stopped = Some(why);
        io::Error::other("reading the image failed")
    }

    fn decoder_error(&self, error: io::Error) -> Stop {
        if self.input_failed.get() {
            return Stop::Input(error);
        }
        Stop::Refused(match error.kind() {
            io::ErrorKind::UnexpectedEof => Refusal::Damaged(Damage::Truncated),
            _ if wants_memory(&error) => Refusal::Memory(self.limits.decoder_memory),
            _ => Refusal::Damaged(Damage::Compression(error)),
        })
    }

    fn check_limits(&self) -> Result<(), Refusal> {
        if self.count > self.limits.bytes {
            return Err(Refusal::Limit { what: "bytes", limit: self.limits.bytes });
        }
        let (packed, ratio) = (self.packed.get(), self.limits.ratio);
        let justified = self.limits.free_bytes.saturating_add(packed.saturating_mul(ratio));
        if self.compression != Compression::None && self.count > justified {
            return Err(Refusal::Ratio { packed, unpacked: self.count, ratio });
        }
        Ok(())
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stopped.is_some() {
            return Err(io::Error::other("reading the image failed"));
        }
        let got = match self.decoder.read(buffer) {
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                let why = self.decoder_error(error);
                return Err(self.stop(why));
            }
        };
        self.count += got as u64;
        if let Err(reason) = self.check_limits() {
            return Err(self.stop(Stop::Refused(reason)));
        }
        self.digest.update(&buffer[..got]);
        let copied = self.tap.as_mut().map_or(Ok(()), |tap| tap.write_all(&buffer[..got]));
        if let Err(error) = copied {
            return Err(self.stop(Stop::Tap(error)));
        }
        Ok(got)
    }
}

/// Whether a decoder gave up because of its memory limit.
fn wants_memory(error: &io::Error) -> bool {
    let xz = error.get_ref().and_then(|inner| inner.downcast_ref::<liblzma::stream::Error>());
    // zstd's errors have no type, only its text
    matches!(xz, Some(liblzma::stream::Error::MemLimit)) || error.to_string().contains("too much memory")
}

/// The decoder of a compression, with its memory bounded.
fn decoder<'a>(
    input: impl BufRead + 'a,
    compression: Compression,
    memory: u64,
) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(memory, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
        }
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
            decoder.window_log_max(memory.max(1).ilog2().clamp(10, 31))?;
            Box::new(decoder)
        }
    })
}
