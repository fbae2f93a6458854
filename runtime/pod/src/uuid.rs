//! Names of pods: random UUIDs of RFC 4122, version 4.

use std::fmt;
use std::io;
use std::str::FromStr;

/// The name of a pod: 36 characters, lower case, with dashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

/// A string that is not the name of a pod.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a pod UUID (expected a form like 15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21)")]
pub struct InvalidUuid(pub String);

impl Uuid {
    /// The UUID of no pod: a place for one that is not known yet.
    pub const NIL: Uuid = Uuid([0; 16]);

    /// Draws a new random UUID from the kernel.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn random() -> io::Result<Uuid> {
        let mut bytes = [0_u8; 16];
        let mut filled = 0;
        while filled < bytes.len() {
            filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
        }
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Ok(Uuid(bytes))
    }

    /// Its 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The machine ID that belongs to the pod: the UUID as 32 digits without dashes.
    pub fn machine_id(&self) -> String {
        self.to_string().replace('-', "")
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        f.pad(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = InvalidUuid;

    /// Reads the form with dashes; upper-case digits are accepted, as the original accepts them.
    fn from_str(text: &str) -> Result<Uuid, InvalidUuid> {
        let wrong = || InvalidUuid(text.to_owned());
        let raw = text.as_bytes();
        if raw.len() != 36 {
            return Err(wrong());
        }
        let mut bytes = [0_u8; 16];
        let mut at = 0;
        for (index, byte) in bytes.iter_mut().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                if raw[at] != b'-' {
                    return Err(wrong());
                }
                at += 1;
            }
            let high = char::from(raw[at]).to_digit(16).ok_or_else(wrong)?;
            let low = char::from(raw[at + 1]).to_digit(16).ok_or_else(wrong)?;
            *byte = u8::try_from(high * 16 + low).map_err(|_| wrong())?;
            at += 2;
        }
        Ok(Uuid(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::Uuid;

    #[test]
    fn random_ones_are_version_four_and_survive_text() {
        let first = Uuid::random().expect("random bytes");
        let text = first.to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]), "{text}");
        assert_eq!(text.parse::<Uuid>(), Ok(first));
        assert_eq!(text.to_uppercase().parse::<Uuid>(), Ok(first));
        assert_eq!(first.machine_id().len(), 32);
        assert_ne!(first, Uuid::random().expect("random bytes"));
    }

    #[test]
    fn other_strings_are_refused() {
        for text in [
            "",
            "15a5571f",
            "15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d2",
            "15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d211",
            "15a5571f+2a87-4c4f-9c5d-0a6b1f3e7d21",
            "15a5571g-2a87-4c4f-9c5d-0a6b1f3e7d21",
            "../../../../../../../../../../../../",
            "ééééééééééééééééééé",
        ] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
    }
}
