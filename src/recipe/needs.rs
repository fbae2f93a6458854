//! Finding the programs that compiling needs.

use std::path::{Path, PathBuf};

use host::program;

/// The file that a command is: a path as it is, a name looked for in `PATH`.
pub fn find_program(command: &Path) -> Option<PathBuf> {
    if command.components().count() > 1 {
        return program::is_executable(command).then(|| command.to_owned());
    }
    program::find(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        assert!(find_program(Path::new("sh")).is_some());
        assert!(find_program(Path::new("/bin/sh")).is_some());
        assert!(find_program(Path::new("/etc/passwd")).is_none());
    }
}
