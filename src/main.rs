//! The `rkt-build` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    rkt_build::cli::main(std::env::args_os())
}
