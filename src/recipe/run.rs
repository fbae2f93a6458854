//! Running a program with its output in a log.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::event::{Event, Sink};
use crate::failure::Problem;

/// How many lines of a failed program's output are shown.
const SHOWN: usize = 25;

/// Runs a command to its end; what it writes goes into `log` and out as events.
pub(super) fn run(
    command: &mut Command,
    name: &str,
    log: &mut File,
    place: &Path,
    sink: &dyn Sink,
) -> Result<(), Problem> {
    let program = command.get_program().to_string_lossy().into_owned();
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    sink.send(Event::Command {
        words: words.clone(),
        directory: command.get_current_dir().map(Path::to_owned),
    });
    let wrong = |what: String| Problem::new(what).at(place.display().to_string());
    let failed = |error: io::Error| wrong(format!("{program} cannot be started or watched: {error}"));
    let _ = writeln!(log, "$ {}", words.join(" "));
    let (reader, writer) = io::pipe().map_err(failed)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(failed)?)
        .stderr(writer)
        .spawn()
        .map_err(failed)?;
    // The command still holds the ends that are written to; as long as it does, reading does not end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut last = VecDeque::new();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        log.write_all(&line).map_err(|error| Problem::system("cannot be written", place, &error))?;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        if last.len() == SHOWN {
            last.pop_front();
        }
        last.push_back(text.clone());
        sink.send(Event::Output { from: name.to_owned().into(), line: text });
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let said = last.into_iter().collect::<Vec<_>>().join("\n  ");
    Err(wrong(format!("{name} failed ({status}):\n  {said}")).hint("the whole output is in that file"))
}
