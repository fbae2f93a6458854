//! Compiling a component in a clean environment, and judging what came out of it.

pub mod cargo;
pub mod defaults;
pub mod elf;
mod needs;
mod run;
pub mod toolchain;

pub use needs::find_program;
