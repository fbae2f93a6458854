//! The `rkt` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    rkt::signals::end_on_broken_pipe();
    rkt::cli::run(std::env::args_os().collect()).into()
}
