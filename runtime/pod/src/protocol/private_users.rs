//! The range of user and group IDs of a pod in a user namespace.

use std::fmt;
use std::str::FromStr;

/// How many IDs a pod gets, and what shifts are multiples of.
const COUNT: u32 = 1 << 16;
/// Shifts are drawn from 1 to this many times [`COUNT`].
const HIGHEST: u32 = 0x7fff;

/// A range of IDs, written `SHIFT:COUNT`: ID `n` of the pod, from 0 to below `count`, is ID `shift + n` of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateUsers {
    /// The host's ID of the pod's root user.
    pub shift: u32,
    /// How many IDs there are.
    pub count: u32,
}

/// What is not a range of IDs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a range of IDs of the form SHIFT:COUNT")]
pub struct InvalidPrivateUsers(pub String);

impl PrivateUsers {
    /// Draws a range at random, so that pods rarely share one.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn random() -> std::io::Result<PrivateUsers> {
        // The first bytes of a UUID are random all through.
        let uuid = crate::Uuid::random()?;
        let [a, b, c, d, ..] = *uuid.as_bytes();
        let drawn = u32::from_le_bytes([a, b, c, d]);
        Ok(PrivateUsers { shift: (drawn % HIGHEST + 1) * COUNT, count: COUNT })
    }
}

impl fmt::Display for PrivateUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.shift, self.count)
    }
}

impl FromStr for PrivateUsers {
    type Err = InvalidPrivateUsers;

    fn from_str(text: &str) -> Result<PrivateUsers, InvalidPrivateUsers> {
        let parse = || {
            let (shift, count) = text.split_once(':')?;
            let (shift, count) = (shift.parse::<u32>().ok()?, count.parse::<u32>().ok()?);
            // The last ID means "none" to the kernel.
            let fits = count > 0 && shift.checked_add(count).is_some();
            fits.then_some(PrivateUsers { shift, count })
        };
        parse().ok_or_else(|| InvalidPrivateUsers(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::PrivateUsers;

    #[test]
    fn ranges_survive_text_and_nonsense_does_not() {
        for _ in 0..100 {
            let drawn = PrivateUsers::random().expect("random bytes");
            assert_eq!(drawn.to_string().parse(), Ok(drawn));
            assert!(drawn.shift > 0 && drawn.shift.is_multiple_of(65536) && drawn.count == 65536, "{drawn}");
            assert!(drawn.shift / 65536 <= 0x7fff, "{drawn}");
        }
        assert!("0:4294967295".parse::<PrivateUsers>().is_ok());
        for text in ["", "1", "1:", ":1", "1:0", "1:2:3", "-1:1", "4294967295:1", "1:4294967295", "x:y"] {
            assert!(text.parse::<PrivateUsers>().is_err(), "{text}");
        }
    }
}
