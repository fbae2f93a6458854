//! What comes from a message bus, and its address from the environment.

use host::bus::{decode, has_methods, parse_addresses};

/// Any bytes are a message, the beginning of one, or refused; the same message is read whatever follows.
pub fn run(data: &[u8]) {
    assert!(parse_addresses(data).len() <= data.len());
    if let Ok(Some((message, length))) = decode(data) {
        assert!(length <= data.len());
        assert_eq!(decode(&data[..length]), Ok(Some((message.clone(), length))));
        assert_eq!(decode(&data[..length - 1]), Ok(None));
        if let Some(text) = message.text {
            document(&text);
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        document(text);
    }
}

/// No document lists a method that has no place in it.
fn document(text: &str) {
    if has_methods(text, "a.b", &["M"]) {
        assert!(text.contains("a.b") && text.contains('M'));
    }
}
