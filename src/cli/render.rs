//! Prints events: plain lines, and on a terminal one line for the progress of the moment.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::event::{Event, Sink};
use crate::failure::Problem;

/// Tags are padded to so many columns.
const TAG_WIDTH: usize = 12;

/// Progress is drawn no more often than this.
const PROGRESS_PAUSE: Duration = Duration::from_millis(100);

/// Prints events to standard error (actions to standard output, as `make` does).
#[derive(Debug)]
pub(super) struct Renderer {
    verbosity: u8,
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    drawn: Option<Instant>,
}

impl Renderer {
    /// A renderer that shows what belongs to a verbosity of 0 to 3.
    pub(super) fn new(verbosity: u8) -> Self {
        Self { verbosity, terminal: std::io::stderr().is_terminal(), state: Mutex::default() }
    }

    fn progress(&self, text: &str, done: u64, total: Option<u64>) {
        if self.verbosity == 0 || !self.terminal {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.drawn.is_some_and(|at| at.elapsed() < PROGRESS_PAUSE) {
            return;
        }
        state.drawn = Some(Instant::now());
        let share = match total {
            Some(total) if total > 0 => format!("{}%", done.saturating_mul(100) / total),
            _ => done.to_string(),
        };
        let _ = write!(std::io::stderr().lock(), "\r\x1b[K  {text} {share}");
    }

    fn clear_progress(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.drawn.take().is_some() {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }

    fn line(&self, level: u8, text: &str) {
        if self.verbosity >= level {
            self.clear_progress();
            let _ = writeln!(std::io::stdout().lock(), "{text}");
        }
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        self.clear_progress();
    }
}

impl Sink for Renderer {
    fn send(&self, event: Event) {
        match event {
            Event::Action { tag, text } => self.line(1, &format!("  {tag:<TAG_WIDTH$} {text}")),
            Event::Detail { tag, text } => self.line(2, &format!("  {tag:<TAG_WIDTH$} {text}")),
            Event::Command { words, directory } => {
                let command = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
                let line = match directory {
                    Some(directory) => format!("cd {} && {command}", quoted(&directory.to_string_lossy())),
                    None => command,
                };
                self.line(3, &line);
            }
            Event::Output { from, line } => self.line(2, &format!("  {from:<TAG_WIDTH$} | {line}")),
            Event::Progress { text, done, total } => self.progress(&text, done, total),
            Event::Note(text) => self.line(1, &text),
            Event::Warning(problem) => {
                self.clear_progress();
                let _ = writeln!(std::io::stderr().lock(), "{}", problem_text("warning", &problem));
            }
        }
    }
}

/// A problem as it is printed: what, then where and what to do on lines of their own.
pub(super) fn problem_text(kind: &str, problem: &Problem) -> String {
    let mut text = format!("{kind}: {}", problem.what);
    if let Some(place) = &problem.place {
        text.push_str("\n  at:   ");
        text.push_str(place);
    }
    if let Some(hint) = &problem.hint {
        text.push_str("\n  hint: ");
        text.push_str(hint);
    }
    text
}

/// A word as a shell would take it.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(quoted("--prefix=/usr"), "--prefix=/usr");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_problem_in_three_parts() {
        let problem = Problem::new("no such thing").at("here").hint("look there");
        assert_eq!(problem_text("error", &problem), "error: no such thing\n  at:   here\n  hint: look there");
    }
}
