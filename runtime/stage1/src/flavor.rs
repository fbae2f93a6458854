//! Which flavor the image is of that this executable lies in.

use crate::failure::{Failure, at};
use std::fs;
use std::path::Path;

/// Target of the symlink `flavor` beside this executable.
pub(crate) fn own() -> Result<String, Failure> {
    let link = Path::new("/proc/self/exe");
    let executable = fs::read_link(link).map_err(at("read the link", link))?;
    let flavor = executable.with_file_name("flavor");
    match fs::read_link(&flavor) {
        Ok(name) => Ok(name.to_string_lossy().into_owned()),
        Err(error) => Err(Failure::new(format!("cannot read the link {}: {error}", flavor.display()))
            .hint("a stage1 image has a symlink `flavor` beside its executable that names the flavor")),
    }
}
