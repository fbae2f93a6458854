//! The program of an app: finding it inside the app's root, and saying why it cannot be run.

use crate::root::{Root, is_file};
use rustix::fs::OFlags;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Why a program cannot be run. Paths are inside the app's root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nowhere in these directories.
    #[error("unable to find \"{}\" in \"{}\"", name.display(), directories.display())]
    NotInPath {
        /// The name looked for.
        name: OsString,
        /// The directories, separated by colons.
        directories: OsString,
    },
    /// There is no such file.
    #[error("\"{}\" does not exist in the app's image", .0.display())]
    Missing(PathBuf),
    /// It is a directory, a device …
    #[error("\"{}\" is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// No execute permission at all.
    #[error("\"{}\" is not executable", .0.display())]
    NotExecutable(PathBuf),
    /// It needs a program that is not there.
    #[error("\"{}\" needs \"{}\" to run it, which the app's image does not have", program.display(), interpreter.display())]
    MissingInterpreter {
        /// The program.
        program: PathBuf,
        /// The dynamic linker, or what stands after `#!`.
        interpreter: PathBuf,
    },
    /// It could not be looked at.
    #[error("cannot look at \"{}\" in the app's image: {reason}", path.display())]
    Unreadable {
        /// The program.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl Problem {
    /// What somebody can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Problem::NotInPath { .. } | Problem::Missing(_) | Problem::NotAFile(_) => {
                "check the image's exec, or name another program with --exec=PATH"
            }
            Problem::NotExecutable(_) => "give the file execute permission when the image is built",
            Problem::MissingInterpreter { .. } => {
                "add the interpreter to the image, or link the program statically"
            }
            Problem::Unreadable { .. } => "check the image with rkt image verify",
        }
    }
}

/// Finds a program as an app means it: an absolute path as it is, one with a slash in the working
/// directory, a bare name in the directories of `path` or, without that, in the working directory and
/// the usual two.
///
/// # Errors
/// [`Problem::NotInPath`].
pub fn find(
    root: &Root,
    name: &OsStr,
    working_directory: &Path,
    path: Option<&OsStr>,
) -> Result<PathBuf, Problem> {
    let bytes = name.as_bytes();
    if bytes.contains(&b'/') {
        return Ok(working_directory.join(name));
    }
    let directories = path.map_or_else(
        || {
            let mut list = working_directory.as_os_str().to_owned();
            list.push(":/bin:/usr/bin");
            list
        },
        OsStr::to_owned,
    );
    if !bytes.is_empty() {
        for directory in directories.as_bytes().split(|&byte| byte == b':') {
            // An empty or relative directory is seen from the working directory.
            let candidate = working_directory.join(OsStr::from_bytes(directory)).join(name);
            if let Ok(stat) = root.stat(&candidate)
                && is_file(&stat)
                && stat.st_mode & 0o111 != 0
            {
                return Ok(candidate);
            }
        }
    }
    Err(Problem::NotInPath { name: name.to_owned(), directories })
}

/// Looks whether a program can be run as far as its file tells: there, executable, with its dynamic
/// linker or script interpreter.
///
/// # Errors
/// [`Problem`].
pub fn examine(root: &Root, program: &Path) -> Result<(), Problem> {
    let unreadable =
        |error: &io::Error| Problem::Unreadable { path: program.to_path_buf(), reason: error.to_string() };
    let place = match root.open_file(program, OFlags::PATH) {
        Ok(fd) => fd,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(Problem::Missing(program.to_path_buf()));
        }
        Err(error) => return Err(unreadable(&error)),
    };
    let stat = rustix::fs::fstat(&place).map_err(|errno| unreadable(&errno.into()))?;
    if !is_file(&stat) {
        return Err(Problem::NotAFile(program.to_path_buf()));
    }
    if stat.st_mode & 0o111 == 0 {
        return Err(Problem::NotExecutable(program.to_path_buf()));
    }
    // What cannot be read is left to the kernel to judge.
    let Some(interpreter) = interpreter_of(root, program) else { return Ok(()) };
    match root.open_file(&interpreter, OFlags::PATH) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Err(Problem::MissingInterpreter { program: program.to_path_buf(), interpreter })
        }
        _ => Ok(()),
    }
}

/// The absolute path of what the kernel starts to run a program; `None` when it needs nothing, or cannot be read.
pub fn interpreter_of(root: &Root, program: &Path) -> Option<PathBuf> {
    let file = root.open_file(program, OFlags::RDONLY | OFlags::NONBLOCK).ok()?;
    interpreter(&File::from(file))
}

/// The program that the kernel starts to run this one; `None` when there is none, or the file is not
/// of a kind that we know.
fn interpreter(file: &File) -> Option<PathBuf> {
    let mut head = [0_u8; 512];
    let length = read_at(file, &mut head, 0)?;
    let head = &head[..length];
    let name = match head {
        [b'#', b'!', rest @ ..] => {
            let line = rest.split(|&byte| byte == b'\n').next()?;
            let line = line.trim_ascii();
            line.split(|byte| matches!(byte, b' ' | b'\t')).next()?.to_vec()
        }
        [0x7f, b'E', b'L', b'F', ..] => elf_interpreter(file, head)?,
        _ => return None,
    };
    // The kernel would look for a relative one in the working directory; that is left to it.
    name.starts_with(b"/").then(|| PathBuf::from(OsString::from_vec(name)))
}

