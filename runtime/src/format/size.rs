//! Sizes for people.

/// A size in bytes with an IEC unit and no space: `512B`, `1.3MiB`, `33MiB`. One decimal below ten units.
pub fn iec_size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 0;
    let mut divisor: u128 = 1;
    while unit + 1 < UNITS.len() && u128::from(bytes) >= divisor * 1024 {
        unit += 1;
        divisor *= 1024;
    }
    if unit == 0 {
        return format!("{bytes}B");
    }
    // Rounded half up to a tenth, in integers, so that the text never depends on float formatting.
    let tenths = (u128::from(bytes) * 20 + divisor) / (divisor * 2);
    if tenths < 100 {
        format!("{}.{}{}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{}{}", (tenths + 5) / 10, UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::iec_size;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0B"),
            (512, "512B"),
            (1023, "1023B"),
            (1024, "1.0KiB"),
            (1_363_149, "1.3MiB"),
            (33 << 20, "33MiB"),
            (159 << 20, "159MiB"),
            (10 << 30, "10GiB"),
            (u64::MAX, "16EiB"),
        ] {
            assert_eq!(iec_size(bytes), text);
        }
    }
}
