//! Small reads at places of a file, few of them.

use std::io;

use crate::object::{MAX_STRING, ObjectError};
use crate::root::{ReadAt, fill};

/// What is read at the start: the headers, and nearly always the interpreter and the notes.
const START: usize = 4 << 10;
/// What is read for a name: the others are mostly near.
const AROUND: usize = 1 << 10;

/// A file and the piece of it that was read last.
pub(crate) struct Reader<'f> {
    file: &'f mut dyn ReadAt,
    start: u64,
    piece: Vec<u8>,
}

impl<'f> Reader<'f> {
    pub(crate) fn new(file: &'f mut dyn ReadAt) -> Reader<'f> {
        Reader { file, start: 0, piece: Vec::new() }
    }

    /// The bytes from a place on that there are, `size` at most.
    pub(crate) fn at_most(&mut self, offset: u64, size: usize) -> io::Result<&[u8]> {
        let held = |reader: &Self| {
            let at = usize::try_from(offset.checked_sub(reader.start)?).ok()?;
            (at.checked_add(size)? <= reader.piece.len()).then_some(at)
        };
        let at = if let Some(at) = held(self) {
            at
        } else {
            let wanted = size.max(if offset == 0 { START } else { AROUND });
            self.start = offset;
            self.piece.clear();
            self.piece.resize(wanted, 0);
            let filled = fill(self.file, &mut self.piece, offset);
            self.piece.truncate(*filled.as_ref().unwrap_or(&0));
            filled?;
            0
        };
        let end = self.piece.len().min(at + size);
        Ok(&self.piece[at..end])
    }

    /// Exactly so many bytes.
    pub(crate) fn exactly(
        &mut self,
        offset: u64,
        size: usize,
        what: &'static str,
    ) -> Result<&[u8], ObjectError> {
        let bytes = self.at_most(offset, size)?;
        if bytes.len() < size { Err(ObjectError::Truncated(what)) } else { Ok(bytes) }
    }

    /// The string that starts at a place and ends with a zero byte within `room`.
    pub(crate) fn string(&mut self, offset: u64, room: u64) -> Result<Vec<u8>, ObjectError> {
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        // Most end within what was read for the one before.
        if let Some(at) = offset.checked_sub(self.start).and_then(|at| usize::try_from(at).ok()) {
            let rest = self.piece.get(at..).unwrap_or_default();
            if let Some(end) = rest.iter().take(room).position(|byte| *byte == 0) {
                return Ok(rest[..end].to_vec());
            }
        }
        for size in [AROUND, MAX_STRING + 1] {
            let bytes = self.at_most(offset, size.min(room))?;
            if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
                return Ok(bytes[..end].to_vec());
            }
            if size >= room {
                return Err(ObjectError::Malformed("a name does not end"));
            }
            if bytes.len() < size {
                return Err(ObjectError::Truncated("table of strings"));
            }
        }
        Err(ObjectError::Limit { what: "bytes in a name", limit: MAX_STRING })
    }
}