/// The string of the program header of type `PT_INTERP`.
fn elf_interpreter(file: &File, head: &[u8]) -> Option<Vec<u8>> {
    const PT_INTERP: u64 = 3;
    const PATH_LIMIT: u64 = 4096;
    const HEADERS_LIMIT: u64 = 128;
    let wide = head.get(4) == Some(&2);
    let big_endian = head.get(5) == Some(&2);
    let number = |bytes: &[u8], at: usize, size: usize| -> Option<u64> {
        let field = bytes.get(at..at + size)?;
        let digits = field.iter();
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if big_endian { digits.fold(0, join) } else { digits.rev().fold(0, join) })
    };
    let (offset, size, count) = if wide {
        (number(head, 32, 8)?, number(head, 54, 2)?, number(head, 56, 2)?)
    } else {
        (number(head, 28, 4)?, number(head, 42, 2)?, number(head, 44, 2)?)
    };
    for index in 0..count.min(HEADERS_LIMIT) {
        let mut header = [0_u8; 56];
        let wanted = if wide { 56 } else { 32 };
        let at = offset.checked_add(index * size)?;
        if read_at(file, &mut header[..wanted], at)? < wanted {
            return None;
        }
        if number(&header, 0, 4)? != PT_INTERP {
            continue;
        }
        let (start, length) = if wide {
            (number(&header, 8, 8)?, number(&header, 32, 8)?)
        } else {
            (number(&header, 4, 4)?, number(&header, 16, 4)?)
        };
        let mut name = vec![0_u8; usize::try_from(length.min(PATH_LIMIT)).ok()?];
        let got = read_at(file, &mut name, start)?;
        name.truncate(got);
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name.truncate(end);
        return Some(name);
    }
    None
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset.checked_add(filled as u64)?) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::{Problem, examine, find, interpreter};
    use crate::root::Root;
    use std::ffi::OsStr;
    use std::fs::{self, File};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    fn image() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let at = |name: &str| dir.path().join(name);
        for name in ["bin", "usr", "usr/bin", "work", "opt"] {
            fs::create_dir(at(name)).expect(name);
        }
        let write = |name: &str, text: &[u8], mode: u32| {
            fs::write(at(name), text).expect(name);
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).expect(name);
        };
        write("bin/plain", b"data", 0o644);
        write("usr/bin/plain", b"data", 0o755);
        write("opt/script", b"#! /bin/absent -x\necho\n", 0o755);
        write("opt/good", b"#!/usr/bin/plain\n", 0o711);
        write("work/tool", b"x", 0o100);
        symlink("/usr/bin/plain", at("opt/linked")).expect("link");
        symlink("/etc/../../../../bin/sh", at("opt/escape")).expect("link");
        let root = Root::open(&dir.path().canonicalize().expect("real path")).expect("root");
        (dir, root)
    }

    #[test]
    fn where_programs_are_found() {
        let (_dir, root) = image();
        let rows: &[(&str, &str, Option<&str>, Option<&str>)] = &[
            ("/opt/nothing", "/", None, Some("/opt/nothing")),
            ("./tool", "/work", None, Some("/work/./tool")),
            ("plain", "/", None, Some("/usr/bin/plain")),
            ("tool", "/work", None, Some("/work/tool")),
            ("tool", "/", None, None),
            ("linked", "/", Some("/bin:/opt"), Some("/opt/linked")),
            ("tool", "/work", Some("/bin:"), Some("/work/tool")),
            ("escape", "/", Some("/opt"), None),
            ("bin", "/", Some("/usr"), None),
            ("", "/", None, None),
        ];
        for (name, working_directory, path, expected) in rows {
            let found = find(&root, OsStr::new(name), Path::new(working_directory), path.map(OsStr::new));
            assert_eq!(found.ok(), expected.map(PathBuf::from), "{name}");
        }
        let error = find(&root, OsStr::new("x"), Path::new("/w"), None).expect_err("missing");
        assert_eq!(error.to_string(), "unable to find \"x\" in \"/w:/bin:/usr/bin\"");
    }

    #[test]
    fn why_programs_do_not_run() {
        let (_dir, root) = image();
        let rows = [
            ("/nothing", Some("\"/nothing\" does not exist in the app's image")),
            ("/bin/plain/x", Some("\"/bin/plain/x\" does not exist in the app's image")),
            ("/opt", Some("\"/opt\" is not a regular file")),
            ("/bin/plain", Some("\"/bin/plain\" is not executable")),
            (
                "/opt/script",
                Some("\"/opt/script\" needs \"/bin/absent\" to run it, which the app's image does not have"),
            ),
            ("/opt/good", None),
            ("/opt/linked", None),
        ];
        for (program, expected) in rows {
            let found = examine(&root, Path::new(program)).err().map(|problem: Problem| problem.to_string());
            assert_eq!(found.as_deref(), expected, "{program}");
        }
    }

    #[test]
    fn the_dynamic_linker_is_read_from_elf() {
        // This test itself is a dynamic executable, or a static one in a static build.
        let own = File::open("/proc/self/exe").expect("own executable");
        if cfg!(target_feature = "crt-static") {
            assert_eq!(interpreter(&own), None);
        } else {
            let name = interpreter(&own).expect("a dynamic linker");
            assert!(name.exists(), "{}", name.display());
        }
        let dir = tempfile::tempdir().expect("temporary directory");
        let whole = fs::read("/proc/self/exe").expect("own executable");
        for length in [0, 1, 2, 4, 16, 40, 63, 64, 100, 200] {
            let path = dir.path().join("cut");
            fs::write(&path, &whole[..length]).expect("write");
            interpreter(&File::open(&path).expect("open"));
        }
        for at in 0..64 {
            let mut broken = whole[..4096].to_vec();
            broken[at] = 0xff;
            let path = dir.path().join("broken");
            fs::write(&path, &broken).expect("write");
            interpreter(&File::open(&path).expect("open"));
        }
    }
}
