//! PAX records: `LENGTH KEY=VALUE\n`, where the length counts itself.

use std::collections::BTreeMap;

use super::Damage;

/// Prefix of the key of an extended attribute.
pub(super) const XATTR: &[u8] = b"SCHILY.xattr.";

/// Records by key; the last of a key counts.
pub(super) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// The records in the order of their keys.
pub(super) fn encode(records: &Records) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while rest + digits(length) != length {
            length = rest + digits(length);
        }
        out.extend_from_slice(length.to_string().as_bytes());
        out.push(b' ');
        out.extend_from_slice(key);
        out.push(b'=');
        out.extend_from_slice(value);
        out.push(b'\n');
    }
    out
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |n| n as usize + 1)
}

/// Reads records and adds them.
pub(super) fn decode(mut bytes: &[u8], records: &mut Records) -> Result<(), Damage> {
    const WRONG: Damage = Damage::Header("an extended record");
    while !bytes.is_empty() {
        let blank = bytes.iter().take(20).position(|b| *b == b' ').ok_or(WRONG)?;
        let length = number(&bytes[..blank]).and_then(|n| usize::try_from(n).ok()).ok_or(WRONG)?;
        let (record, rest) = bytes.split_at_checked(length).ok_or(WRONG)?;
        let record = record.get(blank + 1..).and_then(|r| r.strip_suffix(b"\n")).ok_or(WRONG)?;
        let equals = record.iter().position(|b| *b == b'=').filter(|at| *at > 0).ok_or(WRONG)?;
        let (key, value) = (record[..equals].to_vec(), record[equals + 1..].to_vec());
        // an empty value takes an earlier record back, except for attributes, which may be empty
        if value.is_empty() && !key.starts_with(XATTR) {
            records.remove(&key);
        } else {
            records.insert(key, value);
        }
        bytes = rest;
    }
    Ok(())
}

/// A decimal number.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whole seconds of a time such as `1700000000.25`; times before 1970 are 0.
pub(super) fn seconds(text: &[u8]) -> Option<u64> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let whole = text.split(|b| *b == b'.').next()?;
    let seconds = number(whole)?;
    Some(if negative { 0 } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_themselves() {
        for size in [0, 1, 80, 86, 87, 88, 89, 90, 91, 980, 985, 986, 987, 988, 989, 990, 991, 992] {
            let records = Records::from([(b"path".to_vec(), vec![b'x'; size])]);
            let text = encode(&records);
            let blank = text.iter().position(|b| *b == b' ').unwrap();
            assert_eq!(number(&text[..blank]), Some(text.len() as u64), "{size}");
            let mut back = Records::new();
            decode(&text, &mut back).unwrap();
            assert_eq!(back.get(&b"path"[..]).map_or(0, Vec::len), size);
        }
    }

    #[test]
    fn wrong_records_are_refused() {
        for bad in
            ["x", "5 a=b", "6 a=bb", "99 a=b\n", "6 =ab\n", "5 ab\n", "0 a=b\n", "-6 a=b\n", "2 \n", "1 "]
        {
            assert!(decode(bad.as_bytes(), &mut Records::new()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(seconds(b"12.9"), Some(12));
        assert_eq!(seconds(b"-12.9"), Some(0));
        assert_eq!(seconds(b""), None);
        assert_eq!(seconds(b"1e3"), None);
    }
}
