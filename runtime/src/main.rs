//! The `rkt` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    rkt::cli::run(std::env::args_os().collect()).into()
}
