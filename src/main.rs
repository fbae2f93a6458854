//! The `rkt-build` program.

fn main() {}
