//! Value parsers that more than one flag uses.

/// A boolean in the spellings that Go's `ParseBool` knows.
pub fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("a boolean is one of 1, t, true, 0, f, false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::go_bool;

    #[test]
    fn booleans_are_go_s() {
        for text in ["1", "t", "T", "true", "TRUE", "True"] {
            assert_eq!(go_bool(text), Ok(true), "{text}");
        }
        for text in ["0", "f", "F", "false", "FALSE", "False"] {
            assert_eq!(go_bool(text), Ok(false), "{text}");
        }
        for text in ["", "yes", "tRUE", "2"] {
            assert!(go_bool(text).is_err(), "{text}");
        }
    }
}
