//! Pods: making them ready, starting them, and collecting what they leave.

pub mod assemble;
pub mod environment;
pub mod isolation;
pub mod volume;
