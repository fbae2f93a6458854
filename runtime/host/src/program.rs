//! Programs of the machine: where they are, and what they say of themselves.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The most that is read of what a program says, in bytes.
const LIMIT: u64 = 256 << 10;

/// The first executable file of this name in the directories of `PATH`; relative ones are passed over.
pub fn find(name: impl AsRef<Path>) -> Option<PathBuf> {
    find_in(name.as_ref(), &std::env::var_os("PATH")?)
}

/// The same in a list of directories, as `PATH` has them.
pub fn find_in(name: impl AsRef<Path>, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(&name))
        .find(|path| is_executable(path))
}

/// Whether this is a regular file that somebody may execute; symlinks are followed.
pub fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Why a program did not say what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started or listened to.
    #[error("cannot run {}: {source}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It failed.
    #[error("{} {argument} failed: {status}", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// The argument that it was given.
        argument: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
}

/// What a program writes to its standard output when it is given one argument and an environment
/// without variables but `LC_ALL=C`; at most [`LIMIT`] bytes.
pub(crate) fn ask(program: &Path, argument: &'static str) -> Result<Vec<u8>, Error> {
    let failed = |source: io::Error| Error::Run { program: program.to_path_buf(), source };
    let mut child = Command::new(program)
        .arg(argument)
        .env_clear()
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let mut text = Vec::new();
    // The pipe is closed with the end of this: a program that says more must not wait for a reader.
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(LIMIT).read_to_end(&mut text),
        None => Ok(0),
    };
    let status = child.wait().map_err(failed)?;
    read.map_err(failed)?;
    if status.success() || text.len() as u64 == LIMIT {
        Ok(text)
    } else {
        Err(Error::Failed { program: program.to_path_buf(), argument, status })
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ask, find, find_in, is_executable};
    use std::ffi::OsStr;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    #[test]
    fn programs_are_executable_files_in_absolute_directories() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        std::fs::create_dir_all(first.join("tool")).unwrap();
        std::fs::create_dir(&second).unwrap();
        std::fs::write(first.join("text"), "").unwrap();
        for name in ["tool", "text"] {
            std::fs::write(second.join(name), "").unwrap();
            std::fs::set_permissions(second.join(name), PermissionsExt::from_mode(0o755)).unwrap();
        }
        let path =
            std::env::join_paths([Path::new("relative"), &first, Path::new("/missing"), &second]).unwrap();
        assert_eq!(find_in("tool", &path), Some(second.join("tool")));
        assert_eq!(find_in("text", &path), Some(second.join("text")));
        assert_eq!(find_in("other", &path), None);
        assert_eq!(find_in("tool", OsStr::new("")), None);
        assert!(find("sh").is_some());
        assert!(!is_executable(Path::new("/etc/passwd")));
    }

    #[test]
    fn programs_are_asked_in_a_clean_environment() {
        let dir = tempfile::tempdir().unwrap();
        let script = |text: &str| -> PathBuf {
            let path = dir.path().join("tool");
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
            path
        };
        let tool = script("echo \"$1 $HOME $LC_ALL\"; echo noise >&2");
        assert_eq!(ask(&tool, "--version").unwrap(), b"--version  C\n");
        assert!(matches!(ask(&script("echo x; exit 3"), "--help"), Err(Error::Failed { .. })));
        // Ends although nobody reads on.
        assert_eq!(ask(&script("exec /usr/bin/yes"), "--help").unwrap().len(), 256 << 10);
        assert!(matches!(ask(Path::new("/no/such/program"), "--help"), Err(Error::Run { .. })));
    }
}
