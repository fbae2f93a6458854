//! Scripts: what their first line says.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::object::ObjectError;

/// As much of a file as the kernel looks at, in bytes (`BINPRM_BUF_SIZE`, Linux 5.1 or later).
pub(crate) const MAX_LINE: usize = 256;

/// The first line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The program that the kernel starts.
    pub interpreter: PathBuf,
    /// What it gets before the script's name: one argument, spaces and all. For `/usr/bin/env` it names the
    /// real interpreter, which depends on `PATH` and is therefore not followed.
    pub argument: Option<OsString>,
}

impl Script {
    /// Understands the start of a file as `load_script` of the kernel does.
    pub(crate) fn parse(start: &[u8]) -> Result<Script, ObjectError> {
        let start = &start[..start.len().min(MAX_LINE)];
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let end = start.iter().position(|byte| *byte == b'\n');
        let line = start.get(2..end.unwrap_or(start.len())).unwrap_or_default();
        let line = &line[line.iter().take_while(|byte| blank(byte)).count()..];
        let stop = line.iter().position(|byte| blank(byte) || *byte == 0);
        // An interpreter that is cut off would be another one.
        if stop.is_none() && end.is_none() && start.len() == MAX_LINE {
            return Err(ObjectError::Limit { what: "bytes in the first line of a script", limit: MAX_LINE });
        }
        let (interpreter, rest) = line.split_at(stop.unwrap_or(line.len()));
        if interpreter.is_empty() {
            return Err(ObjectError::Unknown);
        }
        let rest = rest.split(|byte| *byte == 0).next().unwrap_or_default();
        let argument = rest.trim_ascii();
        Ok(Script {
            interpreter: PathBuf::from(OsString::from_vec(interpreter.to_vec())),
            argument: (!argument.is_empty()).then(|| OsString::from_vec(argument.to_vec())),
        })
    }
}
