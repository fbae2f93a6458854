//! Words that people know from `go test`.

use super::pattern::Pattern;
use crate::failure::Problem;

/// Understands the words behind `--`: `-run NAME` is the one that is supported, `-v` is always so.
pub fn go_words<S: AsRef<str>>(words: &[S]) -> Result<Option<Pattern>, Vec<Problem>> {
    let mut words = words.iter().map(AsRef::as_ref);
    let (mut pattern, mut problems) = (None, Vec::new());
    while let Some(word) = words.next() {
        let name = word.strip_prefix('-').map(|name| name.strip_prefix('-').unwrap_or(name));
        let (name, value) = match name.and_then(|name| name.split_once('=')) {
            Some((name, value)) => (Some(name), Some(value)),
            None => (name, None),
        };
        match name.map(|name| name.strip_prefix("test.").unwrap_or(name)) {
            Some("run") => match value.or_else(|| words.next()) {
                Some(value) if pattern.is_none() => match Pattern::parse(value) {
                    Ok(parsed) => pattern = Some(parsed),
                    Err(error) => {
                        let hint =
                            "write parts of the tests' paths, separated by |, with ^ and $ for their ends";
                        let place = format!("-run {value}");
                        problems.push(Problem::new(error.to_string()).at(place).hint(hint));
                    }
                },
                Some(value) => problems.push(
                    Problem::new("-run is given twice")
                        .at(format!("-run {value}"))
                        .hint("separate names by |, as in -run 'dns|mtab'"),
                ),
                None => {
                    problems.push(Problem::new("the name is missing").at(word).hint("write -run NAME"));
                }
            },
            Some("v") if value.is_none() => {}
            _ => {
                let hint =
                    "behind -- stand -run NAME, and -v, without which the tests are named all the same";
                problems.push(Problem::new("this is no word of the functional tests").at(word).hint(hint));
            }
        }
    }
    if problems.is_empty() { Ok(pattern) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_run() {
        let expected = Pattern::parse("dns|mtab").unwrap();
        for words in [
            &["-run", "dns|mtab"][..],
            &["--run", "dns|mtab"],
            &["-run=dns|mtab"],
            &["-v", "-test.run", "dns|mtab"],
        ] {
            assert_eq!(go_words(words).unwrap().as_ref(), Some(&expected), "{words:?}");
        }
        assert_eq!(go_words::<&str>(&[]), Ok(None));
    }

    #[test]
    fn other_words_are_told_together() {
        let problems = go_words(&["-count=1", "dns", "-run", "a.b", "-timeout", "-run"]).unwrap_err();
        let places: Vec<_> = problems.iter().map(|problem| problem.place.as_deref().unwrap()).collect();
        assert_eq!(places, ["-count=1", "dns", "-run a.b", "-timeout", "-run"]);
        assert!(problems.iter().all(|problem| problem.hint.is_some()));
        assert_eq!(go_words(&["-run", "a", "-run", "b"]).unwrap_err()[0].what, "-run is given twice");
    }
}
