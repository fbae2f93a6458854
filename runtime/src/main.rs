//! The `rkt` program.

fn main() {}
