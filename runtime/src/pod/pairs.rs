//! Flags whose values are `NAME=VALUE`: annotations and labels.

use std::collections::BTreeMap;

use appc::{AcIdentifier, Annotation};

use crate::error::{Context as _, Failure};

/// All `--annotation`s of one place of the command line.
pub fn parse_annotations(texts: &[String]) -> Result<Vec<Annotation>, Failure> {
    let parse = |text: &String| {
        let (name, value) = pair("annotation", text)?;
        let name =
            AcIdentifier::new(name).context(format!("invalid argument \"{text}\" for --annotation"))?;
        Ok(Annotation::new(name, value))
    };
    texts.iter().map(parse).collect()
}

/// The `NAME=VALUE`s of a flag; of several with one name the last counts.
pub fn parse_pairs(flag: &str, texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    texts
        .iter()
        .map(|text| pair(flag, text).map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect()
}

fn pair<'text>(flag: &str, text: &'text str) -> Result<(&'text str, &'text str), Failure> {
    text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        Failure::new(format!("invalid argument \"{text}\" for --{flag}")).hint("write NAME=VALUE")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_needed_and_values_may_be_anything() {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let found = parse_annotations(&texts(&["example.com/a=b=c", "x="])).unwrap();
        let shown: Vec<_> = found.iter().map(|one| format!("{} {}", one.name, one.value)).collect();
        assert_eq!(shown, ["example.com/a b=c", "x "]);
        for wrong in ["", "x", "=y", "Not an identifier=y"] {
            assert!(parse_annotations(&texts(&[wrong])).is_err(), "{wrong}");
        }
        let labels = parse_pairs("user-label", &texts(&["Any Name=1", "Any Name=2"])).unwrap();
        assert_eq!(labels["Any Name"], "2");
        assert!(parse_pairs("user-label", &texts(&["x"])).unwrap_err().what.contains("--user-label"));
    }
}
