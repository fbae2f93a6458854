//! Taking away what was built: only what this program made, never an input.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::configure::Config;
use crate::failure::Problem;
use crate::recipe::cargo::{TAG, TAG_TEXT};
use crate::store::lock;
use crate::store::record::Record;

/// What was removed, relative to the build directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Files and folders that were removed.
    pub removed: Vec<PathBuf>,
}

/// Folders of a build directory, the deepest first; they go when they are empty.
const FOLDERS: [&str; 4] = ["bin", "stage1", "logs", "steps"];

/// Removes outputs, records, logs and what cargo made. The configuration stays, and what `install` remembers.
pub fn clean(config: &Config) -> Result<Cleaned, Vec<Problem>> {
    let builddir = &config.builddir;
    let inputs = [
        ("--srcdir", &config.srcdir),
        ("--with-stage1-executable", &config.stage1_executable),
        ("--with-rkt-executable", &config.rkt_executable),
        ("--with-flavors-dir", &config.flavors_dir),
    ];
    let threatened =
        |path: &Path| FOLDERS.iter().chain(&["cargo"]).any(|folder| path.starts_with(builddir.join(folder)));
    let problems: Vec<_> = inputs
        .iter()
        .filter_map(|(option, path)| Some((option, path.as_deref()?)))
        .filter(|(_, path)| threatened(path))
        .map(|(option, path)| {
            Problem::new(format!("the input of {option} lies where the build puts its own files"))
                .at(path.display().to_string())
                .hint("move it out of the build directory; nothing was removed")
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut cleaned = Cleaned::default();
    remove_all(builddir, &mut cleaned)
        .map_err(|(path, error)| vec![Problem::system("cannot be removed", &path, &error)])?;
    Ok(cleaned)
}

fn remove_all(builddir: &Path, cleaned: &mut Cleaned) -> Result<(), (PathBuf, io::Error)> {
    for record in files(&builddir.join("steps"), "json") {
        for output in Record::load(&record).map(|record| record.outputs).unwrap_or_default().keys() {
            // The record is a file like any other: what it names must lie inside, with no link on the way.
            if is_inside(builddir, output) {
                remove(builddir, output, cleaned)?;
            }
        }
        remove(builddir, &inside(builddir, &record), cleaned)?;
    }
    for log in files(&builddir.join("logs"), "log") {
        remove(builddir, &inside(builddir, &log), cleaned)?;
    }
    let cargo = builddir.join("cargo");
    let ours = fs::read_to_string(cargo.join(TAG)).is_ok_and(|text| text == TAG_TEXT);
    if ours && cargo.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        fs::remove_dir_all(&cargo).map_err(|error| (cargo.clone(), error))?;
        cleaned.removed.push("cargo".into());
    }
    if fs::read_link(builddir.join("target")).is_ok_and(|text| text == Path::new(".")) {
        remove(builddir, Path::new("target"), cleaned)?;
    }
    remove(builddir, Path::new(lock::FILE_NAME), cleaned)?;
    for folder in FOLDERS {
        prune(&builddir.join(folder));
    }
    Ok(())
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    // A link in place of the folder leads to something that is not ours.
    if !folder.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|other| other == extension)).collect();
    files.sort();
    files
}

fn inside(builddir: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(builddir).unwrap_or(path).to_owned()
}

fn is_inside(builddir: &Path, path: &Path) -> bool {
    let plain = path.components().all(|component| matches!(component, Component::Normal(_)));
    let mut folder = builddir.to_owned();
    plain
        && path.parent().is_some_and(|parent| {
            parent.components().all(|component| {
                folder.push(component);
                folder.symlink_metadata().is_ok_and(|meta| meta.is_dir())
            })
        })
}

fn remove(builddir: &Path, path: &Path, cleaned: &mut Cleaned) -> Result<(), (PathBuf, io::Error)> {
    let full = builddir.join(path);
    match fs::remove_file(&full) {
        Ok(()) => cleaned.removed.push(path.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err((full, error)),
    }
    Ok(())
}

/// Removes a folder and those in it as far as they are empty.
fn prune(folder: &Path) {
    if !folder.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        prune(&entry.path());
    }
    // One that is not empty holds something that is not ours, and stays.
    let _ = fs::remove_dir(folder);
}
