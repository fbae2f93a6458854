//! JSON for people.

use serde::Serialize;
use serde_json::ser::PrettyFormatter;

/// JSON indented with tabs, as the original prints it, without a newline at the end.
///
/// # Errors
/// If the value cannot be expressed in JSON.
pub fn json_with_tabs<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t"));
    value.serialize(&mut writer)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn tabs() {
        let text = super::json_with_tabs(&serde_json::json!({"a": [1]})).unwrap();
        assert_eq!(text, "{\n\t\"a\": [\n\t\t1\n\t]\n}");
    }
}
