//! Is this an os-release file, as os-release(5) has it?

/// What is wrong with the bytes of an os-release file, line by line; nothing if it can be read by anybody.
pub fn faults(text: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(text) else { return vec!["it is not UTF-8".to_owned()] };
    let mut faults = Vec::new();
    let (mut id, mut name) = (None, None);
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut fault = |what: &str| faults.push(format!("line {}: {what}", index + 1));
        let Some((key, value)) = line.split_once('=') else {
            fault("it is no KEY=value");
            continue;
        };
        if !is_key(key) {
            fault("the key is not made of capital letters, digits and _");
            continue;
        }
        match (value_of(value), key) {
            (None, _) => fault("the value has to be quoted, or its quotes do not match"),
            (Some(value), "ID") => id = Some(value),
            (Some(value), "NAME") => name = Some(value),
            _ => {}
        }
    }
    if let Some(id) = id
        && (id.is_empty()
            || !id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-')))
    {
        faults.push("ID is not made of lower-case letters, digits and . _ -".to_owned());
    }
    if id.is_none() && name.is_none() {
        faults.push("there is neither ID nor NAME".to_owned());
    }
    faults
}

fn is_key(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_uppercase())
        && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// A value without its quotes; none if a shell would not take it as one word.
fn value_of(value: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            let inner = rest.strip_suffix(quote)?;
            let special: &[char] = if quote == '"' { &['"', '$', '`'] } else { &['\''] };
            let mut escaped = false;
            for c in inner.chars() {
                if special.contains(&c) && !escaped {
                    return None;
                }
                escaped = quote == '"' && c == '\\' && !escaped;
            }
            return (!escaped).then_some(inner);
        }
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-+,:/@%^=~".contains(&b) || !b.is_ascii();
    value.bytes().all(plain).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told() {
        let rows: &[(&str, &[&str])] = &[
            ("NAME=rkt\nID=rkt\nPRETTY_NAME=\"rkt pod\"\nHOME_URL=\"https://github.com/rkt/rkt\"\n", &[]),
            ("# a comment\n\nID='a.b_c-9'\nVERSION_ID=12\n", &[]),
            ("NAME=\"with \\\"quotes\\\" and \\$\"\n", &[]),
            ("rkt\n", &["line 1: it is no KEY=value", "there is neither ID nor NAME"]),
            ("", &["there is neither ID nor NAME"]),
            ("ID=Debian\n", &["ID is not made of"]),
            ("ID=\n", &["ID is not made of"]),
            (
                "id=x\nNAME=a b\nNAME=\"a\nNAME='a'b'\nNAME=\"$a\"\nID=x\n",
                &[
                    "line 1: the key",
                    "line 2: the value",
                    "line 3: the value",
                    "line 4: the value",
                    "line 5: the value",
                ],
            ),
            ("NAME=\"a\\\"\nID=x\n", &["line 1: the value"]),
        ];
        for (text, expected) in rows {
            let faults = faults(text.as_bytes());
            assert_eq!(faults.len(), expected.len(), "{text}: {faults:?}");
            for (fault, start) in faults.iter().zip(*expected) {
                assert!(fault.starts_with(start), "{text}: {faults:?}");
            }
        }
        assert_eq!(faults(b"\xff"), ["it is not UTF-8"]);
    }
}
