//! Amounts with units, as Kubernetes writes them.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::ManifestError;
use crate::json::{FromJson, deserialize_through_value, wrong_kind};

/// An amount such as `500m`, `1.5`, `64Mi` or `2G`. The text is kept as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quantity {
    text: String,
    /// Thousandths, rounded up.
    milli: i128,
}

/// A text that is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quantity: write a number with an optional unit (m k M G T P E Ki Mi Gi Ti Pi Ei)")]
pub struct InvalidQuantity(pub String);

impl Quantity {
    /// The amount in whole units, rounded up; cut to what fits.
    pub fn value(&self) -> i64 {
        let up = i128::from(self.milli.rem_euclid(1000) != 0);
        saturate(self.milli.div_euclid(1000) + up)
    }

    /// The amount in thousandths, rounded up; cut to what fits.
    pub fn milli_value(&self) -> i64 {
        saturate(self.milli)
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<i64> for Quantity {
    /// A whole number of units.
    fn from(units: i64) -> Self {
        Self { text: units.to_string(), milli: i128::from(units) * 1000 }
    }
}

fn saturate(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX })
}

/// Thousandths of a text, rounded up.
fn parse(text: &str) -> Option<i128> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, unit) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 30 {
        return None;
    }
    let (base, power): (i128, i32) = match unit {
        "n" => (10, -9),
        "u" => (10, -6),
        "m" => (10, -3),
        "" => (10, 0),
        "k" | "K" => (10, 3),
        "M" => (10, 6),
        "G" => (10, 9),
        "T" => (10, 12),
        "P" => (10, 15),
        "E" => (10, 18),
        "Ki" => (1024, 1),
        "Mi" => (1024, 2),
        "Gi" => (1024, 3),
        "Ti" => (1024, 4),
        "Pi" => (1024, 5),
        "Ei" => (1024, 6),
        exponent => {
            let digits = exponent.strip_prefix(['e', 'E'])?;
            (10, digits.parse::<i32>().ok().filter(|n| (-18..=18).contains(n))?)
        }
    };
    // numerator / denominator = the amount in thousandths
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let mut numerator = digits.checked_mul(1000)?;
    let mut denominator = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let factor = base.checked_pow(power.unsigned_abs())?;
    if power < 0 {
        denominator = denominator.checked_mul(factor)?;
    } else {
        numerator = numerator.checked_mul(factor)?;
    }
    let numerator = if negative { -numerator } else { numerator };
    let up = i128::from(numerator.rem_euclid(denominator) != 0);
    numerator.div_euclid(denominator).checked_add(up)
}

impl FromStr for Quantity {
    type Err = InvalidQuantity;
    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let milli = parse(text).ok_or_else(|| InvalidQuantity(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), milli })
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl serde::Serialize for Quantity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl FromJson for Quantity {
    /// A string, or a bare number.
    fn from_json(value: Value) -> Result<Self, ManifestError> {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            other => return Err(wrong_kind("a quantity such as \"64Mi\"", &other)),
        };
        text.parse().map_err(|e: InvalidQuantity| ManifestError::new(e.to_string()))
    }
}

deserialize_through_value!(Quantity);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (text, milli, value) in [
            ("0", 0, 0),
            ("1", 1000, 1),
            ("500m", 500, 1),
            ("1.5", 1500, 2),
            ("-1.5", -1500, -1),
            (".5", 500, 1),
            ("1n", 1, 1),
            ("64Mi", 64 * 1024 * 1024 * 1000, 64 * 1024 * 1024),
            ("1G", 1_000_000_000_000, 1_000_000_000),
            ("2K", 2_000_000, 2000),
            ("1e3", 1_000_000, 1000),
        ] {
            let quantity: Quantity = text.parse().unwrap();
            assert_eq!((quantity.milli_value(), quantity.value()), (milli, value), "{text}");
            assert_eq!(quantity.to_string(), text);
        }
        for bad in ["", "-", "M", "1X", "1.2.3", "1 G", "1e99", "99999999999999999999999999999999", "1é"] {
            assert!(bad.parse::<Quantity>().is_err(), "{bad}");
        }
    }
}
