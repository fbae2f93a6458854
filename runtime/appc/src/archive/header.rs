//! The 512 bytes in front of each entry.

use super::Damage;

/// Size of a block: headers are one, contents are padded to whole ones.
pub(super) const BLOCK: usize = 512;
/// A header of 512 bytes.
pub(super) type Block = [u8; BLOCK];

/// Where a field stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    start: usize,
    len: usize,
    /// The name for messages.
    name: &'static str,
}

const fn field(start: usize, len: usize, name: &'static str) -> Field {
    Field { start, len, name }
}

pub(super) const NAME: Field = field(0, 100, "the name");
pub(super) const MODE: Field = field(100, 8, "the mode");
pub(super) const UID: Field = field(108, 8, "the owner");
pub(super) const GID: Field = field(116, 8, "the group");
pub(super) const SIZE: Field = field(124, 12, "the size");
pub(super) const MTIME: Field = field(136, 12, "the time");
const CHECKSUM: Field = field(148, 8, "the checksum");
pub(super) const TYPE: usize = 156;
pub(super) const LINK: Field = field(157, 100, "the link target");
const MAGIC: Field = field(257, 8, "the magic");
pub(super) const USER: Field = field(265, 32, "the owner's name");
pub(super) const GROUP: Field = field(297, 32, "the group's name");
pub(super) const MAJOR: Field = field(329, 8, "the device number");
pub(super) const MINOR: Field = field(337, 8, "the device number");
pub(super) const PREFIX: Field = field(345, 155, "the name");

const USTAR: &[u8; 8] = b"ustar\x0000";

impl Field {
    /// What the field is called in messages.
    pub(super) const fn name(self) -> &'static str {
        self.name
    }

    /// Bytes that it holds.
    pub(super) const fn capacity(self) -> usize {
        self.len
    }

    /// The largest number that the field holds in octal with its end mark.
    pub(super) const fn largest(self) -> u64 {
        (1 << (3 * (self.len as u64 - 1))) - 1
    }

    fn of(self, block: &Block) -> &[u8] {
        &block[self.start..self.start + self.len]
    }

    /// The text up to the first NUL.
    pub(super) fn text(self, block: &Block) -> &[u8] {
        let bytes = self.of(block);
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        &bytes[..end]
    }

    pub(super) fn put_text(self, block: &mut Block, text: &[u8]) {
        block[self.start..self.start + text.len()].copy_from_slice(text);
    }

    /// A number: octal digits with blanks round them, or GNU's big-endian binary. Negative ones are read as none.
    pub(super) fn number(self, block: &Block) -> Result<Option<u64>, Damage> {
        let bytes = self.of(block);
        let wrong = || Damage::Header(self.name);
        if bytes[0] & 0x80 != 0 {
            if bytes[0] & 0x40 != 0 {
                return Ok(None);
            }
            let mut value = u64::from(bytes[0] & 0x3f);
            for byte in &bytes[1..] {
                if value >> 56 != 0 {
                    return Err(wrong());
                }
                value = value << 8 | u64::from(*byte);
            }
            return Ok(Some(value));
        }
        let blank = |b: &u8| *b == b' ' || *b == 0;
        let digits = bytes.iter().skip_while(|b| blank(b));
        let mut value = 0;
        let mut ended = false;
        for byte in digits {
            match byte {
                b'0'..=b'7' if !ended && value >> 61 == 0 => value = value << 3 | u64::from(byte - b'0'),
                b if blank(b) => ended = true,
                _ => return Err(wrong()),
            }
        }
        Ok(Some(value))
    }

    /// Octal digits and a NUL; the number must not be larger than [`Field::largest`].
    pub(super) fn put_number(self, block: &mut Block, value: u64) {
        let mut rest = value;
        for slot in block[self.start..self.start + self.len - 1].iter_mut().rev() {
            *slot = b'0' + (rest & 7) as u8;
            rest >>= 3;
        }
        block[self.start + self.len - 1] = 0;
    }
}

/// The sum of all bytes, the checksum's own counted as blanks: unsigned, and signed as some old programs have it.
fn sums(block: &Block) -> (u64, i64) {
    let own = CHECKSUM.start..CHECKSUM.start + CHECKSUM.len;
    let bytes = block.iter().enumerate().map(|(i, b)| if own.contains(&i) { b' ' } else { *b });
    bytes.fold((0, 0), |(unsigned, signed), b| (unsigned + u64::from(b), signed + i64::from(b.cast_signed())))
}

/// Whether the checksum is right.
pub(super) fn verify(block: &Block) -> Result<(), Damage> {
    let (unsigned, signed) = sums(block);
    match CHECKSUM.number(block)? {
        Some(stored) if stored == unsigned || i64::try_from(stored) == Ok(signed) => Ok(()),
        _ => Err(Damage::Header(CHECKSUM.name)),
    }
}

/// Whether the header is POSIX ustar, so that the prefix field counts.
pub(super) fn is_ustar(block: &Block) -> bool {
    MAGIC.of(block) == USTAR
}

/// Fills in the magic and the checksum.
pub(super) fn seal(block: &mut Block) {
    MAGIC.put_text(block, USTAR);
    let (sum, _) = sums(block);
    // six digits, NUL, blank: as everybody writes it
    field(CHECKSUM.start, 7, CHECKSUM.name).put_number(block, sum);
    block[CHECKSUM.start + 7] = b' ';
}

/// Bytes of padding after a content of `size` bytes.
pub(super) fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    (BLOCK - over) % BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let read = |bytes: &[u8]| {
            let mut block = [0; BLOCK];
            block[SIZE.start..SIZE.start + bytes.len()].copy_from_slice(bytes);
            SIZE.number(&block).ok()
        };
        assert_eq!(read(b"00000000017\0"), Some(Some(15)));
        assert_eq!(read(b"  17 \0"), Some(Some(15)));
        assert_eq!(read(b""), Some(Some(0)));
        assert_eq!(read(b"777777777777"), Some(Some((1 << 36) - 1)));
        assert_eq!(read(b"\x80\0\0\0\0\0\0\x02\0\0\0\x01"), Some(Some((2 << 32) + 1)));
        assert_eq!(read(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), Some(None));
        assert_eq!(read(b"\x80\0\0\x01\0\0\0\0\0\0\0\0"), None);
        assert_eq!(read(b"8"), None);
        assert_eq!(read(b"1 1"), None);
        assert_eq!(SIZE.largest(), 0o77_777_777_777);
        assert_eq!(MODE.largest(), 0o7_777_777);
    }

    #[test]
    fn sealed_headers_verify() {
        let mut block = [0; BLOCK];
        NAME.put_text(&mut block, b"a");
        MODE.put_number(&mut block, 0o644);
        seal(&mut block);
        assert!(verify(&block).is_ok() && is_ustar(&block));
        assert_eq!(MODE.number(&block).unwrap(), Some(0o644));
        block[0] = b'b';
        assert!(verify(&block).is_err());
    }

    #[test]
    fn paddings() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
