//! Durations as Go writes them: `1h30m`, `300ms`, `1.5s`, and a bare `0`.

use std::time::Duration;

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid duration \"{0}\": write numbers with units, such as 90m, 1h30m or 300ms")]
pub struct InvalidDuration(pub String);

/// Units with their nanoseconds; a unit that another one begins with comes after that (`ms` before `m`).
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration, which may have a sign.
pub fn parse_duration(text: &str) -> Result<Signed, InvalidDuration> {
    let invalid = || InvalidDuration(text.to_owned());
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Signed { negative: false, length: Duration::ZERO });
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let (number, tail) = rest.split_at(end);
        let (name, nanos) = UNITS.iter().find(|(name, _)| tail.starts_with(name)).ok_or_else(invalid)?;
        total = total.checked_add(scaled(number, *nanos).ok_or_else(invalid)?).ok_or_else(invalid)?;
        rest = &tail[name.len()..];
    }
    // Go counts in signed 64 bits of nanoseconds, some 292 years.
    let nanos =
        u64::try_from(total).ok().filter(|nanos| i64::try_from(*nanos).is_ok()).ok_or_else(invalid)?;
    Ok(Signed { negative: negative && nanos > 0, length: Duration::from_nanos(nanos) })
}

/// A duration with a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// Below zero.
    pub negative: bool,
    /// How long.
    pub length: Duration,
}

impl Signed {
    /// The duration, zero if it is negative.
    pub fn at_least_zero(self) -> Duration {
        if self.negative { Duration::ZERO } else { self.length }
    }
}

/// A decimal number of units, in nanoseconds; what is below one nanosecond is cut.
fn scaled(number: &str, nanos: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 30 {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(15)];
    let part = match fraction.len() {
        0 => 0,
        digits => {
            fraction.parse::<u128>().ok()? * u128::from(nanos) / 10_u128.pow(u32::try_from(digits).ok()?)
        }
    };
    whole.checked_mul(u128::from(nanos))?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("300ms", 300),
            ("1h30m", 5_400_000),
            ("24h", 86_400_000),
            ("1.5s", 1500),
            (".5m", 30_000),
            ("+1s", 1000),
            ("1m0.5s", 60_500),
        ] {
            let read = parse_duration(text).unwrap();
            assert_eq!((read.negative, read.length), (false, Duration::from_millis(millis)), "{text}");
        }
        assert!(parse_duration("-1h").unwrap().negative);
        assert_eq!(parse_duration("-1h").unwrap().at_least_zero(), Duration::ZERO);
        assert_eq!(parse_duration("2us").unwrap().length, Duration::from_micros(2));
        for bad in ["", "-", "1", "h", "1x", "1.2.3s", "1 s", "99999999999h", ".s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
