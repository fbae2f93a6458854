//! Killing `rkt` at a counted system call, and looking at what that left.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// `strace` of a command, quiet in every respect.
pub(crate) fn strace(command: &Command, options: &[&str], output: &Path) -> ExitStatus {
    let mut strace = Command::new("strace");
    strace.arg("--quiet=all").args(options).arg("--output").arg(output);
    strace.arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        strace.current_dir(dir);
    }
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    strace.status().expect("run strace (package strace)")
}

/// Runs a command and kills it at its `count`-th system call among `calls`, a set in the words of `strace`. False if it
/// ended by itself before.
pub(crate) fn killed_at(command: &Command, calls: &str, count: usize) -> bool {
    let inject = format!("--inject={calls}:signal=KILL:when={count}");
    strace(command, &[&format!("--trace={calls}"), &inject], Path::new("/dev/null")).signal() == Some(9)
}

/// All paths below a directory with kind, mode, owner, size or target, and number of names.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut entries = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        let Ok(list) = fs::read_dir(&dir) else { continue };
        for entry in list {
            let path = entry.unwrap().path();
            let about = fs::symlink_metadata(&path).unwrap();
            let kind = about.file_type();
            let mut text = format!("{:o} {}:{} ", about.mode(), about.uid(), about.gid());
            if kind.is_symlink() {
                text += &fs::read_link(&path).unwrap().to_string_lossy();
            } else if kind.is_file() {
                let _ = write!(text, "{} bytes, {} names", about.len(), about.nlink());
            } else if kind.is_char_device() {
                let _ = write!(text, "device {}", about.rdev());
            }
            if kind.is_dir() {
                todo.push(path.clone());
            }
            entries.insert(path.strip_prefix(root).unwrap().to_owned(), text);
        }
    }
    entries
}
