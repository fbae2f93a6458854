//! Messages of D-Bus, as far as one call without arguments and its reply need them.

/// The longest message that is taken, in bytes. What machined tells of itself has 20 to 30 KiB; the
/// specification allows 128 MiB.
const LONGEST: usize = 1 << 20;

/// The longest list of header fields that is taken, in bytes.
const LONGEST_FIELDS: usize = 64 << 10;

/// What comes before the header fields.
const START: usize = 16;

/// A call without arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) destination: &'a str,
    pub(super) path: &'a str,
    pub(super) interface: &'a str,
    pub(super) member: &'a str,
}

impl Call<'_> {
    /// The bytes of the message; the serial must not be 0.
    pub(super) fn encode(&self, serial: u32) -> Vec<u8> {
        let mut fields = Vec::new();
        let listed = [
            (1, b'o', self.path),
            (2, b's', self.interface),
            (3, b's', self.member),
            (6, b's', self.destination),
        ];
        for (code, signature, value) in listed {
            // The fields begin at a multiple of 8, so padding can be counted from here.
            pad(&mut fields);
            fields.extend([code, 1, signature, 0]);
            fields.extend(length(value));
            fields.extend(value.as_bytes());
            fields.push(0);
        }
        // Little endian, a method call, no flags, protocol version 1, no body.
        let mut message = vec![b'l', 1, 0, 1, 0, 0, 0, 0];
        message.extend(serial.to_le_bytes());
        message.extend(u32::try_from(fields.len()).unwrap_or(u32::MAX).to_le_bytes());
        message.extend(fields);
        pad(&mut message);
        message
    }
}

fn length(text: &str) -> [u8; 4] {
    // All texts are ours and short.
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes()
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// A call.
    MethodCall,
    /// The answer to a call.
    MethodReturn,
    /// The answer to a call that failed.
    Error,
    /// News.
    Signal,
    /// A type that the specification does not have yet.
    Other,
}

/// A message, as far as we understand it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: MessageType,
    /// The serial of the call that it answers.
    pub reply_serial: Option<u32>,
    /// The name of an error.
    pub error_name: Option<String>,
    /// The body, when it begins with a string.
    pub text: Option<String>,
}

/// Bytes that are no message, or one beyond our limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// Reads the message at the beginning of some bytes, and tells how many bytes it has; `None` when there
/// are too few yet.
///
/// Header fields after one whose type we have no use for are not read; those that a bus sends are known.
///
/// # Errors
/// [`Malformed`] as soon as it is certain.
pub fn decode(bytes: &[u8]) -> Result<Option<(Message, usize)>, Malformed> {
    let Some(start) = bytes.first_chunk::<START>() else { return Ok(None) };
    let big = match start[0] {
        b'l' => false,
        b'B' => true,
        _ => return Err(Malformed("a message that is neither big nor little endian")),
    };
    let kind = match start[1] {
        0 => return Err(Malformed("a message without a type")),
        1 => MessageType::MethodCall,
        2 => MessageType::MethodReturn,
        3 => MessageType::Error,
        4 => MessageType::Signal,
        _ => MessageType::Other,
    };
    if start[3] != 1 {
        return Err(Malformed("a message of another version of the protocol"));
    }
    let mut start = Cursor { bytes: &start[4..], at: 0, big };
    let body_length = start.length()?;
    let _serial = start.number()?;
    let fields_length = start.length()?;
    if fields_length > LONGEST_FIELDS || body_length > LONGEST {
        return Err(Malformed("a message that is too long"));
    }
    let body_start = (START + fields_length).next_multiple_of(8);
    let end = body_start + body_length;
    if end > LONGEST {
        return Err(Malformed("a message that is too long"));
    }
    let Some(message) = bytes.get(..end) else { return Ok(None) };
    let mut fields = Cursor { bytes: &message[START..START + fields_length], at: 0, big };
    let fields = Fields::read(&mut fields)?;
    let text = if fields.signature.is_some_and(|signature| signature.starts_with('s')) {
        Some(Cursor { bytes: &message[body_start..], at: 0, big }.string()?.to_owned())
    } else {
        None
    };
    let error_name = fields.error_name.map(str::to_owned);
    Ok(Some((Message { kind, reply_serial: fields.reply_serial, error_name, text }, end)))
}

#[derive(Default)]
struct Fields<'a> {
    reply_serial: Option<u32>,
    error_name: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Fields<'a>, Malformed> {
        let mut fields = Fields::default();
        while cursor.at < cursor.bytes.len() {
            cursor.align(8)?;
            let code = cursor.byte()?;
            let (mut number, mut text) = (None, None);
            match cursor.signature()? {
                "s" | "o" => text = Some(cursor.string()?),
                "g" => text = Some(cursor.signature()?),
                "u" => number = Some(cursor.number()?),
                _ => break,
            }
            match code {
                0 => return Err(Malformed("a header field without a meaning")),
                4 => fields.error_name = text,
                5 => fields.reply_serial = number,
                8 => fields.signature = text,
                _ => {}
            }
        }
        Ok(fields)
    }
}

