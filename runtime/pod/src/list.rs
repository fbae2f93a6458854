//! Which pods there are.

use crate::error::Error;
use crate::layout::DataDir;
use crate::pod::Pod;
use crate::state::Directory;
use crate::uuid::Uuid;
use std::collections::BTreeSet;

/// Names of the pods in these directories, sorted. A pod that moves from one to a later one of them
/// meanwhile is named once; what is not named like a pod is passed over.
///
/// # Errors
/// When a directory exists but cannot be read.
pub fn uuids(data: &DataDir, directories: &[Directory]) -> Result<Vec<Uuid>, Error> {
    let mut found = BTreeSet::new();
    for directory in Directory::ALL {
        if !directories.contains(&directory) {
            continue;
        }
        let path = data.pods(directory);
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("read the directory", &path)(error)),
        };
        for entry in entries {
            let name = entry.map_err(Error::io("read the directory", &path))?.file_name();
            if let Some(uuid) = name.to_str().and_then(|name| name.parse().ok()) {
                found.insert(uuid);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// The pods in these directories, sorted by name. One that leaves them while we look is left out.
///
/// # Errors
/// When a directory cannot be read; what is wrong with a single pod is that pod's own result.
pub fn pods(data: &DataDir, directories: &[Directory]) -> Result<Vec<Result<Pod, Error>>, Error> {
    let names = uuids(data, directories)?;
    Ok(names.into_iter().filter_map(|uuid| Pod::open_in(data, uuid, directories).transpose()).collect())
}

/// The pod that a user means by the beginning of its name, among those in
/// [`Directory::LISTED`].
///
/// # Errors
/// [`Error::NoMatch`], [`Error::Ambiguous`], [`Error::EmptyUuid`].
pub fn resolve(data: &DataDir, prefix: &str) -> Result<Uuid, Error> {
    let prefix = prefix.trim().to_lowercase();
    if prefix.is_empty() {
        return Err(Error::EmptyUuid);
    }
    let mut matches = uuids(data, &Directory::LISTED)?;
    matches.retain(|uuid| uuid.to_string().starts_with(&prefix));
    match matches.len() {
        0 => Err(Error::NoMatch(prefix)),
        1 => Ok(matches.remove(0)),
        _ => Err(Error::Ambiguous(matches)),
    }
}
