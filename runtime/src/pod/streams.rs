//! `--stdin`, `--stdout`, `--stderr`: where the standard streams of an app lead.

use appc::{AcIdentifier, Annotation};
use grammar::AppArgs;
use pod::protocol::{InputMode, OutputMode, annotation};

use crate::error::Failure;

/// Annotations of an app that say it, as far as the flags do.
pub fn annotations(flags: &AppArgs) -> Result<Vec<Annotation>, Failure> {
    let input = |word: &str| match InputMode::parse(word) {
        Some(InputMode::Interactive) | None => None,
        Some(mode) => Some(mode.as_str()),
    };
    let output = |word: &str| match OutputMode::parse(word) {
        Some(OutputMode::Interactive) | None => None,
        Some(mode) => Some(mode.as_str()),
    };
    let outputs = "log, null, stream or tty";
    let mut found = Vec::new();
    for (flag, word, name, mode, words) in [
        (
            "stdin",
            &flags.stdin,
            annotation::STDIN,
            &input as &dyn Fn(&str) -> Option<&'static str>,
            "null, stream or tty",
        ),
        ("stdout", &flags.stdout, annotation::STDOUT, &output, outputs),
        ("stderr", &flags.stderr, annotation::STDERR, &output, outputs),
    ] {
        let Some(word) = word else { continue };
        let mode = mode(word)
            .ok_or_else(|| Failure::new(format!("invalid argument \"{word}\" for --{flag}: {words}")))?;
        found.push(Annotation::new(AcIdentifier::new(name)?, mode));
    }
    let uses = |mode: &str| found.iter().any(|annotation| annotation.value == mode);
    if uses(STREAM) && uses(TTY) {
        return Err(Failure::new("an app cannot have both streams and a terminal to attach to")
            .hint("give --stdin, --stdout and --stderr either stream or tty"));
    }
    Ok(found)
}

const STREAM: &str = "stream";
const TTY: &str = "tty";

/// Whether these annotations, of an app, ask for something to attach to.
pub fn can_be_attached(annotations: &[Annotation]) -> bool {
    let names = [annotation::STDIN, annotation::STDOUT, annotation::STDERR];
    annotations.iter().any(|annotation| {
        names.contains(&annotation.name.as_str()) && [STREAM, TTY].contains(&annotation.value.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: [&str; 3]) -> Result<Vec<String>, String> {
        let [stdin, stdout, stderr] = words.map(|word| Some(word.to_owned()).filter(|word| !word.is_empty()));
        let flags = AppArgs { stdin, stdout, stderr, ..AppArgs::default() };
        let found = annotations(&flags).map_err(|failure| failure.what)?;
        Ok(found.iter().map(|one| format!("{}={}", one.name, one.value)).collect())
    }

    #[test]
    fn words_become_annotations() {
        assert_eq!(texts(["", "", ""]), Ok(Vec::new()));
        assert_eq!(
            texts(["null", "stream", "log"]).unwrap(),
            [
                "coreos.com/rkt/stage2/stdin=null",
                "coreos.com/rkt/stage2/stdout=stream",
                "coreos.com/rkt/stage2/stderr=log"
            ]
        );
        assert_eq!(texts(["tty", "tty", "tty"]).map(|all| all.len()), Ok(3));
        for wrong in [["log", "", ""], ["interactive", "", ""], ["", "x", ""], ["tty", "stream", ""]] {
            assert!(texts(wrong).is_err(), "{wrong:?}");
        }
    }
}