/// Values one after the other, each aligned by its type.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    big: bool,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(Malformed("a value that is longer than its message"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn align(&mut self, to: usize) -> Result<(), Malformed> {
        self.take(self.at.next_multiple_of(to) - self.at).map(drop)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u32, Malformed> {
        self.align(4)?;
        let bytes = self.take(4)?.first_chunk().copied().unwrap_or_default();
        Ok(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.number()?).map_err(|_| Malformed("a length that is too large"))
    }

    fn string(&mut self) -> Result<&'a str, Malformed> {
        let length = self.length()?;
        self.text(length)
    }

    fn signature(&mut self) -> Result<&'a str, Malformed> {
        let length = self.byte()?;
        self.text(length.into())
    }

    fn text(&mut self, length: usize) -> Result<&'a str, Malformed> {
        let text = str::from_utf8(self.take(length)?).map_err(|_| Malformed("a text that is not UTF-8"))?;
        if self.byte()? != 0 {
            return Err(Malformed("a text without an end"));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, Malformed, Message, MessageType, decode};

    /// A message; each part of the header fields begins where the caller put it.
    fn message(big: bool, kind: u8, fields: &[u8], body: &[u8]) -> Vec<u8> {
        let number = |value: usize| {
            let value = u32::try_from(value).unwrap();
            if big { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        let mut bytes = vec![if big { b'B' } else { b'l' }, kind, 0, 1];
        bytes.extend(number(body.len()));
        bytes.extend(number(7));
        bytes.extend(number(fields.len()));
        bytes.extend(fields);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_call_is_what_it_says() {
        let call = Call { destination: "a.b", path: "/a/b", interface: "a.b.c", member: "D" };
        let bytes = call.encode(1);
        let expected = b"l\x01\0\x01\0\0\0\0\x01\0\0\0\x40\0\0\0\
            \x01\x01o\0\x04\0\0\0/a/b\0\0\0\0\
            \x02\x01s\0\x05\0\0\0a.b.c\0\0\0\
            \x03\x01s\0\x01\0\0\0D\0\0\0\0\0\0\0\
            \x06\x01s\0\x03\0\0\0a.b\0\0\0\0\0";
        assert_eq!(bytes.len() % 8, 0);
        assert_eq!(bytes[..12], expected[..12]);
        assert_eq!(bytes[16..], expected[16..]);
        let (decoded, length) = decode(&bytes).unwrap().unwrap();
        assert_eq!((decoded.kind, length), (MessageType::MethodCall, bytes.len()));
    }

    #[test]
    fn replies_in_both_byte_orders() {
        let little = b"\x05\x01u\0\x02\0\0\0\x08\x01g\0\x01s\0";
        let big = b"\x05\x01u\0\0\0\0\x02\x08\x01g\0\x01s\0";
        let expected = Message {
            kind: MessageType::MethodReturn,
            reply_serial: Some(2),
            error_name: None,
            text: Some("hi".to_owned()),
        };
        for bytes in [message(false, 2, little, b"\x02\0\0\0hi\0"), message(true, 2, big, b"\0\0\0\x02hi\0")]
        {
            for cut in 0..bytes.len() {
                assert_eq!(decode(&bytes[..cut]), Ok(None), "{cut}");
            }
            let mut more = bytes.clone();
            more.extend(b"the next");
            assert_eq!(decode(&more), Ok(Some((expected.clone(), bytes.len()))));
        }
    }

    #[test]
    fn errors_and_other_bodies() {
        let bytes = message(false, 3, b"\x04\x01s\0\x03\0\0\0a.b\0\0\0\0\0\x05\x01u\0\x09\0\0\0", b"");
        let (error, _) = decode(&bytes).unwrap().unwrap();
        assert_eq!((error.kind, error.reply_serial), (MessageType::Error, Some(9)));
        assert_eq!((error.error_name.as_deref(), error.text), (Some("a.b"), None));
        // A field of a type that we do not read ends the reading.
        let bytes = message(false, 9, b"\x05\x01u\0\x09\0\0\0\xf0\x02au\0\0\0\0", b"12345");
        let (other, length) = decode(&bytes).unwrap().unwrap();
        assert_eq!((other.kind, other.reply_serial, length), (MessageType::Other, Some(9), bytes.len()));
    }

    #[test]
    fn bad_messages_are_refused() {
        let mut long = message(false, 2, b"", b"");
        long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut long_fields = message(false, 2, b"", b"");
        long_fields[12..16].copy_from_slice(&(64 * 1024 + 1_u32).to_le_bytes());
        let mut version = message(false, 2, b"", b"");
        version[3] = 2;
        let table = [
            (b"HTTP/1.1 400 Bad".to_vec(), "a message that is neither big nor little endian"),
            (message(false, 0, b"", b""), "a message without a type"),
            (version, "a message of another version of the protocol"),
            (long, "a message that is too long"),
            (long_fields, "a message that is too long"),
            (message(false, 2, b"\0\x01u\0\0\0\0\0", b""), "a header field without a meaning"),
            (message(false, 2, b"\x05\x01u\0\x01", b""), "a value that is longer than its message"),
            (
                message(false, 2, b"\x04\x01s\0\xff\xff\xff\xffa\0", b""),
                "a value that is longer than its message",
            ),
            (message(false, 2, b"\x04\x01s\0\x01\0\0\0\xff\0", b""), "a text that is not UTF-8"),
            (message(false, 2, b"\x04\x01s\0\x01\0\0\0ab", b""), "a text without an end"),
            (
                message(false, 2, b"\x08\x01g\0\x01s\0", b"\x09\0\0\0a\0"),
                "a value that is longer than its message",
            ),
        ];
        for (bytes, expected) in table {
            assert_eq!(decode(&bytes), Err(Malformed(expected)), "{}", bytes.escape_ascii());
        }
    }
}
