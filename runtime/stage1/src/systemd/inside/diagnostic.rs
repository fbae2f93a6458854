//! `diagnostic`: explains why a program of an app cannot be run. Runs in the pod.

use crate::failure::{Failure, at};
use pod::app::binary::{self, Problem};
use pod::root::Root;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How many interpreters may call for one another; the kernel's own limit is lower.
const DEPTH: usize = 10;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let Ok([root, executable]) = <[OsString; 2]>::try_from(arguments) else {
        return Err(Failure::new(format!("usage: {program} ROOT PROGRAM")));
    };
    match explain(Path::new(&root), Path::new(&executable))? {
        None => Ok(ExitCode::SUCCESS),
        Some(text) => {
            eprintln!("{text}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Why a program cannot be run, in the original's words where it has some; `None` when its files give no reason.
pub(super) fn explain(root: &Path, executable: &Path) -> Result<Option<String>, Failure> {
    let root = Root::open(root).map_err(at("use as root of the app", root))?;
    let mut next = executable.to_path_buf();
    for _ in 0..DEPTH {
        if let Err(problem) = binary::examine(&root, &next) {
            return Ok(Some(words(&problem)));
        }
        match binary::interpreter_of(&root, &next) {
            Some(interpreter) => next = interpreter,
            None => return Ok(None),
        }
    }
    Ok(Some(format!(
        "Error: \"{}\": interpreters call for one another more than {DEPTH} times",
        executable.display()
    )))
}

fn words(problem: &Problem) -> String {
    let open =
        |path: &PathBuf| format!("Error: Unable to open \"{}\": No such file or directory", path.display());
    let line = match problem {
        Problem::Missing(path) => open(path),
        Problem::MissingInterpreter { program, interpreter } => {
            format!("{}\nError: \"{}\" needs it to run", open(interpreter), program.display())
        }
        other => format!("Error: {other}"),
    };
    format!("{line}\nhint: {}", problem.hint())
}
